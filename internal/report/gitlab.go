package report

import (
	"io"
	"iter"

	"github.com/leakgate/leakgate/internal/gate"
)

// The secret-detection report of GitLab, written for version 15.0.0 of its
// schema, which every GitLab since 15.0 reads:
// https://gitlab.com/gitlab-org/security-products/security-report-schemas
const (
	gitlabSchemaVersion = "15.0.0"
	gitlabNoCommit      = "0000000" // the schema wants a commit for every finding
	gitlabMaxName       = 255
	gitlabMaxSolution   = 7000
	gitlabMaxMessages   = 500
)

type gitlabTool struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	URL     string       `json:"url"`
	Version string       `json:"version"`
	Vendor  gitlabVendor `json:"vendor"`
}

type gitlabVendor struct {
	Name string `json:"name"`
}

type gitlabMessage struct {
	Level string `json:"level"`
	Value string `json:"value"`
}

type gitlabScan struct {
	Analyzer  gitlabTool      `json:"analyzer"`
	Scanner   gitlabTool      `json:"scanner"`
	Type      string          `json:"type"`
	StartTime string          `json:"start_time"`
	EndTime   string          `json:"end_time"`
	Status    string          `json:"status"`
	Messages  []gitlabMessage `json:"messages"`
}

type gitlabCommit struct {
	SHA    string `json:"sha"`
	Author string `json:"author,omitempty"`
	Date   string `json:"date,omitempty"`
}

type gitlabLocation struct {
	File      string       `json:"file"`
	Commit    gitlabCommit `json:"commit"`
	StartLine int          `json:"start_line"`
	EndLine   int          `json:"end_line"`
}

type gitlabIdentifier struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type gitlabVulnerability struct {
	ID          string             `json:"id"`
	Category    string             `json:"category"`
	Name        string             `json:"name"`
	Description string             `json:"description"`
	Severity    string             `json:"severity"`
	Solution    string             `json:"solution"`
	Location    gitlabLocation     `json:"location"`
	Identifiers []gitlabIdentifier `json:"identifiers"`
}

// writeGitLab leaves out what the policy allows, because GitLab has no way to
// say it and would list it as open.
func writeGitLab(w io.Writer, v *view) error {
	o := &object{w: w}
	o.field("version", gitlabSchemaVersion)
	o.field("scan", v.gitlabScan())
	list(o, "vulnerabilities", v.gitlabVulnerabilities())
	return o.close()
}

func (v *view) gitlabScan() gitlabScan {
	tool := gitlabTool{
		ID:      v.Tool.Name,
		Name:    v.Tool.Name,
		URL:     InformationURI,
		Version: orElse(v.Tool.Version, "0.0.0"),
		Vendor:  gitlabVendor{v.Tool.Name},
	}
	status := "success"
	if !v.complete() {
		status = "failure"
	}
	return gitlabScan{
		Analyzer:  tool,
		Scanner:   tool,
		Type:      "secret_detection",
		StartTime: utcSeconds(v.Started),
		EndTime:   utcSeconds(v.Finished),
		Status:    status,
		Messages:  v.gitlabMessages(),
	}
}

func (v *view) gitlabMessages() []gitlabMessage {
	messages := []gitlabMessage{{"info", visible("Looked at " + v.looked() + "; range " + orElse(v.mask.clean(v.Result.Range.Text), "not given"))}}
	if n := v.count(gate.Allow); n > 0 {
		messages = append(messages, gitlabMessage{"info", plural(n, "finding") + " allowed by the policy left out"})
	}
	if why := v.errText(); why != "" {
		messages = append(messages, gitlabMessage{"fatal", visible(why)})
	}
	for i, s := range v.missed {
		if i == gitlabMaxMessages {
			messages = append(messages, gitlabMessage{"warn", "missed " + plural(len(v.missed)-i, "more item")})
			break
		}
		messages = append(messages, gitlabMessage{"warn", "missed " + v.skipText(s, visible)})
	}
	for i, n := range v.Verdict.Notices {
		if i == gitlabMaxMessages {
			break
		}
		messages = append(messages, gitlabMessage{"warn", visible(v.noticeText(n))})
	}
	return messages
}

func (v *view) gitlabVulnerabilities() iter.Seq[gitlabVulnerability] {
	return func(yield func(gitlabVulnerability) bool) {
		for i := range v.Verdict.Findings {
			f := &v.Verdict.Findings[i]
			if f.Decision != gate.Allow && !yield(v.gitlabVulnerability(f)) {
				return
			}
		}
	}
}

func (v *view) gitlabVulnerability(f *gate.Judged) gitlabVulnerability {
	rule := ruleOf(f)
	id := visible(v.mask.clean(rule.ID))
	return gitlabVulnerability{
		ID:       uuid("gitlab", f),
		Category: "secret_detection",
		Name:     clip(visible(v.mask.clean(title(rule))), gitlabMaxName),
		Description: markdownText(v.mask.clean(title(rule))) + " " + markdownCode(preview(f)) +
			", credential " + markdownCode(f.Credential) +
			", " + f.Confidence.String() + " confidence, decision " + f.Decision.String() + ".",
		Severity: word(int(f.Severity), "Low", "Medium", "High", "Critical"),
		Solution: clip(v.mask.clean(adviceOf(rule)), gitlabMaxSolution),
		Location: gitlabLocation{
			File: v.mask.clean(f.At.Path),
			Commit: gitlabCommit{
				SHA:    orElse(f.Commit.ID, gitlabNoCommit),
				Author: v.mask.clean(f.Commit.Author),
				Date:   timestamp(f.Commit.Date),
			},
			StartLine: max(1, f.At.StartLine),
			EndLine:   max(1, f.At.StartLine, f.At.EndLine),
		},
		Identifiers: []gitlabIdentifier{{"leakgate_rule_id", "leakgate rule " + id, id}},
	}
}
