package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
)

func jsonSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestJSONKeepsToItsSchema(t *testing.T) {
	schema := jsonSchema(t)
	hostileReport, _ := canaries(t)
	for name, r := range map[string]*Report{"blocked": blocked(), "clean": clean(), "hostile": hostileReport} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(write(t, "json", r)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaForbidsUnknownAndMissingProperties(t *testing.T) {
	schema := jsonSchema(t)
	text := write(t, "json", blocked())
	objects := 0
	var walk func(doc, part any)
	walk = func(doc, part any) {
		switch part := part.(type) {
		case map[string]any:
			objects++
			part["unknown"] = true
			if schema.Validate(doc) == nil {
				t.Errorf("an unknown property passes beside %v", part)
			}
			delete(part, "unknown")
			for name, value := range part {
				delete(part, name)
				if schema.Validate(doc) == nil {
					t.Errorf("a missing %q passes", name)
				}
				part[name] = value
				walk(doc, value)
			}
		case []any:
			for _, item := range part[:min(1, len(part))] {
				walk(doc, item)
			}
		}
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	walk(doc, doc)
	if objects < 9 {
		t.Errorf("only %d objects were tried", objects)
	}
}

func TestJSONHasTheFieldsThatRemediationReads(t *testing.T) {
	var doc struct {
		Findings []struct {
			Path, Blob, Preview, Decision string
			Span                          [2]int
		}
	}
	if err := json.Unmarshal([]byte(write(t, "json", blocked())), &doc); err != nil {
		t.Fatal(err)
	}
	first := doc.Findings[0]
	if len(doc.Findings) != 6 || first.Blob != strings.Repeat("b", 40) || first.Span != [2]int{100, 140} ||
		first.Preview != "ghp_…(40)" || first.Decision != "block" {
		t.Errorf("got %+v", doc.Findings)
	}
	if path := doc.Findings[2].Path; path != "deploy keys/|`<b>@org\n\x1b[31m.pem" {
		t.Errorf("a path must come back as it is, got %q", path)
	}
}

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

// junitCounts reads what a JUnit reader counts.
func junitCounts(t testing.TB, text string) (tests, failures, errors, skipped int) {
	t.Helper()
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Suites   []struct {
			Tests int `xml:"tests,attr"`
			Cases []struct {
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, s := range doc.Suites {
		if s.Tests != len(s.Cases) {
			t.Errorf("a testsuite says %d and has %d tests", s.Tests, len(s.Cases))
		}
		for _, c := range s.Cases {
			tests++
			failures += present(c.Failure)
			errors += present(c.Error)
			skipped += present(c.Skipped)
		}
	}
	if doc.Tests != tests || doc.Failures != failures || doc.Errors != errors || doc.Skipped != skipped {
		t.Errorf("the head says %+v, the tests are %d/%d/%d/%d", doc, tests, failures, errors, skipped)
	}
	return tests, failures, errors, skipped
}

func present(p *struct{}) int {
	if p != nil {
		return 1
	}
	return 0
}

func TestJUnitCountsWhatHappened(t *testing.T) {
	tests, failures, errors, skipped := junitCounts(t, write(t, "junit", blocked()))
	if tests != 8 || failures != 2 || errors != 3 || skipped != 1 {
		t.Errorf("blocked: %d tests, %d failures, %d errors, %d skipped", tests, failures, errors, skipped)
	}
	tests, failures, errors, skipped = junitCounts(t, write(t, "junit", clean()))
	if tests != 1 || failures+errors+skipped != 0 {
		t.Errorf("clean: %d tests, %d failures, %d errors, %d skipped", tests, failures, errors, skipped)
	}
	undecided := clean()
	undecided.Verdict.Decision = gate.Undecided
	if _, _, errors, _ = junitCounts(t, write(t, "junit", undecided)); errors != 1 {
		t.Errorf("undecided: %d errors", errors)
	}
}

var tableRow = regexp.MustCompile(`(?m)^\|(.*)\|$`)

// tableRows counts the rows of the findings, and fails when one has another number of cells.
func tableRows(t testing.TB, text string) int {
	t.Helper()
	rows := tableRow.FindAllString(text, -1)
	for _, row := range rows {
		if strings.Count(row, "|") != 8 {
			t.Errorf("a row has %d bars: %s", strings.Count(row, "|"), row)
		}
	}
	return max(0, len(rows)-2)
}

func TestMarkdownStaysUnderOneMebibyteAndSaysWhatIsLeftOut(t *testing.T) {
	r := many(6000)
	for i := range r.Verdict.Findings {
		rule := rules.Rule{ID: fmt.Sprint("rule-", i), Description: strings.Repeat("|", 400), Advice: strings.Repeat("x ", 500)}
		r.Verdict.Findings[i].Rule = &rule
		r.Verdict.Notices = append(r.Verdict.Notices, gate.Notice{Text: strings.Repeat("<", 900)})
	}
	out := write(t, "markdown", r)
	if len(out) > 1<<20 {
		t.Errorf("%d bytes", len(out))
	}
	if rows := tableRows(t, out); rows < 100 || !strings.Contains(out, "more findings: see the json report") {
		t.Errorf("%d rows", rows)
	}
	if !strings.Contains(out, "Missed: 1 item") || !strings.HasSuffix(out, "</sub>\n") {
		t.Error("what follows the table was cut off")
	}
}

func TestGitLabReportHasWhatItsSchemaRequires(t *testing.T) {
	r := blocked()
	var doc struct {
		Version string
		Scan    struct {
			Analyzer, Scanner struct {
				ID, Name, Version string
				Vendor            struct{ Name string }
			}
			Type, Status, StartTime, EndTime string
			Start                            string `json:"start_time"`
			Messages                         []struct{ Level, Value string }
		}
		Vulnerabilities []struct {
			ID, Name, Severity string
			Location           struct {
				File   string
				Commit struct{ SHA string }
			}
			Identifiers []struct{ Type, Name, Value string }
		}
	}
	if err := json.Unmarshal([]byte(write(t, "gitlab", r)), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != "15.0.0" || doc.Scan.Type != "secret_detection" || doc.Scan.Status != "failure" || doc.Scan.Start != "2026-03-01T12:00:00" ||
		doc.Scan.Analyzer.Vendor.Name == "" || doc.Scan.Scanner.Version != "1.2.3" || len(doc.Scan.Messages) < 4 {
		t.Errorf("scan %+v", doc.Scan)
	}
	ids := map[string]bool{}
	for _, v := range doc.Vulnerabilities {
		ids[v.ID] = true
		if len(v.ID) != 36 || v.Name == "" || v.Location.Commit.SHA == "" || v.Identifiers[0].Value == "" || v.Identifiers[0].Type != "leakgate_rule_id" {
			t.Errorf("vulnerability %+v", v)
		}
	}
	if len(ids) != 5 {
		t.Errorf("%d different ids for 5 findings that are not allowed", len(ids))
	}
}

func TestTheSameReportGivesTheSameBytes(t *testing.T) {
	for _, format := range Formats() {
		if write(t, format, blocked()) != write(t, format, blocked()) {
			t.Errorf("%s differs from run to run", format)
		}
	}
}
