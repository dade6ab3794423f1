package kube

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// Test starts a cluster for a test and stops it at its end, or on a signal. It skips
// the test unless LEAKGATE_E2E is true, as the parts of test/e2e set it: go test
// alone starts no servers. The context is that of the cluster.
func Test(t testing.TB, o Options) (context.Context, *Cluster) {
	t.Helper()
	if os.Getenv("LEAKGATE_E2E") != "true" {
		t.Skip("needs real components: test/e2e/run")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(cancel)
	begin := time.Now()
	c, err := Start(ctx, o)
	var missing *MissingError
	if errors.As(err, &missing) && os.Getenv("CI") != "true" {
		t.Skip(missing.Why)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the cluster is ready after %.1f s", time.Since(begin).Seconds())
	t.Cleanup(func() {
		for name, bytes := range c.Memory() {
			t.Logf("%s: %d MiB at most", name, bytes>>20)
			if t.Failed() {
				t.Logf("%s said last:\n%s", name, tail(c.Log(name), 20))
			}
		}
		if err := c.Ended(); err != nil {
			t.Error(err)
		}
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return ctx, c
}
