package admission

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/gate"
)

// captured are reviews that a real API server sent for real controllers, see
// testdata/reviews/README.md. Their values are filled in here.
func captured(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../testdata/reviews/*/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d captured reviews, %v", len(files), err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]string{}
		out[strings.TrimPrefix(file, "../testdata/reviews/")] = placeholderPattern.ReplaceAllFunc(text, func(m []byte) []byte {
			parts := placeholderPattern.FindSubmatch(m)
			number := string(parts[2])
			if made[number] == "" {
				made[number] = value(t)
			}
			if string(parts[1]) == "BASE64" {
				return []byte(base64.StdEncoding.EncodeToString([]byte(made[number])))
			}
			return []byte(made[number])
		})
	}
	return out
}

var placeholderPattern = regexp.MustCompile(`\$\{(VALUE|BASE64)_([0-9]+)\}`)

// clusterOf holds what the writer of a captured review wrote it for.
func clusterOf(t *testing.T, r Review) *fakeCluster {
	t.Helper()
	c := &fakeCluster{}
	namespace, name, _ := strings.Cut(gate.ServiceAccount(r.User.Name), "/")
	c.add("ServiceAccount", namespace, name, nil)
	setUID(c, "ServiceAccount", namespace, r.User.UID)
	keys, sealedKeys := []any{}, map[string]any{}
	for _, key := range r.Secret.Keys() {
		keys = append(keys, map[string]any{"secretKey": key, "remoteRef": map[string]any{"key": "a"}})
		sealedKeys[key] = sealed()
	}
	external := map[string]any{"secretStoreRef": map[string]any{"name": "store"}, "refreshInterval": "1h", "data": keys, "target": map[string]any{"name": r.Secret.Name}}
	c.add("external-secrets.io/ExternalSecret", r.Namespace, r.Secret.Name, external)
	for _, o := range r.Secret.Owners {
		kind := groupOf(o.APIVersion) + "/" + o.Kind
		spec := external
		if o.Kind == "SealedSecret" {
			spec = map[string]any{"encryptedData": sealedKeys}
		}
		c.objects[parseKind(kind)] = nil
		c.add(kind, r.Namespace, o.Name, spec)
		setUID(c, kind, r.Namespace, o.UID)
	}
	if label := r.Secret.Labels["kustomize.toolkit.fluxcd.io/name"]; label != "" {
		spec := map[string]any{"decryption": map[string]any{"provider": "sops"}}
		if r.User.UID == "" {
			spec["serviceAccountName"] = name
		}
		c.add("kustomize.toolkit.fluxcd.io/Kustomization", r.Secret.Labels["kustomize.toolkit.fluxcd.io/namespace"], label, spec)
	}
	if id := r.Secret.Annotations[trackingID]; id != "" {
		app, _, _ := strings.Cut(id, ":")
		c.add("argoproj.io/Application", namespace, app, map[string]any{"source": map[string]any{"plugin": map[string]any{"name": "avp"}}})
	}
	return c
}

func setUID(c *fakeCluster, kind, namespace, uid string) {
	for _, o := range c.objects[parseKind(kind)][namespace] {
		o["metadata"].(map[string]any)["uid"] = uid
	}
}

func TestRealControllersAreAdmittedAndTheirForgersAreNot(t *testing.T) {
	policy := strings.Replace(corpusPolicy, "impersonated: [team-*/reconciler,", "impersonated: [tenant/reconciler, team-*/reconciler,", 1)
	rules := map[string]int{}
	for name, body := range captured(t) {
		q, err := decodeReview(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := readRequest(q)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d := newDoor(t, policy, clusterOf(t, r))
		_, out := d.post(t, body)
		a := d.answers[0]
		rules[a.Rule]++
		if !allows(out) || a.Refused {
			t.Errorf("%s is refused by %s: %s", name, a.Rule, out)
		}
		if strings.HasPrefix(name, "argo-cd/client-side") && a.Rule != ruleUnchanged && !strings.Contains(string(out), "server-side apply") {
			t.Errorf("%s: nobody is warned of the copy in an annotation: %s", name, out)
		}
		if a.Rule == ruleUnchanged || a.Rule == ruleNoValues {
			continue
		}
		for how, forge := range forgeries {
			if r.User.UID == "" && how != "by a person" {
				continue // impersonated: nothing but the name can be forged
			}
			if _, out := d.post(t, forged(t, body, forge)); allows(out) {
				t.Errorf("%s is admitted %s by %s", name, how, d.answers[len(d.answers)-1].Rule)
			}
		}
	}
	t.Logf("%v", rules)
}

var forgeries = map[string]func(user map[string]any){
	"by a person":     func(u map[string]any) { u["username"] = "mallory" },
	"impersonated":    func(u map[string]any) { delete(u, "uid"); delete(u, "extra") },
	"by another uid":  func(u map[string]any) { u["uid"] = "another" },
	"without its pod": func(u map[string]any) { delete(u, "extra") },
}

func forged(t *testing.T, body []byte, forge func(map[string]any)) []byte {
	t.Helper()
	var review map[string]any
	if err := json.Unmarshal(body, &review); err != nil {
		t.Fatal(err)
	}
	user, is := review["request"].(map[string]any)["userInfo"].(map[string]any)
	if !is {
		t.Fatal(fmt.Errorf("no user in the review"))
	}
	forge(user)
	out, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
