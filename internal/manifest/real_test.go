package manifest_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/leakgate/leakgate/admission/install"
	"github.com/leakgate/leakgate/internal/manifest"
	"github.com/leakgate/leakgate/test/kube"
	"github.com/leakgate/leakgate/test/live"
)

// apart are attacks that are none once an API server has read them, as it drops what it
// does not know. What a cluster takes for placeholders is for its policy to say: those are
// in the corpus of package admission.
var apart = map[string]bool{"nested-secret/case of a key": true}

// TestTheCorpusInARealCluster sends the attacks of the corpora and their twins to a real
// API server that asks the webhook as it is installed: those whose documents are of kinds
// that the webhook is asked about, and that are attacks as objects too: comments and keys
// that are there twice never get so far. test/e2e/corpus runs it.
func TestTheCorpusInARealCluster(t *testing.T) {
	recipient, sops := manifest.SOPSCases(t)
	var cases []posted
	for _, c := range append(sops, manifest.DeniedCases(t)...) {
		if p, is := post(c); is && !apart[c.Class+"/"+c.Name] && c.Class != "placeholder" && slices.Contains(p.rules(recipient), c.Rule) {
			cases = append(cases, p)
		}
	}
	ctx, c := kube.Test(t, kube.Options{})
	define(ctx, t, c, cases)
	door, err := live.Build(ctx, c)
	check(t, err)
	check(t, door.Open(ctx, "version: 1\nkubernetes:\n  modes: {default: enforce}\n  formats: {sops: {recipients: {age: ["+recipient+"]}}}\n"))
	check(t, c.Namespace(ctx, "shop", nil))
	check(t, c.Grant(ctx, "cluster-admin", "dev", ""))
	dev, err := c.WithCertificate("dev")
	check(t, err)
	refused := map[string]int{}
	for _, p := range cases {
		t.Run(p.Class+"/"+p.Name, func(t *testing.T) {
			if err := send(ctx, dev, p.twin); err != nil {
				t.Errorf("the twin is refused: %v", err)
			}
			err := send(ctx, dev, p.attack)
			var status *kube.StatusError
			switch {
			case err == nil:
				t.Errorf("admitted, want a refusal by %s", p.Rule)
			case !errors.As(err, &status) || !slices.ContainsFunc(p.rules(recipient), func(rule string) bool { return strings.Contains(status.Message, "leakgate "+rule+":") }):
				t.Errorf("want a refusal by one of %v: %v", p.rules(recipient), err)
			default:
				refused[p.Class]++
			}
		})
	}
	total := 0
	for _, n := range refused {
		total += n
	}
	t.Logf("%d attacks in %d classes were refused, and their twins admitted: %v", total, len(refused), refused)
	for _, class := range []string{"strip one ENC", "append after ]", "widened rule", "swapped recipient", "template-literal", "fake-store", "anchors"} {
		if refused[class] < 6 {
			t.Errorf("of the class %s only %d were refused", class, refused[class])
		}
	}
	if total < 120 {
		t.Error("these are too few")
	}
}

// posted is a case as the objects that a client sends.
type posted struct {
	manifest.CorpusCase
	attack, twin []kube.Object
}

// rules are those by which it is refused. A Secret is judged by who writes it.
func (p posted) rules(recipient string) (rules []string) {
	for _, o := range p.attack {
		text, err := json.Marshal(o)
		if err != nil {
			continue
		}
		rules = append(rules, manifest.DeniedRules(text, recipient)...)
		if o["kind"] == "Secret" {
			rules = append(rules, "untrusted-writer", "last-applied", "type-guard")
		}
	}
	return rules
}

// post reads the documents of a case, and reports whether all are Secrets or of kinds that
// trusted writers obey.
func post(c manifest.CorpusCase) (p posted, is bool) {
	p.CorpusCase = c
	for _, side := range []struct {
		text string
		to   *[]kube.Object
	}{{c.Attack, &p.attack}, {c.Twin, &p.twin}} {
		for _, doc := range strings.Split("\n"+side.text, "\n---\n") {
			var o kube.Object
			if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
				return p, false
			}
			api, _ := o["apiVersion"].(string)
			kind, _ := o["kind"].(string)
			group, _, grouped := strings.Cut(api, "/")
			if kind == "" || strings.HasSuffix(kind, "List") || !(grouped && install.Polices(group) || api == "v1" && kind == "Secret") {
				return p, false
			}
			*side.to = append(*side.to, named(o))
		}
	}
	return p, true
}

// named is an object with a name, in no namespace of its own.
func named(o kube.Object) kube.Object {
	meta, _ := o["metadata"].(kube.Object)
	if meta == nil {
		meta = kube.Object{}
	}
	delete(meta, "namespace")
	if meta["name"] == nil {
		meta["name"] = "a"
	}
	o["metadata"] = meta
	return o
}

func clusterWide(kind string) bool { return strings.HasPrefix(kind, "Cluster") }

func plural(kind string) string {
	kind = strings.ToLower(kind)
	if strings.HasSuffix(kind, "s") {
		return kind + "es"
	}
	return kind + "s"
}

// path is the collection of an object.
func path(o kube.Object) string {
	api, kind := o["apiVersion"].(string), o["kind"].(string)
	switch {
	case api == "v1":
		return "/api/v1/namespaces/shop/secrets"
	case clusterWide(kind):
		return "/apis/" + api + "/" + plural(kind)
	}
	return "/apis/" + api + "/namespaces/shop/" + plural(kind)
}

func send(ctx context.Context, client *kube.Client, objects []kube.Object) error {
	for _, o := range objects {
		if _, err := client.Create(ctx, path(o)+"?dryRun=All", o); err != nil {
			return err
		}
	}
	return nil
}

// define makes the kinds of all cases, in all their versions and with any content.
func define(ctx context.Context, t *testing.T, c *kube.Cluster, cases []posted) {
	t.Helper()
	versions := map[[2]string][]string{}
	for _, p := range cases {
		for _, o := range append(slices.Clone(p.attack), p.twin...) {
			group, version, grouped := strings.Cut(o["apiVersion"].(string), "/")
			if k := [2]string{group, o["kind"].(string)}; grouped && !slices.Contains(versions[k], version) {
				versions[k] = append(versions[k], version)
			}
		}
	}
	for k, names := range versions {
		group, kind := k[0], k[1]
		scope := "Namespaced"
		if clusterWide(kind) {
			scope = "Cluster"
		}
		var served []kube.Object
		for i, name := range names {
			served = append(served, kube.Object{"name": name, "served": true, "storage": i == 0,
				"schema": kube.Object{"openAPIV3Schema": kube.Object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
		}
		_, err := c.Admin().Create(ctx, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kube.Object{
			"metadata": kube.Object{"name": plural(kind) + "." + group}, "spec": kube.Object{"group": group, "scope": scope, "versions": served,
				"names": kube.Object{"kind": kind, "listKind": kind + "List", "plural": plural(kind), "singular": strings.ToLower(kind)}}})
		check(t, err)
	}
	for _, p := range cases {
		for _, o := range append(slices.Clone(p.attack), p.twin...) {
			check(t, kube.Eventually(ctx, func(ctx context.Context) error {
				_, err := c.Admin().Get(ctx, path(o))
				return err
			}))
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
