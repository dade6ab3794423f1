package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/internal/store"
)

const (
	slo      = "../../deploy/slo"
	runbooks = "../../docs/runbooks/app"
)

// told are the metrics of a process, with their labels, as name{label,…}.
func told(t *testing.T) (all []string) {
	t.Helper()
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "leakgate.db"), store.Options{Key: key, Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := newMetrics()
	load := func(context.Context) ([]work.Load, error) {
		return []work.Load{{Queue: "scan", State: "available", Jobs: 1, Age: time.Second}}, nil
	}
	there, err := hub.New(hub.Options{ID: 1, Key: nobody{}, Server: hub.Server{API: "https://example.com/", Web: "https://example.com/"}})
	if err != nil {
		t.Fatal(err)
	}
	m.registry.MustRegister(state{s, there, &mirror.Cache{}, load, func(context.Context) (time.Duration, error) { return time.Second, nil }})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "leakgate_app_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		name := f.GetName()
		if len(labels) > 0 {
			name += "{" + strings.Join(labels, ",") + "}"
		}
		all = append(all, name)
	}
	return all
}

// TestMetricsWithoutADatabase: what is not of the database is told all the same, and that
// there is none.
func TestMetricsWithoutADatabase(t *testing.T) {
	key, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "leakgate.db"), store.Options{Key: key, Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	there, err := hub.New(hub.Options{ID: 1, Key: nobody{}, Server: hub.Server{API: "https://example.com/", Web: "https://example.com/"}})
	if err != nil {
		t.Fatal(err)
	}
	m := newMetrics()
	m.registry.MustRegister(state{s, there, &mirror.Cache{}, nil, nil})
	answer := httptest.NewRecorder()
	m.handler(s).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{"leakgate_app_database_up 0\n", "leakgate_app_replayed_total 0\n", "leakgate_app_rate_remaining_ratio 1\n"} {
		if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "\n"+line) {
			t.Errorf("%d, not %s\n%s", answer.Code, line, answer.Body)
		}
	}
	ready := httptest.NewRecorder()
	m.handler(s).ServeHTTP(ready, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if ready.Code != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", ready.Code)
	}
}

type nobody struct{}

func (nobody) Sign(context.Context, []byte) ([]byte, error) { return nil, os.ErrInvalid }

// TestEveryMetricIsDocumented: the table of docs/app.md and what is told are the same.
func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/app.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(leakgate_app_[^`]*)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(documented)
	if got := told(t); !slices.Equal(got, documented) {
		t.Errorf("told:\n%s\ndocumented:\n%s", strings.Join(got, "\n"), strings.Join(documented, "\n"))
	}
}

// rule is one of a file of rules for Prometheus.
type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func promRules(t *testing.T) (all []rule) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(slo, "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// others are the metrics of other programs that rules and dashboard may name.
var others = []string{"probe_ssl_earliest_cert_expiry", "process_resident_memory_bytes"}

// strangers are the metrics of an expression that neither we tell nor a rule records.
func strangers(t *testing.T, expr string, recorded []string) (all []string) {
	t.Helper()
	known := append(slices.Clone(others), recorded...)
	for _, m := range told(t) {
		name, _, _ := strings.Cut(m, "{")
		known = append(known, name, name+"_bucket", name+"_count", name+"_sum")
	}
	for _, name := range regexp.MustCompile(`\b(leakgate|probe|process|go)_[a-z_:0-9]+`).FindAllString(expr, -1) {
		if !slices.Contains(known, name) {
			all = append(all, name)
		}
	}
	return all
}

func recorded(all []rule) (names []string) {
	for _, r := range all {
		if r.Record != "" {
			names = append(names, r.Record)
		}
	}
	return names
}

// TestAlertsAreOfOurMetricsAndHaveAPage: every alert names a page that says what to do, and
// every page is of an alert.
func TestAlertsAreOfOurMetricsAndHaveAPage(t *testing.T) {
	all, pages := promRules(t), map[string]bool{}
	for _, r := range all {
		if names := strangers(t, r.Expr, recorded(all)); len(names) > 0 {
			t.Errorf("%s%s is of %v, which nobody tells", r.Record, r.Alert, names)
		}
		if r.Alert == "" {
			continue
		}
		file := r.Alert + ".md"
		pages[file] = true
		if want := "https://github.com/leakgate/leakgate/blob/main/docs/runbooks/app/" + file; r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q", r.Alert, r.Annotations["runbook_url"])
		}
		if r.Annotations["summary"] == "" || r.Labels["severity"] != "page" && r.Labels["severity"] != "ticket" {
			t.Errorf("%s: %v %v", r.Alert, r.Labels, r.Annotations)
		}
		text, err := os.ReadFile(filepath.Join(runbooks, file))
		if err != nil {
			t.Error(err)
		}
		for _, part := range []string{"# " + r.Alert, "## How to tell", "## What to do", "## When to escalate"} {
			if !strings.Contains(string(text), part+"\n") {
				t.Errorf("%s has no %q", file, part)
			}
		}
	}
	entries, err := os.ReadDir(runbooks)
	if err != nil || len(pages) < 10 {
		t.Fatal(err, len(pages))
	}
	for _, e := range entries {
		if !pages[e.Name()] {
			t.Errorf("%s is of no alert", e.Name())
		}
	}
}

// TestTheDashboardIsOfOurMetrics: every expression parses, and asks for what there is.
func TestTheDashboardIsOfOurMetrics(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(slo, "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID, Title    string
		SchemaVersion int
		Panels        []struct {
			ID          int
			Title, Type string
			Targets     []struct{ Expr string }
			GridPos     struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || board.UID == "" || board.SchemaVersion == 0 || len(board.Panels) < 10 {
		t.Fatal(err, board)
	}
	seen, taken, names := map[int]bool{}, map[[2]int]string{}, recorded(promRules(t))
	var exprs []string
	for _, p := range board.Panels {
		if seen[p.ID] || p.Title == "" || len(p.Targets) == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		seen[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" && other != p.Title {
					t.Errorf("%q lies over %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			if unknown := strangers(t, target.Expr, names); len(unknown) > 0 {
				t.Errorf("%q is of %v, which nobody tells", p.Title, unknown)
			}
			exprs = append(exprs, strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"))
		}
	}
	t.Run("promtool", func(t *testing.T) {
		promtool := os.Getenv("LEAKGATE_PROMTOOL")
		if promtool == "" {
			t.Skip("LEAKGATE_PROMTOOL names none; test/e2e/run slo has one")
		}
		for _, e := range exprs {
			if out, err := exec.Command(promtool, "--experimental", "promql", "format", e).CombinedOutput(); err != nil {
				t.Errorf("%s: %s", e, out)
			}
		}
	})
}
