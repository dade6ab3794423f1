package doors

import (
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/ghfake"
)

// told is what a door says, in the same words for all.
type told struct {
	conclusion string
	ends       string   // of the range, by labels
	found      []string // DECISION PLACE LABEL [removed]
	values     []string // PLACE LABEL: what is shown of the value, and which findings share one
	commits    int
	blobs      int
	missed     int
	older      int
	excluded   int
	says       string // everything, for parts of it
}

var (
	codes    = regexp.MustCompile(`</?code>|\[|\]\([^)]*\)`)
	rangeEnd = regexp.MustCompile(`([0-9a-f]{40})\.\.([0-9a-f]{40})`)
	amount   = regexp.MustCompile(`([\d,]+) (commit|blob)s?`)
	older    = regexp.MustCompile(`(\d+) more findings? in history before this range`)
	excluded = regexp.MustCompile(`(?m)^- excluded: (\d+) items?`)
)

// cells are those of a row of a table, as people read them.
func cells(row string) []string {
	parts := strings.Split(strings.Trim(row, "| "), " | ")
	for i := range parts {
		parts[i] = html.UnescapeString(codes.ReplaceAllString(parts[i], ""))
	}
	return parts
}

func number(text string) int {
	n, _ := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	return n
}

// amounts reads "2 commits, 3 blobs".
func (o *told) amounts(text string) {
	for _, m := range amount.FindAllStringSubmatch(text, -1) {
		if m[2] == "commit" {
			o.commits = number(m[1])
		} else {
			o.blobs = number(m[1])
		}
	}
}

// add adds a finding.
func (o *told) add(p *play, decision, where, commit, title, preview, credential string, removed bool) {
	label := p.labelOf(commit)
	line := strings.TrimSpace(decision + " " + where + " " + label)
	if removed {
		line += " removed"
	}
	o.found = append(o.found, line)
	o.values = append(o.values, where+" "+label+": "+title+" "+preview+" "+credential)
}

// settle puts findings in order and credentials by their first place instead of their ids.
func (o *told) settle() {
	slices.Sort(o.found)
	slices.Sort(o.values)
	seen := map[string]string{}
	for i, v := range o.values {
		at := strings.LastIndex(v, " ")
		id := v[at+1:]
		if seen[id] == "" {
			seen[id] = "#" + strconv.Itoa(len(seen)+1)
		}
		o.values[i] = v[:at+1] + seen[id]
	}
}

// ofCheck reads a check run.
func (p *play) ofCheck(k ghfake.Check) told {
	o := told{conclusion: k.Conclusion, says: k.Title + "\n" + html.UnescapeString(k.Summary)}
	table, rest, _ := strings.Cut(k.Summary, "\n\n")
	if !strings.HasPrefix(table, "| Secret |") {
		table, rest = "", k.Summary
	}
	gone := map[string]bool{}
	for line := range strings.Lines(rest) {
		if text, is := strings.CutPrefix(strings.TrimSpace(html.UnescapeString(codes.ReplaceAllString(line, ""))), "- "); is {
			if _, at, is := strings.Cut(text, " in "); is && strings.Contains(at, ", commit ") {
				gone[at] = true
			}
		}
		if strings.HasPrefix(line, "- range ") {
			o.ends = p.ends(line)
			_, after, _ := strings.Cut(line, "</code>: ")
			o.amounts(after)
		}
		if strings.HasPrefix(line, "- **missed**") {
			o.missed++
		}
	}
	for _, m := range excluded.FindAllStringSubmatch(k.Summary, -1) {
		o.excluded += number(m[1])
	}
	if m := older.FindStringSubmatch(k.Summary); m != nil {
		o.older = number(m[1])
	}
	for row := range strings.Lines(table) {
		c := cells(strings.TrimSpace(row))
		if len(c) != 7 || c[0] == "Secret" || strings.HasPrefix(c[0], "---") {
			continue
		}
		state, _, _ := strings.Cut(c[4], ":")
		o.add(p, state, c[1], c[2], c[0], c[5], c[6], gone[c[1]+", commit "+c[2]])
	}
	o.settle()
	return o
}

// states are the words of a check run for the decisions of a report.
var states = map[string]string{"block": "blocks", "warn": "warns", "allow": "allowed", "undecided": "not decided"}

// ends are those of a range, by labels.
func (p *play) ends(text string) string {
	m := rangeEnd.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return p.labelOf(m[1]) + ".." + p.labelOf(m[2])
}

// ofReports reads the reports report.json and report.md of a folder.
func (p *play) ofReports(t *testing.T, dir string, code int) told {
	t.Helper()
	o := told{conclusion: map[int]string{0: "success", 1: "failure", 3: "action_required"}[code]}
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		return o // nothing could be looked at
	}
	var r struct {
		Range   struct{ Text string }
		Verdict struct {
			Warned int
			Reason string
		}
		Coverage struct {
			Commits, Blobs   int
			Excluded, Missed []struct{ Count int }
		}
		Notices  []struct{ Text string }
		Findings []struct {
			Decision, Description, Commit, Preview, Credential, Path string
			StartLine, StartColumn                                   int
			AtHead, Older                                            bool
		}
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if code == 0 && r.Verdict.Warned > 0 {
		o.conclusion = "neutral"
	}
	o.ends, o.commits, o.blobs, o.missed, o.says = p.ends(r.Range.Text), r.Coverage.Commits, r.Coverage.Blobs, len(r.Coverage.Missed), r.Verdict.Reason
	for _, n := range r.Notices {
		o.says += "\n" + n.Text
	}
	for _, e := range r.Coverage.Excluded {
		o.excluded += e.Count
	}
	summary, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	atHead := map[string]bool{}
	for _, f := range r.Findings {
		if f.Older && f.Decision != "block" {
			o.older++
		}
		if f.AtHead {
			atHead[f.Credential+f.Commit[:min(10, len(f.Commit))]] = true
		}
	}
	for row := range strings.Lines(string(summary)) {
		c := cells(strings.TrimSpace(row))
		if len(c) != 7 || states[c[0]] == "" {
			continue
		}
		o.add(p, states[c[0]], c[3], c[4], c[2], c[5], c[6], c[0] != "allow" && !atHead[c[6]+c[4]])
	}
	o.settle()
	return o
}
