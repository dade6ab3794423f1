package survey

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func in64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func kubeconfigOf(server string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\nusers: [{name: u, user: {token: %s}}]\n", server, canary)
}

// world is a cluster with every place that says by which addresses it is reached.
func addressed(t *testing.T) Survey {
	t.Helper()
	s := surveyOf(t, accounts+`
- {apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default}, spec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, "fd00::1"]}}
- {apiVersion: v1, kind: Endpoints, metadata: {name: kubernetes, namespace: default}, subsets: [{addresses: [{ip: 192.0.2.7}], ports: [{port: 6443}]}]}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: cluster-info, namespace: kube-public}, data: {kubeconfig: `+fmt.Sprintf("%q", kubeconfigOf("https://api.example.com:6443"))+`}}
- {apiVersion: v1, kind: Secret, metadata: {name: near, namespace: argocd, labels: {argocd.argoproj.io/secret-type: cluster}}, data: {name: `+in64("near")+`, server: `+in64("https://192.0.2.7:6443")+`, config: `+in64(canary)+`}}
- {apiVersion: v1, kind: Secret, metadata: {name: far, namespace: argocd, labels: {argocd.argoproj.io/secret-type: cluster}}, data: {name: `+in64("far")+`, server: `+in64("https://far.example.com")+`}}
- {apiVersion: v1, kind: Secret, metadata: {name: self, namespace: argocd, labels: {argocd.argoproj.io/secret-type: cluster}}, data: {name: `+in64("self")+`, server: `+in64("https://kubernetes.default.svc")+`}}
- {apiVersion: v1, kind: Secret, metadata: {name: near, namespace: flux-system}, data: {value: `+in64(kubeconfigOf("https://API.example.com:6443/"))+`}}
- {apiVersion: v1, kind: Secret, metadata: {name: far, namespace: flux-system}, data: {config: `+in64(kubeconfigOf("https://far.example.com"))+`}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: near, namespace: flux-system}, data: {provider: generic, address: "https://10.96.0.1"}}
`)
	s.Server = "https://lb.example.com"
	return s
}

// A destination counts as this cluster by whatever name, and one that is not known to
// be another cluster's is not passed over.
func TestADestinationIsAnotherClusterOnlyWhereSomebodySaysSo(t *testing.T) {
	const here, ours, open, elsewhere = "", "into this cluster", "cannot be told; --other-cluster", "elsewhere"
	for destination, want := range map[string]string{
		"destination: {server: 'https://kubernetes.default.svc'}":               here,
		"destination: {server: 'https://kubernetes.default.svc/'}":              here,
		"destination: {name: in-cluster}":                                       here,
		"destination: {name: self}":                                             here,
		"destination: {namespace: web}":                                         here,
		"destination: {server: 'https://kubernetes.default.svc:443'}":           ours,
		"destination: {server: 'https://KUBERNETES.default.svc.'}":              ours,
		"destination: {server: 'https://kubernetes.default'}":                   ours,
		"destination: {server: 'https://kubernetes.default.svc.cluster.local'}": ours,
		"destination: {server: 'https://lb.example.com'}":                       ours,
		"destination: {server: 'https://lb.example.com:443/'}":                  ours,
		"destination: {server: 'https://10.96.0.1'}":                            ours,
		"destination: {server: 'https://[fd00::1]'}":                            ours,
		"destination: {server: 'https://192.0.2.7:6443'}":                       ours,
		"destination: {server: 'https://api.example.com:6443'}":                 ours,
		"destination: {name: near}":                                             ours,
		"destination: {name: far}":                                              open,
		"destination: {server: 'https://somewhere.example.com'}":                open,
		"destination: {server: '::'}":                                           open,
		"destination: {name: nobody-knows}":                                     "no Secret of Argo CD",
		"destination: {server: 'https://known.example.com'}":                    elsewhere,
		"kubeConfig: {secretRef: {name: near}}":                                 ours,
		"kubeConfig: {secretRef: {name: far, key: config}}":                     open,
		"kubeConfig: {secretRef: {name: far}}":                                  "cannot be read",
		"kubeConfig: {secretRef: {name: nowhere}}":                              "cannot be read",
		"kubeConfig: {configMapRef: {name: near}}":                              ours,
	} {
		s := addressed(t)
		s.OtherClusters = []string{"https://known.example.com", "https://lb.example.com"} // the second is our own, whatever is said
		u := &unstructured.Unstructured{Object: map[string]any{}}
		if err := yaml.Unmarshal([]byte("metadata: {namespace: flux-system}\nspec: {"+destination+"}"), &u.Object); err != nil {
			t.Fatal(err)
		}
		gone, why := s.destinations(context.Background()).of(context.Background(), u)
		if gone != (want == elsewhere) || want == here && why != "" || want != elsewhere && !strings.Contains(why, want) {
			t.Errorf("%s: %v %q", destination, gone, why)
		}
		if strings.Contains(why, canary) {
			t.Errorf("%s: a value is told", destination)
		}
	}
	s := addressed(t)
	s.OtherClusters = []string{"far.example.com:443"}
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"destination": map[string]any{"name": "far"}}}}
	if gone, why := s.destinations(context.Background()).of(context.Background(), u); !gone {
		t.Errorf("as the message spells it: %q", why)
	}
}
