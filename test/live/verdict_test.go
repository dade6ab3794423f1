package live

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

// A soak that went well, and after it what must not pass.
func TestVerdictFailsWhenItShould(t *testing.T) {
	begin := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	const controller, tenant = "system:serviceaccount:flux-system:kustomize-controller", "system:serviceaccount:tenant:reconciler"
	line := func(user, agent, namespace string, code int, more string) string {
		at := begin.Add(time.Second).Format(time.RFC3339)
		return `{"verb":"create","userAgent":"` + agent + `","user":{"username":"` + user + `"},"objectRef":{"namespace":"` + namespace + `","name":"a"},` +
			`"responseStatus":{"code":` + string(mustJSON(t, code)) + `},"requestReceivedTimestamp":"` + at + `","stageTimestamp":"` + at + `"` + more + `}`
	}
	const failedOpen = `,"annotations":{"failed-open.validation.webhook.admission.k8s.io/round_0_index_1":"trusted.leakgate.github.io"}`
	well := []string{
		line(controller, "flux", "deployed", 201, ""),
		line("system:serviceaccount:kube-system:sealed-secrets-controller", "sealed", "kube-system", 201, ""),
		line("system:serviceaccount:external-secrets:external-secrets", "eso", "external", 200, ""),
		line("someone", "flux", "tenant", 200, `,"impersonatedUser":{"username":"`+tenant+`"}`),
		line("mallory", forger, "sealed", 403, ""), line(controller, "flux", "leaky", 403, ""),
	}
	standing := []moment{{begin, begin.Add(3 * time.Second), "3 s"}}
	for name, c := range map[string]struct {
		lines  []string
		change func(*Soak)
		want   string // part of the error, "" for none
	}{
		"well":                                   {},
		"a conflict":                             {lines: []string{line(controller, "flux", "deployed", 409, "")}},
		"a legitimate write refused":             {lines: []string{line(controller, "flux", "deployed", 403, "")}, want: "legitimate writes were refused"},
		"a forged write admitted":                {lines: []string{line("mallory", forger, "sealed", 201, "")}, want: "forged writes were admitted"},
		"under a controller's name":              {lines: []string{line(controller, forger, "sealed", 201, "")}, want: "forged writes were admitted"},
		"readable in git admitted":               {lines: []string{line(controller, "flux", "leaky", 201, "")}, want: "forged writes were admitted"},
		"admitted, as the client saw":            {change: func(s *Soak) { s.admitted = 1 }, want: "forged writes were admitted"},
		"no answer":                              {lines: []string{line(controller, "flux", "deployed", 201, failedOpen)}, want: "had no answer"},
		"no answer while the machine stood":      {lines: []string{line(controller, "flux", "deployed", 201, failedOpen)}, change: func(s *Soak) { s.stalls = standing }},
		"forged without an answer":               {lines: []string{line(controller, forger, "sealed", 201, failedOpen)}, want: "forged writes were admitted"},
		"refused by something else":              {change: func(s *Soak) { s.unsaid = []moment{{begin, begin, "connection refused"}} }, want: "had no answer"},
		"a source that stopped":                  {change: func(s *Soak) { s.arrived["flux"] = 0 }, want: "rotations of flux"},
		"no restarts":                            {change: func(s *Soak) { s.restarts = nil }, want: "rolling restarts"},
		"no memory measured":                     {change: func(s *Soak) { s.memory = 0 }, want: "resident"},
		"before the run":                         {lines: []string{strings.ReplaceAll(line("mallory", forger, "sealed", 201, ""), "2026-11-26", "2026-11-25")}},
		"of somebody who is no part of the soak": {lines: []string{line("admin", "test", "sealed", 201, "")}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			must(t, os.WriteFile(auditLog(folder), []byte(strings.Join(append(c.lines, well...), "\n")+"\n"), 0o600))
			s := wentWell(begin)
			if c.change != nil {
				c.change(s)
			}
			v, err := s.Judge(folder, begin.Add(2*time.Second))
			must(t, err)
			switch err := v.Err(); {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("want %q: %v", c.want, err)
			}
		})
	}
	t.Run("nothing at all", func(t *testing.T) {
		folder := t.TempDir()
		must(t, os.WriteFile(auditLog(folder), nil, 0o600))
		v, err := wentWell(begin).Judge(folder, begin.Add(time.Hour))
		must(t, err)
		if err := v.Err(); err == nil || !strings.Contains(err.Error(), "0 forged writes, want at least 1800: too few to tell") {
			t.Error(err)
		}
	})
}

func wentWell(began time.Time) *Soak {
	at := func(namespace, name string) kube.Controller {
		return kube.Controller{Account: &kube.Account{Namespace: namespace, Name: name}}
	}
	return &Soak{
		World: &World{
			Sources: []Source{{Name: "flux"}},
			sealed:  &controllers.SealedSecrets{Controller: at("kube-system", "sealed-secrets-controller")},
			external: &controllers.ExternalSecrets{
				Controller: at("external-secrets", "external-secrets")},
			flux: &controllers.Flux{Controller: at("flux-system", "kustomize-controller")}, tenant: &kube.Account{Namespace: "tenant", Name: "reconciler"},
		},
		Length: time.Hour, began: began, memory: 30 << 20,
		arrived:  map[string]int{"flux": 200},
		restarts: map[string]int{"controllers": 10, "rolling restarts": 10, "authorities": 2},
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return text
}
