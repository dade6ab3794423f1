package webhook_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/test/kube"
)

// charted: the chart of a HelmRelease that was never released is rendered by the real
// helm, with its values and what this API server knows.
func (w *world) charted(t *testing.T) {
	_, err := w.Account(w, "flux-system", "helm-controller")
	must(t, err)
	must(t, w.Namespace(w, "charted", nil))
	artifact := archive(t, map[string]string{
		"web/Chart.yaml":  "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '>= 1.30.0-0'\n",
		"web/values.yaml": "password: ''\nname: of-the-chart\n",
		"web/templates/all.yaml": "{{- if and .Values.password (.Capabilities.APIVersions.Has \"bitnami.com/v1alpha1/SealedSecret\") .Release.IsInstall }}\n" +
			"apiVersion: v1\nkind: Secret\nmetadata: {name: {{ .Values.name }}}\nstringData: {password: {{ .Values.password | quote }}}\n{{- end }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: n}\n",
		"web/values.schema.json": `{"$ref": "http://127.0.0.1:1/schema.json"}`,
	})
	host := w.serveArtifact(t, artifact)
	_, err = w.Admin().Create(w, "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/helmcharts", kube.Object{"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmChart",
		"metadata": kube.Object{"name": "charted-web"}, "spec": kube.Object{"chart": "web", "version": "1.x", "sourceRef": kube.Object{"kind": "HelmRepository", "name": "charts"}},
		"status": kube.Object{"observedGeneration": 1, "conditions": []kube.Object{{"type": "Ready", "status": "True"}},
			"artifact": kube.Object{"url": "http://" + host + "/app.tar.gz", "digest": fmt.Sprintf("sha256:%x", sha256.Sum256(artifact))}}})
	must(t, err)
	_, err = w.Admin().Create(w, "/api/v1/namespaces/charted/configmaps", kube.Object{"metadata": kube.Object{"name": "more"}, "data": kube.Object{"values.yaml": "name: of-a-map\npassword: x\n"}})
	must(t, err)
	folders, err := kube.Components(w, "helm")
	must(t, err)
	const releases = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/charted/helmreleases"
	for _, c := range []struct {
		name string
		spec kube.Object
		want string
		code int
	}{
		{"web", kube.Object{"values": kube.Object{"password": value}, "valuesFrom": []kube.Object{{"kind": "ConfigMap", "name": "more"}}},
			"HelmRelease charted/web: charted/of-a-map: writer-", 1},
		{"web", kube.Object{}, "nothing would be stopped", 0},
		{"web", kube.Object{"releaseName": "--post-renderer=/bin/true"}, "cannot tell: HelmRelease charted/web", 3},
	} {
		c.spec["chart"] = kube.Object{"spec": kube.Object{"chart": "web", "version": "1.x", "sourceRef": kube.Object{"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"}}}
		_, err = w.Admin().Create(w, releases, kube.Object{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": kube.Object{"name": c.name}, "spec": c.spec})
		must(t, err)
		out, err := w.try("simulate", "charted", "--artifact-host", host, "--helm", filepath.Join(folders["helm"], "helm"))
		code, exit := 0, new(exec.ExitError)
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		if code != c.code || !strings.Contains(out, c.want) || strings.Contains(out, value) {
			t.Errorf("%v: %v, want %d and %q in\n%s", c.spec, err, c.code, c.want, out)
		}
		must(t, w.Admin().Delete(w, releases+"/"+c.name))
	}
}
