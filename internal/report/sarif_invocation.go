package report

import (
	"fmt"
	"time"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/scanner"
)

// sarifInvocation says whether the scan saw everything, and names what it did not.
func (v *view) sarifInvocation(left int) *sarif.Invocation {
	i := sarif.NewInvocation()
	complete, code := v.complete(), v.Verdict.ExitCode()
	i.ExecutionSuccessful, i.ExitCode = &complete, &code
	i.StartTimeUTC, i.EndTimeUTC = sarifTime(v.Started), sarifTime(v.Finished)
	if left > 0 {
		i.ToolExecutionNotifications = append(i.ToolExecutionNotifications,
			notification("warning", plural(left, "more finding")+" of lower gravity left out: see the json report."))
	}
	if why := v.errText(); why != "" {
		i.ToolExecutionNotifications = append(i.ToolExecutionNotifications, notification("error", sarifText(clip(why, sarifMaxText))))
	}
	for n, s := range v.missed {
		if n == sarifMaxNotifications {
			i.ToolExecutionNotifications = append(i.ToolExecutionNotifications,
				notification("error", "Missed "+plural(len(v.missed)-n, "more item")+": see the json report."))
			break
		}
		i.ToolExecutionNotifications = append(i.ToolExecutionNotifications, notification("error", "Missed "+v.skipText(s, sarifText)))
	}
	for n, notice := range v.Verdict.Notices {
		if n == sarifMaxNotifications {
			break
		}
		i.ToolConfigurationNotifications = append(i.ToolConfigurationNotifications,
			notification("warning", sarifText(clip(v.noticeText(notice), sarifMaxText))))
	}
	return i
}

// skipText is "PATH at COMMIT: REASON", each text escaped.
func (v *view) skipText(s scanner.Skip, escape func(string) string) string {
	what := "a part of the scan"
	if s.Path != "" {
		what = escape(clipMiddle(v.mask.clean(s.Path), sarifMaxText))
	}
	if s.Commit != "" {
		what += " at " + short(s.Commit)
	}
	if s.Count > 1 {
		what += " (" + plural(s.Count, "item") + ")"
	}
	return what + ": " + escape(clip(v.mask.clean(s.Reason), sarifMaxText))
}

// noticeText is "FILE:LINE: TEXT", masked but not escaped.
func (v *view) noticeText(n gate.Notice) string {
	at := ""
	if n.Path != "" {
		at = v.mask.clean(n.Path) + ": "
		if n.Line > 0 {
			at = fmt.Sprintf("%s:%d: ", v.mask.clean(n.Path), n.Line)
		}
	}
	return at + v.mask.clean(n.Text)
}

func notification(level, message string) *sarif.Notification {
	return sarif.NewNotification().WithLevel(level).WithTextMessage(message)
}

func (v *view) sarifProvenance() []*sarif.VersionControlDetails {
	repository := v.repositoryURL()
	if repository == "" || v.Result.Range.Head == "" {
		return nil
	}
	details := sarif.NewVersionControlDetails()
	details.RepositoryURI = text(repository)
	details.RevisionID = text(v.Result.Range.Head)
	details.MappedTo = &sarif.ArtifactLocation{URIBaseId: text(srcRoot)}
	return []*sarif.VersionControlDetails{details}
}

// sarifTime is in UTC to the second, nil for no time.
func sarifTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
