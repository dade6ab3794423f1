package report

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// posting is a report with one finding of every sort, asked about.
func posting() *Posting {
	return &Posting{
		Report: blocked(), Pull: 7, Rules: "sha256:0123456789ab", Details: "https://leakgate.example.com/scans/1", CanFix: true,
		Valid: func(id string) Validity {
			return map[byte]Validity{'A': Active, 'B': Inactive, 'C': Unknown}[id[3]]
		},
		Line: func(f *gate.Judged) (int, bool) { return f.At.StartLine, f.At.AtHead },
	}
}

func (c Check) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n%s\n---- text ----\n%s\n---- annotations ----\n", c.Title, c.Summary, c.Text)
	for _, a := range c.Annotations {
		fmt.Fprintf(&out, "%s %s:%d-%d [%d-%d] %s | %s\n", a.Level, a.Path, a.StartLine, a.EndLine, a.StartColumn, a.EndColumn, a.Title, a.Message)
	}
	for _, b := range c.Buttons {
		fmt.Fprintf(&out, "(%s) %s: %s\n", b.ID, b.Label, b.Description)
	}
	return out.String()
}

func TestPostings(t *testing.T) {
	public := posting()
	public.Public, public.Warning, public.CanFix = true, true, false
	for name, p := range map[string]*Posting{"blocked": posting(), "public": public, "clean": {Report: clean()}} {
		golden(t, name+".check", p.Check().String())
		golden(t, name+".comment", p.Comment())
	}
}

func TestConclusionAndTitle(t *testing.T) {
	missed := func(r *Report) { r.Result.Coverage.Missed = []scanner.Skip{{Path: "x", Reason: "object is missing"}} }
	for name, c := range map[string]struct {
		report     *Report
		change     func(*Posting)
		conclusion string
		title      string
	}{
		"blocked":             {blocked(), nil, Failure, "2 secrets in 1,412 commits — merge blocked; the scan is incomplete"},
		"blocked, active":     {blocked(), func(p *Posting) { p.Valid = func(string) Validity { return Active } }, Failure, "2 live secrets in 1,412 commits — merge blocked; the scan is incomplete"},
		"not enforced":        {blocked(), func(p *Posting) { p.Warning = true }, Neutral, "2 secrets in 1,412 commits — would block; the scan is incomplete"},
		"incomplete":          {clean(), func(p *Posting) { missed(p.Report) }, ActionRequired, "Scan incomplete: missed 1 item"},
		"undecided":           {clean(), func(p *Posting) { p.Verdict = gate.Verdict{} }, ActionRequired, "Scan incomplete: the gate gave no decision"},
		"an error alone":      {clean(), func(p *Posting) { p.Verdict.Err = errors.New("no object") }, ActionRequired, "Scan incomplete: no object"},
		"incomplete, warning": {clean(), func(p *Posting) { p.Warning = true; missed(p.Report) }, Neutral, "Scan incomplete: missed 1 item"},
		"clean":               {clean(), nil, Success, "No secrets in 1 commit"},
		"clean range": {clean(), func(p *Posting) {
			p.Result.Range = scanner.Range{Text: "a..b", Base: strings.Repeat("1", 40), Head: strings.Repeat("2", 40)}
		}, Success, "No secrets in 1 commit (base 1111111..head 2222222)"},
		"a notice": {clean(), func(p *Posting) {
			p.Verdict = gate.Verdict{Decision: gate.Block, Notices: []gate.Notice{{Text: "loosened", Block: true}}}
		}, Failure, "The policy does not allow this change — merge blocked"},
	} {
		p := &Posting{Report: c.report}
		if c.change != nil {
			c.change(p)
		}
		if got := p.Conclusion(); got != c.conclusion {
			t.Errorf("%s: conclusion %s, want %s", name, got, c.conclusion)
		}
		if got := p.Title(); got != c.title {
			t.Errorf("%s: title %q, want %q", name, got, c.title)
		}
	}
}

// huge has more of everything than GitHub takes.
func huge(n int) *Posting {
	r := blocked()
	one := r.Verdict.Findings[0]
	r.Verdict.Findings = nil
	for i := range n {
		f := one
		f.At.Path, f.At.StartLine, f.At.EndLine = strings.Repeat("ordner/", 30)+fmt.Sprint(i, "|<b>@x"), i+1, i+1
		f.At.AtHead = i%2 == 0
		f.Secret = secret.New(fmt.Sprintf("value number %d", i))
		f.Credential = fmt.Sprintf("LG-%016d", i)
		r.Verdict.Findings = append(r.Verdict.Findings, f)
		r.Result.Coverage.Missed = append(r.Result.Coverage.Missed, scanner.Skip{Path: f.At.Path, Reason: strings.Repeat("broken ", 100)})
		r.Result.Coverage.Excluded = append(r.Result.Coverage.Excluded, scanner.Skip{Path: f.At.Path, Reason: fmt.Sprint("reason ", i)})
		r.Verdict.Notices = append(r.Verdict.Notices, gate.Notice{Text: strings.Repeat("a notice ", 200), Path: f.At.Path})
	}
	r.Result.Range.Text = strings.Repeat("äöü", 5000)
	return &Posting{Report: r, Pull: 1, CanFix: true, Line: func(f *gate.Judged) (int, bool) { return f.At.StartLine, f.At.AtHead }}
}

