package main

import (
	"compress/gzip"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/leakgate/leakgate/internal/ghfake"
	"github.com/leakgate/leakgate/internal/gittest"
)

// receiver takes traces by OTLP over HTTP, as a collector does.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	bytes []byte // all that was sent
	spans []*spans.Span
	names []string // of services
	wrong error
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-protobuf")
	if err := r.take(in); err != nil {
		r.wrong = err
		w.WriteHeader(http.StatusBadRequest)
	}
}

func (r *receiver) take(in *http.Request) (err error) {
	if in.URL.Path != "/v1/traces" || in.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("not OTLP: %s %s", in.URL.Path, in.Header)
	}
	body := io.Reader(in.Body)
	if in.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(in.Body); err != nil {
			return err
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(text, &sent); err != nil {
		return err
	}
	r.bytes = append(r.bytes, text...)
	for _, resource := range sent.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				r.names = append(r.names, a.Value.GetStringValue())
			}
		}
		for _, scope := range resource.ScopeSpans {
			r.spans = append(r.spans, scope.Spans...)
		}
	}
	return nil
}

// ways are, of each scan that found something, what is within it or tells of it, and what
// it follows from.
func (r *receiver) ways() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == "scan" && valueOf(s, "leakgate.conclusion") == "failure" {
			all = append(all, r.below(s)+" < "+r.above(s))
		}
	}
	return all
}

// above names a span and those that it is a child of, down to the root.
func (r *receiver) above(s *spans.Span) string {
	for _, p := range r.spans {
		if slices.Equal(p.SpanId, s.ParentSpanId) && slices.Equal(p.TraceId, s.TraceId) {
			return s.Name + " < " + r.above(p)
		}
	}
	if len(s.ParentSpanId) > 0 {
		return s.Name + " < missing " + hex.EncodeToString(s.ParentSpanId)
	}
	return s.Name
}

// below names the spans within one, and what was told in its trace.
func (r *receiver) below(s *spans.Span) string {
	var names []string
	for _, c := range r.spans {
		if slices.Equal(c.TraceId, s.TraceId) && (slices.Equal(c.ParentSpanId, s.SpanId) || c.Name == "report") && !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func valueOf(s *spans.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// TestATraceLeadsFromDeliveryToVerdict: one trace holds all jobs of a delivery, and neither
// a value nor a name; /metrics tells how long it took, and nothing of that kind either.
func TestATraceLeadsFromDeliveryToVerdict(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { traced(t, 1, "") })
	t.Run("postgres", func(t *testing.T) {
		place := os.Getenv("LEAKGATE_POSTGRES")
		if place == "" {
			t.Skip("LEAKGATE_POSTGRES names no server; test/e2e/run app starts one")
		}
		admin, err := sql.Open("pgx", place)
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		name := fmt.Sprintf("traced_%d", time.Now().UnixNano())
		if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
			t.Fatal(err)
		}
		traced(t, 3, strings.Replace(place, "/postgres?", "/"+name+"?", 1))
	})
}

// traced has one pull request judged by some servers, and follows its trace.
func traced(t *testing.T, servers int, database string) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	w := newFlood(t, 1, servers, database, "")
	// What a start finds that no delivery told of follows from none: so it looks before.
	eventually(t, "nobody looked for pull requests", func() bool { return w.Calls("pulls/list") > 0 })
	value, local, branch := gittest.Token(), w.locals[0], "a-branch-of-acme"
	local.Git("checkout", "-q", "-B", branch, "main")
	local.File("a-file-of-acme.txt", "token = \""+value+"\"\n")
	w.expect(0, strings.TrimSpace(local.Git("rev-parse", "HEAD")), true)
	local.Git("push", "-q", "origin", branch)
	_, _, err := w.bob.PullRequests.Create(t.Context(), "acme", "app0", &github.NewPullRequest{Title: github.Ptr("A title of acme"), Head: &branch, Base: github.Ptr("main")})
	w.must(err)
	eventually(t, "no verdict", func() bool { w.Deliver(t.Context(), ghfake.Weather{}); return len(w.wrong()) == 0 })
	want := "fetch,inspect,report < scan < ingest < hook"
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.ways())
		}
	})
	eventually(t, "no such trace: "+want, func() bool { return slices.Contains(r.ways(), want) })
	told, missing := "", []string(nil)
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		told = ""
		for _, s := range w.servers {
			told += "\n" + scrape(t, s)
		}
		if missing = untold(told); len(missing) == 0 || time.Now().After(end) {
			break
		}
	}
	if len(missing) > 0 {
		t.Errorf("not told: %v\n%s", missing, told)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrong != nil || r.names[0] != "leakgate-app" {
		t.Errorf("%v, services %v", r.wrong, r.names)
	}
	for _, private := range []string{value, value[:12], "acme", "app0", "bob"} {
		if strings.Contains(string(r.bytes), private) || strings.Contains(told, private) {
			t.Errorf("traces or metrics hold %.3q", private)
		}
	}
}

// untold are the lines that metrics are to hold in the end and do not.
func untold(text string) (missing []string) {
	for _, line := range []string{`leakgate_app_check_seconds_count [12]`, `leakgate_app_verdict_seconds_count [12]`, `leakgate_app_verdicts_total{conclusion="failure"} [12]`,
		`leakgate_app_database_up 1`, `leakgate_app_questions{state="done"} [12]`, `leakgate_app_jobs{queue="scan",state="running"} 0`, `leakgate_app_queue_age_seconds{queue="scan"} 0`} {
		if !regexp.MustCompile("(?m)^" + line + "$").MatchString(text) {
			missing = append(missing, line)
		}
	}
	return missing
}

// scrape reads the metrics of a server.
func scrape(t *testing.T, s *server) string {
	t.Helper()
	_, after, _ := strings.Cut(s.text(), `"health":"`)
	health, _, _ := strings.Cut(after, `"`)
	response, err := http.Get("http://" + health + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %v", response.StatusCode, err)
	}
	return string(text)
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestTracesAreOffUnlessAsked: without a place to send them to nothing is begun.
func TestTracesAreOffUnlessAsked(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want bool
	}{
		"nothing":   {nil, false},
		"endpoint":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		"of traces": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, true},
		"disabled":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "TRUE"}, false},
		"none":      {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		if got := (&world{env: func(k string) string { return c.env[k] }}).traced(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	grpc := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
	if _, _, err := (&world{env: func(k string) string { return grpc[k] }}).traces(t.Context(), "a", nil); err == nil || !strings.Contains(err.Error(), "http/protobuf") {
		t.Errorf("gRPC: %v", err)
	}
}
