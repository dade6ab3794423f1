package main

import (
	"net/url"
	"testing"
)

// The address of an artifact is text of the cluster, and what asks for it has the
// rights of whoever simulates: it must not leave the service that it names.
func TestAnArtifactIsAskedOfItsServiceAlone(t *testing.T) {
	base, err := url.Parse("https://api.example:6443/prefix")
	if err != nil {
		t.Fatal(err)
	}
	const service = "http://source.flux-system.svc.cluster.local./"
	for address, want := range map[string]string{
		service + "gitrepository/a/b/c.tar.gz":     "https://api.example:6443/prefix/api/v1/namespaces/flux-system/services/source:80/proxy/gitrepository/a/b/c.tar.gz",
		"https://s.ns.svc:8443/a":                  "https://api.example:6443/prefix/api/v1/namespaces/ns/services/https:s:8443/proxy/a",
		service + "../../../../../secrets":         "",
		service + "a/%2e%2e/%2E%2E/%2e%2e/secrets": "",
		service + "a/%252e%252e/%252e%252e/b":      "",
		service + "a/..%2f..%2fb":                  "",
		"http://a.b.c.svc/x":                       "",
		"http://...svc/x":                          "",
		"http://169.254.169.254/latest":            "",
		"http://source.flux-system/x":              "",
	} {
		at, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		got, err := proxied(base, at)
		switch {
		case want == "" && err == nil:
			t.Errorf("%s: %s is asked", address, got)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("%s: %v %v", address, got, err)
		}
	}
}
