package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// artifactTime is how long an artifact may take to arrive.
const artifactTime = time.Minute

// artifacts fetches what sources of Flux stored: from a service of the cluster by
// way of the API server, with the rights of whoever asks, so that it works from
// outside as well; and from hosts that a flag names. An address is text of the
// cluster, so nothing else is called, and no redirect followed.
func artifacts(config *rest.Config, hosts []string) (func(context.Context, string) (io.ReadCloser, error), error) {
	server, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	direct := &http.Client{}
	for _, c := range []*http.Client{server, direct} {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return func(ctx context.Context, address string) (io.ReadCloser, error) {
		at, err := url.Parse(address)
		if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.User != nil {
			return nil, errors.New("it has no address that can be called")
		}
		if slices.Contains(hosts, at.Host) {
			return fetch(ctx, direct, at)
		}
		through, err := proxied(base, at)
		if err != nil {
			return nil, err
		}
		return fetch(ctx, server, through)
	}, nil
}

// proxied is the way to a service through the API server.
// https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#manually-constructing-apiserver-proxy-urls
func proxied(base, at *url.URL) (*url.URL, error) {
	host := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(at.Hostname(), "."), ".cluster.local"), ".svc")
	service, namespace, is := strings.Cut(host, ".")
	if !is || strings.Contains(namespace, ".") || at.Hostname() == host {
		return nil, fmt.Errorf("%s is no service of the cluster; --artifact-host %s allows it", at.Hostname(), at.Host)
	}
	if strings.Contains(at.Path, "..") || strings.Contains(at.Path, "%") {
		return nil, errors.New("its address has a path that leads elsewhere")
	}
	name, port := service, at.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[at.Scheme]
	}
	if at.Scheme == "https" {
		name = "https:" + name
	}
	return base.JoinPath("api/v1/namespaces", namespace, "services", name+":"+port, "proxy", at.Path), nil
}

func fetch(ctx context.Context, client *http.Client, at *url.URL) (io.ReadCloser, error) {
	ctx, stop := context.WithTimeout(ctx, artifactTime)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		stop()
		return nil, errors.New("it has no address that can be called")
	}
	response, err := client.Do(request)
	if err != nil {
		stop()
		return nil, errors.New("its server does not answer")
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		stop()
		return nil, fmt.Errorf("its server answers HTTP %d", response.StatusCode)
	}
	return body{response.Body, stop}, nil
}

// body ends the time of a call when it is closed.
type body struct {
	io.ReadCloser
	stop context.CancelFunc
}

func (b body) Close() error {
	defer b.stop()
	return b.ReadCloser.Close()
}
