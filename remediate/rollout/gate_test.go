package rollout

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestPrometheusIsAskedAndHeldToItsBounds(t *testing.T) {
	below, above := 0.01, 100.0
	for _, c := range []struct {
		name, answer string
		status       int
		gate         Gate
		want         Verdict
	}{
		{"within", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.001"]}]}}`, 200, Gate{Below: &below}, Pass},
		{"at the bound", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.01"]}]}}`, 200, Gate{Below: &below}, Fail},
		{"one of two", `{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"0"]},{"value":[1.5,"0.2"]}]}}`, 200, Gate{Below: &below}, Fail},
		{"a scalar", `{"status":"success","data":{"resultType":"scalar","result":[1,"0"]}}`, 200, Gate{Below: &below}, Pass},
		{"too few", `{"status":"success","data":{"resultType":"scalar","result":[1,"99"]}}`, 200, Gate{Above: &above}, Fail},
		{"infinite", `{"status":"success","data":{"resultType":"scalar","result":[1,"+Inf"]}}`, 200, Gate{Below: &below}, Fail},
		{"no number", `{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}`, 200, Gate{Below: &below}, CannotTell},
		{"infinitely good", `{"status":"success","data":{"resultType":"scalar","result":[1,"+Inf"]}}`, 200, Gate{Above: &above}, CannotTell},
		{"endlessly low", `{"status":"success","data":{"resultType":"scalar","result":[1,"-Inf"]}}`, 200, Gate{Below: &below}, CannotTell},
		{"one is no number", `{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"0"]},{"value":[1,"NaN"]}]}}`, 200, Gate{Below: &below}, CannotTell},
		{"one is no number, one too high", `{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"NaN"]},{"value":[1,"0.2"]}]}}`, 200, Gate{Below: &below}, Fail},
		{"a part of the answer", `{"status":"success","warnings":["store: no such host"],"data":{"resultType":"scalar","result":[1,"0"]}}`, 200, Gate{Below: &below}, CannotTell},
		{"null", `{"status":"success","data":{"resultType":"vector","result":null}}`, 200, Gate{Below: &below}, CannotTell},
		{"nothing", `{"status":"success","data":{"resultType":"vector","result":[]}}`, 200, Gate{Below: &below}, CannotTell},
		{"a matrix", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, 200, Gate{Below: &below}, CannotTell},
		{"an error", `{"status":"error","error":"parse"}`, 400, Gate{Below: &below}, CannotTell},
		{"a page", `<html>login</html>`, 200, Gate{Below: &below}, CannotTell},
		{"out of order", ``, 503, Gate{Below: &below}, CannotTell},
		{"elsewhere", ``, 302, Gate{Below: &below}, CannotTell},
		{"too much", strings.Repeat(" ", maxAnswer+1), 200, Gate{Below: &below}, CannotTell},
		{"a short sample", `{"status":"success","data":{"resultType":"scalar","result":[1]}}`, 200, Gate{Below: &below}, CannotTell},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/prom/api/v1/query" || r.URL.Query().Get("query") != "errors{app=\"shop\"} / 5" {
					t.Errorf("asked %s", r.URL)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.answer))
			}))
			defer server.Close()
			c.gate.Prometheus, c.gate.Query = server.URL+"/prom/", `errors{app="shop"} / 5`
			if got, why := (Gates{}).Ask(t.Context(), c.gate); got != c.want {
				t.Errorf("%s, want %s: %s", got, c.want, why)
			}
		})
	}
	if got, why := (Gates{}).Ask(t.Context(), Gate{Prometheus: "http://127.0.0.1:1", Query: "up", Below: &below}); got != CannotTell {
		t.Errorf("nobody is there: %s: %s", got, why)
	}
}

func TestACommandOnlySaysNoByOne(t *testing.T) {
	for code, want := range map[error]Verdict{nil: Pass, Exit(1): Fail, Exit(2): CannotTell, Exit(127): CannotTell, errors.New("not found"): CannotTell} {
		g := Gates{Run: func(context.Context, []string, string) (string, error) { return "", code }}
		if got, _ := g.Ask(t.Context(), Gate{Command: []string{"x"}}); got != want {
			t.Errorf("%v: %s, want %s", code, got, want)
		}
	}
}

func TestACommandGetsTheValueOnStandardInputOnly(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("no shell")
	}
	out, err := (Commands{}).Run(t.Context(), []string{"/bin/sh", "-c", `read -r v; echo "got ${#v}"; echo noise >&2`}, "the-value\n")
	if err != nil || out != "got 9\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := (Commands{}).Run(t.Context(), []string{"/bin/sh", "-c", "exit 3"}, ""); !errors.Is(err, Exit(3)) {
		t.Error(err)
	}
	if _, err := (Commands{}).Run(t.Context(), []string{"/there/is/none"}, ""); err == nil {
		t.Error("what is not there ran")
	}
}

func TestASpecThatIsNotWholeIsRefused(t *testing.T) {
	for change, want := range map[string]string{
		`share = 100|share = 90`:                                              "share is 100",
		`share = 50|share = 5`:                                                "never less than the one before",
		`name = "half"|name = "ten"`:                                          "a name of its own",
		`users = ["blue", "green"]|users = ["a", "a"]`:                        "three roles",
		`kind = "postgresql"|kind = "oracle"`:                                 "postgresql or mysql",
		`grace = "168h"|grace = "-1h"`:                                        "not negative",
		`grace = "168h"|graze = "1h"`:                                         "unknown key graze",
		`{command = ["all"]}|{}`:                                              "exactly one of",
		`{command = ["all"]}|{unused = true, command = ["x"]}`:                "exactly one of",
		`{command = ["all"]}|{prometheus = "https://u:p@prom", query = "up"}`: "without a password",
		`{command = ["all"]}|{prometheus = "https://prom", query = "up"}`:     "below or above",
		`{command = ["all"]}|{unused = true, query = "up"}`:                   "belong to prometheus",
		`at = ["at", "{stage}"]|at = []`:                                      "do and at",
		`check = ["check", "{version}"]|`:                                     "write and check",
	} {
		from, to, _ := strings.Cut(change, "|")
		text := strings.Replace(specText, from, to, 1)
		if text == specText {
			t.Fatalf("%s changes nothing", change)
		}
		if _, err := ParseSpec([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", change, err, want)
		}
	}
}
