package report

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEveryFormatMatchesItsGolden(t *testing.T) {
	coloured := blocked()
	coloured.Color, coloured.Width = true, 80
	for _, c := range []struct {
		name   string
		report *Report
	}{{"blocked", blocked()}, {"clean", clean()}} {
		for _, format := range Formats() {
			golden(t, c.name+"."+format, write(t, format, c.report))
		}
	}
	golden(t, "blocked-terminal.text", strings.ReplaceAll(write(t, "text", coloured), "\x1b", "␛"))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestAnUnknownFormatNamesTheKnownOnes(t *testing.T) {
	err := Write(&strings.Builder{}, "yaml", clean())
	if err == nil || !strings.Contains(err.Error(), "text, json, sarif, junit, markdown, gitlab") {
		t.Errorf("got %v", err)
	}
}

func TestAWriteErrorIsReturnedByEveryFormat(t *testing.T) {
	for _, format := range Formats() {
		if err := Write(full{}, format, blocked()); !errors.Is(err, errFull) {
			t.Errorf("%s: got %v", format, err)
		}
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTheHeadlineNeverSaysCleanWhenTheScanIsNot(t *testing.T) {
	missed := scanner.Coverage{Commits: 1, Missed: []scanner.Skip{{Path: "a", Reason: "unreadable"}}}
	for _, c := range []struct {
		name string
		edit func(*Report)
		want string
	}{
		{"clean", func(*Report) {}, "Clean: no secrets found"},
		{"undecided", func(r *Report) { r.Verdict.Decision = gate.Undecided }, "Could not decide: the gate gave no decision"},
		{"error", func(r *Report) { r.Verdict.Err = errors.New("cancelled") }, "Could not decide: cancelled"},
		{"missed", func(r *Report) { r.Result.Coverage = missed }, "Could not decide: missed 1 item"},
		{"nothing", func(r *Report) { r.Result.Coverage = scanner.Coverage{} }, "Nothing was looked at"},
		{"notice", func(r *Report) { r.Verdict.Decision = gate.Block }, "Blocked by a notice of the policy"},
		{"allowed", func(r *Report) { r.Verdict.Findings = blocked().Verdict.Findings[4:5] }, "Passed: 1 credential in 1 place allowed by the policy"},
		{"warned", func(r *Report) { r.Verdict.Findings = blocked().Verdict.Findings[3:5] }, "Passed with warnings: 1 credential in 1 place"},
	} {
		r := clean()
		c.edit(r)
		if got := newView(r).headline(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOnlyTheTextFormatShowsValuesAndOnlyWhenAsked(t *testing.T) {
	r := blocked()
	value := "ghp_" + strings.Repeat("a1B2", 9)
	r.ShowValue = func(s secret.Secret) string {
		if s.Equal(secret.New(value)) {
			return value + "\x1b[0m"
		}
		return "another"
	}
	for _, format := range Formats() {
		if got := strings.Contains(write(t, format, r), value); got != (format == "text") {
			t.Errorf("%s shows the value: %v", format, got)
		}
	}
	if out := write(t, "text", r); strings.Contains(out, "\x1b") || !strings.Contains(out, `\x1b[0m`) {
		t.Error("a shown value must not steer the terminal")
	}
}

func TestPlainTextHasNoEscapesAndColouredTextOnlyItsOwn(t *testing.T) {
	r := blocked()
	if out := write(t, "text", r); strings.Contains(out, "\x1b") || strings.Contains(out, "\r") {
		t.Errorf("plain text steers the terminal: %q", out)
	}
	plain := write(t, "text", r)
	r.Color = true
	var stripped strings.Builder
	for i, part := range strings.Split(write(t, "text", r), "\x1b[") {
		if i > 0 {
			_, part, _ = strings.Cut(part, "m")
		}
		stripped.WriteString(part)
	}
	unbadge := strings.NewReplacer("[BLOCK]", " BLOCK ", "[WARN]", " WARN ", "[ALLOW]", " ALLOW ", "[UNDECIDED]", " UNDECIDED ")
	if diff := cmp.Diff(unbadge.Replace(plain), stripped.String()); diff != "" {
		t.Errorf("colour changes the words (-plain +coloured):\n%s", diff)
	}
}

func TestTextShowsFivePlacesOfACredentialAndCountsTheRest(t *testing.T) {
	r := blocked()
	for range 20 {
		r.Verdict.Findings = append(r.Verdict.Findings, r.Verdict.Findings[0])
	}
	out := write(t, "text", r)
	if strings.Count(out, "config/app.env:12:8") != 5 || !strings.Contains(out, "and 17 more places") {
		t.Error(out)
	}
}

func TestTheRepositoryIsShownWithoutCredentials(t *testing.T) {
	for given, want := range map[string]string{
		"https://github.com/octo/shop":                         "https://github.com/octo/shop",
		"https://bot:" + "hunter2hunter2@github.com/o/s?t=1#x": "https://github.com/o/s",
		"https://github.com/ü b":                               "https://github.com/%C3%BC%20b",
		"git@github.com:octo/shop":                             "",
		"http://github.com/octo/shop":                          "",
		"https://a|b/c":                                        "",
		"https://\x1b/c":                                       "",
	} {
		r := blocked()
		r.Repository = given
		if got := newView(r).repositoryURL(); got != want {
			t.Errorf("%q is shown as %q, want %q", given, got, want)
		}
	}
}
