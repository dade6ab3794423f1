package report

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/rules"
)

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
