package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
)

type sarifDoc struct {
	Runs []struct {
		Tool struct {
			Driver struct{ Rules []struct{ ID string } }
		}
		AutomationDetails struct{ ID string }
		Invocations       []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
		Results []struct {
			RuleID    string
			RuleIndex int
			Level     string
			Locations []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
				}
			}
			PartialFingerprints map[string]string
			Suppressions        []struct{ Kind, Status, Guid, Justification string }
		}
	}
}

func readSARIF(t *testing.T, r *Report) (sarifDoc, string) {
	t.Helper()
	text := write(t, "sarif", r)
	var doc sarifDoc
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc, text
}

func TestSARIFHasARunForHeadAndOneForHistory(t *testing.T) {
	doc, _ := readSARIF(t, blocked())
	if len(doc.Runs) != 2 || doc.Runs[0].AutomationDetails.ID != "leakgate/head/77" || doc.Runs[1].AutomationDetails.ID != "leakgate/history/77" {
		t.Fatalf("runs: %+v", doc.Runs)
	}
	if len(doc.Runs[0].Results) != 3 || len(doc.Runs[1].Results) != 3 {
		t.Errorf("%d results at head, %d in history", len(doc.Runs[0].Results), len(doc.Runs[1].Results))
	}
	for _, category := range []string{CategoryHead, CategoryHistory} {
		r := blocked()
		r.Category = category
		if one, _ := readSARIF(t, r); len(one.Runs) != 1 || one.Runs[0].AutomationDetails.ID != category+"/77" {
			t.Errorf("category %s: %+v", category, one.Runs)
		}
	}
	r := blocked()
	r.RunID = "12/3"
	if doc, _ := readSARIF(t, r); doc.Runs[0].AutomationDetails.ID != "leakgate/head/12-3" {
		t.Errorf("a slash in the run id moves the category: %q", doc.Runs[0].AutomationDetails.ID)
	}
	r.Category = "other"
	if err := Write(&strings.Builder{}, "sarif", r); err == nil {
		t.Error("an unknown category was written")
	}
}

func TestSARIFShowsALineOfHeadOnceHoweverManyCommitsBroughtItIn(t *testing.T) {
	r := blocked()
	again := r.Verdict.Findings[0]
	again.Commit = commit(6, "Di")
	r.Verdict.Findings = append(r.Verdict.Findings, again)
	doc, _ := readSARIF(t, r)
	if len(doc.Runs[0].Results) != 3 || len(doc.Runs[1].Results) != 3 {
		t.Errorf("%d results at head, %d in history", len(doc.Runs[0].Results), len(doc.Runs[1].Results))
	}
}

func TestSARIFResultsAreWholeForGitHub(t *testing.T) {
	hostileReport, _ := canaries(t)
	for _, r := range []*Report{blocked(), hostileReport} {
		doc, text := readSARIF(t, r)
		if strings.Contains(text, ": null") {
			t.Error("the SARIF schema allows no null")
		}
		for _, run := range doc.Runs {
			if run.Invocations[0].ExecutionSuccessful || len(run.Invocations[0].ToolExecutionNotifications) < 2 {
				t.Error("an incomplete scan must not count as successful, and must name what it missed")
			}
			for _, result := range run.Results {
				at := result.Locations[0].PhysicalLocation
				g := at.Region
				if g.StartLine < 1 || g.StartColumn < 1 || g.EndLine < g.StartLine || g.EndColumn < 1 || (g.EndLine == g.StartLine && g.EndColumn <= g.StartColumn) {
					t.Errorf("region %+v", g)
				}
				if u, err := url.Parse(at.ArtifactLocation.URI); err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") || u.Path == "" {
					t.Errorf("uri %q: %v", at.ArtifactLocation.URI, err)
				}
				if run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID {
					t.Errorf("rule index of %q", result.RuleID)
				}
			}
		}
	}
}

func TestSARIFSaysHowAFindingWasAllowed(t *testing.T) {
	r := blocked()
	for _, inSource := range []bool{false, true} {
		r.Verdict.Findings[4].Allowed = inSource
		doc, _ := readSARIF(t, r)
		kinds := map[string]int{}
		for _, result := range doc.Runs[0].Results {
			for _, s := range result.Suppressions {
				kinds[s.Kind]++
				if s.Status != "accepted" || !strings.Contains(s.Justification, "exception: test fixture") || len(s.Guid) != 36 {
					t.Errorf("suppression %+v", s)
				}
			}
		}
		if want := map[bool]string{true: "inSource", false: "external"}[inSource]; len(kinds) != 1 || kinds[want] != 1 {
			t.Errorf("got %v, want one %s", kinds, want)
		}
	}
}

func TestSARIFKeepsTheGravestWithinGitHubsLimits(t *testing.T) {
	r := many(6000)
	for i := range r.Verdict.Findings {
		r.Verdict.Findings[i].Decision = gate.Warn
	}
	last := &r.Verdict.Findings[len(r.Verdict.Findings)-1]
	last.Decision, last.Rule = gate.Block, keyRule
	doc, text := readSARIF(t, r)
	head := doc.Runs[0]
	if len(head.Results) != 5000 || head.Results[0].RuleID != "private-key" || head.Results[0].Level != "error" {
		t.Errorf("%d results, first %+v", len(head.Results), head.Results[0])
	}
	if !strings.Contains(text, "1,000 more findings") {
		t.Error("the file does not say what it leaves out")
	}
}

func TestSARIFShrinksToTheSizeThatGitHubTakes(t *testing.T) {
	r := many(2500)
	for i := range r.Verdict.Findings {
		r.Verdict.Findings[i].At.Path = longRandom(t)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if err := Write(z, "sarif", r); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if zipped.Len() > sarifMaxGzipped || zipped.Len() < sarifMaxGzipped/4 {
		t.Errorf("the file has %d bytes", zipped.Len())
	}
}

func longRandom(t *testing.T) string {
	var out strings.Builder
	for range 200 {
		out.WriteString(randomValue(t, ""))
	}
	return out.String()
}

func TestSARIFRuleTextsKeepToTheirLimits(t *testing.T) {
	r := blocked()
	long := *patRule
	long.Description = strings.Repeat("é[]", 2000)
	for i := range 30 {
		long.Tags = append(long.Tags, fmt.Sprint("tag", i))
	}
	r.Verdict.Findings[0].Rule = &long
	_, text := readSARIF(t, r)
	var doc struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						FullDescription struct{ Text string }
						Properties      struct {
							Tags             []string
							SecuritySeverity string `json:"security-severity"`
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for _, rule := range doc.Runs[0].Tool.Driver.Rules {
		if n := len([]rune(rule.FullDescription.Text)); n == 0 || n > 1024 {
			t.Errorf("full description of %d characters", n)
		}
		if len(rule.Properties.Tags) > 10 || rule.Properties.SecuritySeverity == "" {
			t.Errorf("properties %+v", rule.Properties)
		}
	}
}
