package webhook_test

import (
	"context"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// typed is one command of kubectl.
type typed struct {
	name  string
	stdin string // a manifest
	edit  string // what the editor does, a command of sed
	rule  string // that refuses it, "" where it has to go through
	args  string
}

// TestKubectl: a developer who may do everything in the namespace types every command of
// kubectl that writes a Secret, with a value and without.
func TestKubectl(t *testing.T) {
	w := newWorld(t, hostilePolicy, "info", often...)
	_, owner := w.invite(t) // makes the Secret db of a trusted writer
	dev, err := w.Account(w, "shop", "dev")
	must(t, err)
	must(t, w.Grant(w, "cluster-admin", dev.User(), "shop"))
	token, err := w.FreeToken(w, dev)
	must(t, err)
	kubeconfig := filepath.Join(t.TempDir(), "dev.kubeconfig")
	must(t, w.WriteKubeconfig(kubeconfig, token))
	for _, c := range commands() {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("KUBE_EDITOR", "sed -i '"+c.edit+"'")
			ctx, cancel := context.WithTimeout(w, time.Minute) // edit asks again and again where it cannot read
			defer cancel()
			out, err := w.Kubectl(ctx, c.stdin, append([]string{"--kubeconfig", kubeconfig, "-n", "shop"}, strings.Fields(c.args)...)...)
			switch {
			case c.rule == "" && err != nil:
				t.Error(err)
			case c.rule != "" && err == nil:
				t.Errorf("it goes through: %s", out)
			case c.rule != "" && !strings.Contains(err.Error(), "leakgate "+c.rule+":"):
				t.Errorf("want a refusal by %s: %v", c.rule, err)
			case c.rule != "":
				// What stands before our message kubectl says of itself, as the patch that it sent.
				if _, ours, _ := strings.Cut(err.Error(), "leakgate "+c.rule+":"); strings.Contains(ours, hostile) || strings.Contains(ours, value) {
					t.Errorf("the value is told: %v", err)
				}
			}
		})
	}
	t.Run("sizes and bytes", func(t *testing.T) { w.sizes(t, w.WithToken(token), owner) })
	w.clean(t)
	list, err := w.Admin().Get(w, secretsPath+"?labelSelector=collected%3Dyes")
	must(t, err)
	if left := names(list); len(left) > 0 {
		t.Errorf("the collection is not deleted: %v", left)
	}
}

func manifestOf(name, more string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", labels: {collected: 'yes'}}\n" + more
}

func commands() []typed {
	held, other := base64.StdEncoding.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte(hostile))
	plain := func(name string) string { return manifestOf(name, "stringData: {password: "+hostile+"}\n") }
	same := "apiVersion: v1\nkind: Secret\nmetadata: {name: db, labels: {by: kubectl}}\ndata: {password: " + held + "}\n"
	patch := func(kind, text string) string { return "patch secret db --type=" + kind + " -p " + text }
	const refused = "untrusted-writer"
	return []typed{
		{"create from a literal", "", "", refused, "create secret generic a --from-literal=password=" + hostile},
		{"create from a literal, as a dry run", "", "", refused, "create secret generic a --dry-run=server --from-literal=password=" + hostile},
		{"create for a registry", "", "", refused, "create secret docker-registry a --docker-server=r.example --docker-username=u --docker-password=" + hostile},
		{"create from a file", plain("a"), "", refused, "create -f -"},
		{"create without validation", plain("a"), "", refused, "create --validate=false -f -"},
		{"create and remember", plain("a"), "", refused, "create --save-config -f -"},
		{"create nothing in it", "", "", "", "create secret generic empty"},
		{"create nothing in it, from a file", manifestOf("empty2", ""), "", "", "create -f -"},
		{"apply", plain("b"), "", refused, "apply -f -"},
		{"apply over what is there", plain("db"), "", refused, "apply -f -"},
		{"apply, as a dry run", plain("b"), "", refused, "apply --dry-run=server -f -"},
		{"apply nothing in it", manifestOf("empty3", ""), "", "", "apply -f -"},
		{"apply it again with a label", manifestOf("empty3", "type: Opaque\n"), "", "", "apply -f -"},
		{"server-side apply", plain("c"), "", refused, "apply --server-side -f -"},
		{"server-side apply by force", plain("db"), "", refused, "apply --server-side --force-conflicts --field-manager=sealed-controller -f -"},
		{"server-side apply, as a dry run", plain("c"), "", refused, "apply --server-side --dry-run=server -f -"},
		{"server-side apply of nothing", manifestOf("empty4", ""), "", "", "apply --server-side -f -"},
		{"diff", plain("db"), "", refused, "diff -f -"},
		{"set last-applied", plain("empty3"), "", "last-applied", "apply set-last-applied --create-annotation -f -"},
		{"edit a value", "", "s/" + held + "/" + other + "/", refused, "edit secret db"},
		{"edit one in", "", "s/^data:/stringData:\\n  extra: " + hostile + "\\ndata:/", refused, "edit secret db"},
		{"edit a label", "", "s/^  name: db$/  labels: {team: a}\\n  name: db/", "", "edit secret db"},
		{"replace", plain("db"), "", refused, "replace -f -"},
		{"replace, as a dry run", plain("db"), "", refused, "replace --dry-run=server -f -"},
		{"replace by the same with a label", same, "", "", "replace -f -"},
		{"strategic merge patch", "", "", refused, patch("strategic", `{"stringData":{"password":"`+hostile+`"}}`)},
		{"merge patch", "", "", refused, patch("merge", `{"data":{"password":"`+other+`"}}`)},
		{"JSON patch", "", "", refused, patch("json", `[{"op":"add","path":"/data/more","value":"`+other+`"}]`)},
		{"merge patch, as a dry run", "", "", refused, patch("merge", `{"data":{"password":"`+other+`"}}`) + " --dry-run=server"},
		{"strategic merge patch of a label", "", "", "", patch("strategic", `{"metadata":{"labels":{"a":"b"}}}`)},
		{"merge patch of a label", "", "", "", patch("merge", `{"metadata":{"labels":{"a":"c"}}}`)},
		{"JSON patch of a label", "", "", "", patch("json", `[{"op":"replace","path":"/metadata/labels/a","value":"d"}]`)},
		{"label", "", "", "", "label secret db team=b --overwrite"},
		{"annotate", "", "", "", "annotate secret db note=nothing"},
		{"annotate with the value", "", "", "last-applied", "annotate secret db note=" + value + " --overwrite"},
		{"annotate to copy", "", "", "copy-annotation", "annotate secret db replicator.v1.mittwald.de/replicate-to=.*"},
		{"replace by force", plain("empty2"), "", refused, "replace --force -f -"},
		{"delete one", "", "", "", "delete secret empty"},
		{"delete a collection", "", "", "", "delete secret -l collected=yes"},
	}
}
