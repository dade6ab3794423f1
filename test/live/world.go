// Package live lets the real controllers write Secrets through the real webhook, as it
// is installed, while others forge such writes.
package live

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

// World is a cluster that enforces everywhere, with the controllers at work.
type World struct {
	*kube.Cluster
	Door    *Door
	Sources []Source

	sealed   *controllers.SealedSecrets
	external *controllers.ExternalSecrets
	flux     *controllers.Flux
	sops     *controllers.Sops
	vault    *controllers.Vault
	tenant   *kube.Account
	mallory  *kube.Client
}

// Source is where values come from, and the Secrets that they arrive in.
type Source struct {
	Name    string
	Secrets []string // "namespace/name"
	Outside bool     // a new value comes from outside of the cluster, and nobody writes another object for it
	Rotate  func(ctx context.Context, value string) error
}

// Open starts the controllers, lets leakgate-admission discover them, and enforces
// everywhere what it proposes. What is added to the proposal is what a person has to
// know: tenants that Flux impersonates, and that this cluster takes the fake store.
func Open(ctx context.Context, c *kube.Cluster) (*World, error) {
	w := &World{Cluster: c}
	var err error
	if w.Door, err = Build(ctx, c); err != nil {
		return nil, err
	}
	if err := w.start(ctx); err != nil {
		return nil, err
	}
	proposal, err := w.Door.Run(ctx, "discover")
	if err != nil {
		return nil, err
	}
	policy, err := enforcing(proposal)
	if err != nil {
		return nil, err
	}
	if err := w.Door.Open(ctx, policy); err != nil {
		return nil, err
	}
	return w, w.fill(ctx)
}

func (w *World) start(ctx context.Context) (err error) {
	if w.sealed, err = controllers.StartSealedSecrets(ctx, w.Cluster); err != nil {
		return err
	}
	if w.external, err = controllers.StartExternalSecrets(ctx, w.Cluster); err != nil {
		return err
	}
	if w.flux, err = controllers.StartFlux(ctx, w.Cluster); err != nil {
		return err
	}
	if w.vault, err = controllers.StartVault(ctx, w.Cluster); err != nil {
		return err
	}
	if w.sops, err = controllers.NewSops(ctx); err != nil {
		return err
	}
	if w.tenant, err = w.Account(ctx, "tenant", "reconciler"); err != nil {
		return err
	}
	if w.mallory, err = w.WithCertificate("mallory", "developers"); err != nil {
		return err
	}
	w.mallory = w.mallory.With("User-Agent", forger)
	for _, user := range []string{w.tenant.User(), "mallory"} {
		if err := w.Grant(ctx, "cluster-admin", user, ""); err != nil {
			return err
		}
	}
	return nil
}

// enforcing is the proposal with what it cannot know. A proposal that knows other
// presets than those of the controllers is an error.
func enforcing(proposal string) (string, error) {
	const want = "version: 1\nkubernetes:\n  presets:\n    external-secrets: {}\n    flux: {}\n    kubernetes: {}\n    sealed-secrets: {}\n"
	if !strings.HasPrefix(proposal, want) || !strings.Contains(proposal, "default: audit\n") {
		return "", fmt.Errorf("discover proposes\n%s", proposal)
	}
	return strings.NewReplacer(
		"flux: {}", "flux: {impersonated: [tenant/reconciler]}",
		"default: audit\n", "default: enforce\n  formats:\n    external_secret: {allowed_providers: [fake]}\n",
	).Replace(proposal), nil
}

// fill makes every source, with a first value that has arrived.
func (w *World) fill(ctx context.Context) error {
	for _, name := range []string{"sealed", "external", "deployed", "tenant"} {
		if err := w.Namespace(ctx, name, nil); err != nil {
			return err
		}
	}
	for _, fill := range []func(context.Context) error{w.fillSealed, w.fillFake, w.fillVault, w.fillFlux} {
		if err := fill(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Rotated gives a source a new value and waits until all its Secrets hold it.
func (w *World) Rotated(ctx context.Context, s Source) error {
	value := controllers.Value()
	if err := s.Rotate(ctx, value); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	for _, place := range s.Secrets {
		if err := w.Holds(ctx, place, "password", value); err != nil {
			return fmt.Errorf("%s does not arrive in %s: %w", s.Name, place, errors.Join(err, w.Ended()))
		}
	}
	return nil
}

// Holds waits until the Secret has the value.
func (w *World) Holds(ctx context.Context, place, key, value string) error {
	return kube.Eventually(ctx, func(ctx context.Context) error {
		held, err := w.Admin().Get(ctx, secretAt(place))
		if err != nil {
			return err
		}
		data, _ := held["data"].(kube.Object)
		text, _ := data[key].(string)
		if plain, err := base64.StdEncoding.DecodeString(text); err != nil || string(plain) != value {
			return errors.New("it holds another value")
		}
		return nil
	})
}

func secretsIn(namespace string) string { return "/api/v1/namespaces/" + namespace + "/secrets" }

func secretAt(place string) string {
	namespace, name, _ := strings.Cut(place, "/")
	return secretsIn(namespace) + "/" + name
}

// secret is one with a new value.
func secret(name, key string) kube.Object {
	return kube.Object{
		"apiVersion": "v1", "kind": "Secret", "metadata": kube.Object{"name": name},
		"stringData": kube.Object{key: controllers.Value()},
	}
}