func TestPostingsKeepToGitHubsLimits(t *testing.T) {
	for _, n := range []int{1, 40, 3000} {
		p := huge(n)
		c, comment := p.Check(), p.Comment()
		for what, got := range map[string][2]int{
			"title":       {utf8.RuneCountInString(c.Title), 255},
			"summary":     {len(c.Summary), 65535},
			"text":        {len(c.Text), 65535},
			"annotations": {len(c.Annotations), 500},
			"buttons":     {len(c.Buttons), 3},
			"comment":     {len(comment), 65536},
		} {
			if got[0] > got[1] {
				t.Errorf("%d findings: %s has %d, at most %d", n, what, got[0], got[1])
			}
		}
		for _, b := range c.Buttons {
			if len(b.ID) > 20 || len(b.Label) > 20 || len(b.Description) > 40 {
				t.Errorf("button %+v is too long", b)
			}
		}
		for _, a := range c.Annotations {
			if utf8.RuneCountInString(a.Title) > 255 || len(a.Message) > 64<<10 {
				t.Errorf("annotation is too long: %d, %d", len(a.Title), len(a.Message))
			}
		}
		for _, needed := range []string{"Why a force-push does not help", "/leakgate recheck", "Do this now", "<sub>range"} {
			if !strings.Contains(comment, needed) {
				t.Errorf("%d findings: the comment lost %q", n, needed)
			}
		}
	}
}

// ours is every tag and link that we write ourselves.
var ours = regexp.MustCompile(`<code>[^<>@]*</code>|</?sub>|<!-- leakgate:v1 -->|\[(?:<code>[0-9a-f]+</code>|details)\]\(https://[^()\s]*\)`)

// What a repository holds is text wherever it is shown: no tag, no link, no mention of
// anybody, no end of a table's row, no command of a log.
func TestPostingsTakeHostileTextsLiterally(t *testing.T) {
	hostile := "a|b\n\n# T\n<script>alert(1)</script><!-- --> @acme/team #12 [x](javascript:alert(1)) ![i](http://evil.test/p) `` ` www.evil.test ::error::x \x1b[31m\u202e --></code>"
	r := blocked()
	for i := range r.Verdict.Findings {
		f := &r.Verdict.Findings[i]
		f.At.Path, f.At.Field, f.Context, f.Fix, f.Reason = hostile, hostile, hostile, hostile, hostile
		rule := *f.Rule
		rule.Description, rule.Advice, rule.Origin = hostile, hostile, ".gitleaks.toml:3"
		f.Rule = &rule
		f.Commit.Author, f.Credential = hostile, "LG-AAAAAAAAAAAAAAAA"
	}
	r.Result.Range.Text = hostile
	r.Verdict.Err = errors.New(hostile)
	r.Result.Coverage.Missed = []scanner.Skip{{Path: hostile, Reason: hostile}}
	r.Result.Coverage.Excluded = []scanner.Skip{{Path: hostile, Reason: hostile}}
	r.Verdict.Notices = []gate.Notice{{Text: hostile, Path: hostile}}
	p := &Posting{Report: r, Line: func(*gate.Judged) (int, bool) { return 3, true }}
	c := p.Check()
	for name, text := range map[string]string{"summary": c.Summary, "text": c.Text, "comment": p.Comment()} {
		rest := ours.ReplaceAllString(text, "")
		for _, bad := range []string{"<", "@", "javascript:", "http://", "www.evil", "](", "\x1b", "\u202e", "#12 ", "&#64;"} {
			if strings.Contains(rest, bad) {
				at := strings.Index(rest, bad)
				t.Errorf("%s holds %q: …%s…", name, bad, rest[max(0, at-60):min(len(rest), at+60)])
			}
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "| ") && strings.Count(line, "|") != 8 {
				t.Errorf("%s: a row of %d cells: %.200s", name, strings.Count(line, "|")-1, line)
			}
		}
	}
	for _, a := range c.Annotations {
		if strings.ContainsAny(a.Title+a.Message, "\n\r\x1b\u202e") {
			t.Errorf("annotation %q", a.Message)
		}
	}
	if strings.ContainsAny(c.Title, "\n\x1b\u202e") {
		t.Errorf("title %q", c.Title)
	}
}

func TestPostingsShowNoValue(t *testing.T) {
	p := posting()
	for i := range p.Verdict.Findings { // the value is also in the path, the reason and the range
		f := &p.Verdict.Findings[i]
		f.At.Path += "/" + f.Secret.Reveal()
		f.Reason += " " + f.Secret.Reveal()
		p.Result.Range.Text += " " + f.Secret.Reveal()
	}
	c := p.Check()
	all := c.String() + p.Comment() + p.Title()
	for i := range p.Verdict.Findings {
		for _, form := range secret.Forms(p.Verdict.Findings[i].Secret) {
			if strings.Contains(all, form) {
				t.Errorf("finding %d: its value is in a posting", i)
			}
		}
	}
}
