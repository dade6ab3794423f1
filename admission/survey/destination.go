package survey

import (
	"context"
	"encoding/base64"
	"net"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
)

// A deployer may name the cluster that it writes into by an address. The same cluster
// has several, and a load balancer or a name of somebody's own is one that nobody
// here knows. So an address that is not known to be another cluster's may be ours.

// inCluster is how Argo CD names the cluster that it runs in.
// https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#clusters
const inCluster = "https://kubernetes.default.svc"

// destinations are the addresses of this cluster, and those that somebody says are
// another's.
type destinations struct {
	own, others []string
	survey      Survey
}

func (s Survey) destinations(ctx context.Context) destinations {
	d := destinations{survey: s}
	for _, a := range s.OtherClusters {
		d.others = append(d.others, hostPort(a))
	}
	names := []string{s.Server, inCluster, "https://kubernetes", "https://kubernetes.default", "https://kubernetes.default.svc.cluster.local"}
	// What may not be read names nothing: an address that is not known counts anyway.
	if u := s.one(ctx, "services", "default", "kubernetes"); u != nil {
		for _, ip := range append(texts(u.Object, "spec", "clusterIPs"), word(u.Object, "spec", "clusterIP")) {
			names = append(names, "https://"+bracketed(ip))
		}
	}
	if u := s.one(ctx, "endpoints", "default", "kubernetes"); u != nil {
		for _, subset := range mappings(u.Object, "subsets") {
			for _, a := range mappings(subset, "addresses") {
				for _, port := range []string{"443", "6443"} {
					names = append(names, "https://"+net.JoinHostPort(word(a, "ip"), port))
				}
			}
		}
	}
	if u := s.one(ctx, "configmaps", "kube-public", "cluster-info"); u != nil { // https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/
		names = append(names, servers([]byte(word(u.Object, "data", "kubeconfig")))...)
	}
	for _, n := range names {
		d.own = append(d.own, hostPort(n))
	}
	return d
}

// one is an object of the core group that may be read, or nil.
func (s Survey) one(ctx context.Context, resource, namespace, name string) *unstructured.Unstructured {
	u, err := s.Client.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return u
}

// of says where a deployer writes: elsewhere, or here, or else why it may be here and
// what it would write cannot be told.
func (d destinations) of(ctx context.Context, u *unstructured.Unstructured) (elsewhere bool, why string) {
	if config, is, _ := unstructured.NestedMap(u.Object, "spec", "kubeConfig"); is {
		return d.all(d.kubeConfig(ctx, u.GetNamespace(), config))
	}
	server, name := word(u.Object, "spec", "destination", "server"), word(u.Object, "spec", "destination", "name")
	if name != "" && name != "in-cluster" {
		if server = d.named(ctx, u.GetNamespace(), name); server == "" {
			return false, "it writes into the cluster " + name + ", and no Secret of Argo CD that may be read says where that is"
		}
	}
	if server == "" || strings.TrimRight(server, "/") == inCluster {
		return false, ""
	}
	return d.all([]string{server})
}

// all is elsewhere when every address is.
func (d destinations) all(addresses []string) (elsewhere bool, why string) {
	for _, a := range addresses {
		switch at := hostPort(a); {
		case slices.Contains(d.own, at):
			return false, "it writes into this cluster by the address " + at + ", and as whom cannot be told"
		case !slices.Contains(d.others, at):
			return false, "it writes to " + at + ", and whether that is this cluster cannot be told; --other-cluster " + at + " says that it is another"
		}
	}
	if len(addresses) == 0 {
		return false, "it writes by a kubeConfig that cannot be read, perhaps into this cluster"
	}
	return true, ""
}

// kubeConfig are the addresses in a kubeConfig of Flux. Of the Secret that it is in
// nothing else is kept.
// https://fluxcd.io/flux/components/kustomize/kustomizations/#kubeconfig-reference
func (d destinations) kubeConfig(ctx context.Context, namespace string, config map[string]any) []string {
	if name := word(config, "configMapRef", "name"); name != "" {
		if u := d.survey.one(ctx, "configmaps", namespace, name); u != nil && word(u.Object, "data", "address") != "" {
			return []string{word(u.Object, "data", "address")}
		}
		return nil
	}
	u := d.survey.one(ctx, "secrets", namespace, word(config, "secretRef", "name"))
	if u == nil {
		return nil
	}
	keys := []string{"value", "value.yaml"}
	if key := word(config, "secretRef", "key"); key != "" {
		keys = []string{key}
	}
	for _, key := range keys {
		if text := decoded(u, key); len(text) > 0 {
			return servers(text)
		}
	}
	return nil
}

// named is the address of a cluster that Argo CD knows by a name.
func (d destinations) named(ctx context.Context, namespace, name string) (server string) {
	list, err := d.survey.Client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).List(ctx, metav1.ListOptions{LabelSelector: "argocd.argoproj.io/secret-type=cluster"})
	if err != nil {
		return ""
	}
	for i := range list.Items {
		u := &list.Items[i]
		if u.GetLabels()["argocd.argoproj.io/secret-type"] != "cluster" || string(decoded(u, "name")) != name {
			continue
		}
		if server = string(decoded(u, "server")); u.GetNamespace() == namespace {
			break // the one beside the Application, where two have the name
		}
	}
	return server
}

// servers are the addresses of a kubeconfig.
func servers(text []byte) (out []string) {
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil
	}
	for _, c := range config.Clusters {
		out = append(out, c.Server)
	}
	return out
}

// decoded is a value of a Secret, nil where there is none.
func decoded(u *unstructured.Unstructured, key string) []byte {
	raw, err := base64.StdEncoding.DecodeString(word(u.Object, "data", key))
	if err != nil {
		return nil
	}
	return raw
}

// hostPort is an address as host:port in small letters.
func hostPort(address string) string {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "?"
	}
	port := u.Port()
	switch {
	case port == "" && u.Scheme == "http":
		port = "80"
	case port == "":
		port = "443"
	}
	return net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}

func bracketed(ip string) string {
	if strings.Contains(ip, ":") {
		return "[" + ip + "]"
	}
	return ip
}
