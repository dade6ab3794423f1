package report

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

const srcRoot = "%SRCROOT%"

// semantic is https://semver.org without its leading-zero rules, with Go's "v".
var semantic = regexp.MustCompile(`^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func isSemantic(version string) bool { return semantic.MatchString(version) }

// sarifRules describes the rules of the findings, and gives each one's index.
func (v *view) sarifRules(findings []*gate.Judged) ([]*sarif.ReportingDescriptor, map[string]uint) {
	byID := map[string]*rules.Rule{}
	var ids []string
	for _, f := range findings {
		if r := ruleOf(f); byID[r.ID] == nil {
			byID[r.ID] = r
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	index := make(map[string]uint, len(ids))
	described := make([]*sarif.ReportingDescriptor, 0, len(ids))
	for i, id := range ids {
		index[id] = uint(i)
		described = append(described, v.sarifRule(byID[id]))
	}
	return described, index
}

func (v *view) sarifRule(r *rules.Rule) *sarif.ReportingDescriptor {
	name := clip(visible(v.mask.clean(title(r))), 250)
	full := name + ". Found by rule " + visible(v.mask.clean(r.ID)) + " with " + r.Confidence.String() + " confidence."
	help := v.mask.clean(adviceOf(r))
	d := sarif.NewRule(v.mask.clean(r.ID)).
		WithName(pascalCase(v.mask.clean(r.ID))).
		WithShortDescription(sarif.NewMultiformatMessageString(sarifText(name + "."))).
		WithFullDescription(sarif.NewMultiformatMessageString(clip(sarifText(full), sarifMaxText))).
		WithTextHelp(sarifText(help)).
		WithMarkdownHelp("**What to do.** " + v.markdownAdvice(r))
	d.DefaultConfiguration = sarif.NewReportingConfiguration()
	d.DefaultConfiguration.Level = word(int(r.Confidence), "warning", "error", "error")
	d.Properties = sarif.Properties{
		"tags":              v.sarifTags(r),
		"precision":         word(int(r.Confidence), "low", "high", "very-high"),
		"security-severity": word(int(r.Severity), "2.0", "5.5", "8.0", "9.5"),
	}
	return d
}

func (v *view) sarifTags(r *rules.Rule) []string {
	tags := []string{"security", "secret"}
	for _, tag := range append([]string{strings.ToLower(r.Provider)}, r.Tags...) {
		tag = clip(visible(v.mask.clean(tag)), 100)
		if tag != "" && len(tags) < sarifMaxTags && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// adviceOf is what to do about a finding of the rule.
func adviceOf(r *rules.Rule) string {
	if r.Advice != "" {
		return r.Advice
	}
	return "Revoke the credential where it was issued, put a new one into a secret store, and remove the value from the code. Deleting the line alone leaves it in history."
}

// markdownAdvice keeps the Markdown of the built-in rules; a user's text is taken literally.
func (v *view) markdownAdvice(r *rules.Rule) string {
	advice := v.mask.clean(adviceOf(r))
	if r.Origin == "gitleaks" || r.Origin == "leakgate" || r.Advice == "" {
		return visible(strings.Join(strings.Fields(advice), " "))
	}
	return markdownText(advice)
}

// pascalCase makes the name that SARIF wants beside the id: "github-pat" is "GithubPat".
func pascalCase(id string) string {
	var out strings.Builder
	upper := true
	for _, r := range id {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			upper = true
		case upper:
			out.WriteRune(unicode.ToUpper(r))
			upper = false
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func (v *view) sarifResult(f *gate.Judged, rule uint) *sarif.Result {
	result := sarif.NewRuleResult(v.mask.clean(ruleOf(f).ID)).WithMessage(sarif.NewTextMessage(v.sarifMessage(f)))
	result.RuleIndex = &rule
	result.Level = text(map[gate.Decision]string{gate.Allow: "note", gate.Warn: "warning"}[f.Decision])
	if *result.Level == "" {
		result.Level = text("error")
	}
	location := v.sarifLocation(f)
	result.Locations = []*sarif.Location{location}
	result.PartialFingerprints = map[string]any{"leakgate/v1": f.Fingerprint}
	if f.LineHash != "" {
		result.PartialFingerprints["primaryLocationLineHash"] = f.LineHash
	}
	result.Properties = sarif.Properties{
		"confidence": f.Confidence.String(),
		"credential": f.Credential,
		"decision":   f.Decision.String(),
		"severity":   f.Severity.String(),
	}
	if f.Commit.ID != "" {
		result.Properties["commit"] = f.Commit.ID
	}
	if f.Decision == gate.Allow {
		result.Suppressions = []*sarif.Suppression{v.sarifSuppression(f, location)}
	}
	return result
}

// sarifMessage is two or three sentences that a reader of the alert sees first.
func (v *view) sarifMessage(f *gate.Judged) string {
	say := func(s string, limit int) string { return sarifText(clip(v.mask.clean(s), limit)) }
	message := fmt.Sprintf("%s: '%s'", say(title(ruleOf(f)), 250), sarifText(preview(f)))
	if f.At.Field != "" {
		message += fmt.Sprintf(" in field '%s'", say(f.At.Field, 250))
	}
	if f.Commit.ID != "" {
		message += fmt.Sprintf(", brought in by commit '%s'", short(f.Commit.ID))
	}
	message += fmt.Sprintf(". Severity %s, confidence %s", f.Severity.String(), f.Confidence.String())
	if f.Context != "" {
		message += " (" + say(f.Context, 250) + ")"
	}
	message += "; decision " + f.Decision.String()
	if f.Reason != "" {
		message += " (" + say(f.Reason, 250) + ")"
	}
	if f.Fix != "" {
		message += ". Fix: '" + say(f.Fix, 250) + "'"
	}
	if f.Credential == "" {
		return message + "."
	}
	return message + fmt.Sprintf(". Credential '%s'.", sarifText(f.Credential))
}

func (v *view) sarifLocation(f *gate.Judged) *sarif.Location {
	uri := relativeURI(v.mask.clean(f.At.Path))
	if uri == "" {
		uri = relativeURI("git/commits/" + f.Commit.ID)
	}
	artifact := sarif.NewSimpleArtifactLocation(uri).WithUriBaseId(srcRoot)
	return sarif.NewLocationWithPhysicalLocation(
		sarif.NewPhysicalLocation().WithArtifactLocation(artifact).WithRegion(sarifRegion(f.At)))
}

// sarifRegion is a whole region: GitHub refuses a line or column of 0, and one
// that ends before it starts.
func sarifRegion(p scanner.Place) *sarif.Region {
	startLine, startColumn := max(1, p.StartLine), max(1, p.StartColumn)
	endLine, endColumn := max(startLine, p.EndLine), max(1, p.EndColumn)
	if endLine == startLine {
		endColumn = max(startColumn+1, endColumn)
	}
	return sarif.NewRegion().
		WithStartLine(startLine).WithStartColumn(startColumn).
		WithEndLine(endLine).WithEndColumn(endColumn)
}

// sarifSuppression fills every field, because the library writes null for one
// that is not set, which the SARIF schema forbids.
func (v *view) sarifSuppression(f *gate.Judged, at *sarif.Location) *sarif.Suppression {
	kind := "external"
	if f.Allowed {
		kind = "inSource"
	}
	why := f.Reason
	if f.Exception != "" {
		why += " " + f.Exception
	}
	return sarif.NewSuppression(kind).
		WithStatus("accepted").
		WithGuid(uuid("suppression", f)).
		WithLocation(at).
		WithJustifcation(visible(clip(v.mask.clean(strings.TrimSpace(why)), sarifMaxText)))
}

// uuid names a finding for one purpose, the same in every run: version 8 of
// RFC 9562 over where the finding is.
func uuid(purpose string, f *gate.Judged) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%s\x00%d\x00%s",
		purpose, f.Fingerprint, f.Commit.ID, f.At.Blob, f.At.Origin, f.At.Span, ruleOf(f).ID))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
