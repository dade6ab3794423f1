package admission

import (
	"context"
	"errors"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
)

// Deployers write what they find in git. The question is whether it was readable
// there, which their own configuration tells: without decryption it was.

// deployer says why a deployer's word is not enough, or "".
func (d decider) deployer(ctx context.Context, w gate.Writer, by string, how identity) (string, error) {
	switch by {
	case gate.ByFlux:
		return d.flux(ctx, w, how)
	case gate.ByFluxHelm:
		return d.fluxHelm(ctx, w, how)
	}
	return d.argoCD(ctx)
}

// Kinds and labels of Flux, which its controllers set after the build.
// https://fluxcd.io/flux/components/kustomize/kustomizations/#role-based-access-control
var (
	kustomization = Kind{"kustomize.toolkit.fluxcd.io", "Kustomization"}
	helmRelease   = Kind{"helm.toolkit.fluxcd.io", "HelmRelease"}
	application   = Kind{"argoproj.io", "Application"}
)

// labelled finds the object that the labels of a group lead to.
func (d decider) labelled(ctx context.Context, kind Kind) (Object, string, error) {
	labels := d.review.Secret.Labels
	namespace, name := labels[kind.Group+"/namespace"], labels[kind.Group+"/name"]
	if namespace == "" || name == "" {
		return nil, "no label leads to a " + kind.Kind, nil
	}
	o, err := d.cluster.Find(ctx, kind, namespace, name, func(Object) bool { return true })
	if err != nil {
		return nil, "", errors.New("the API server did not answer for " + kind.String())
	}
	if o == nil {
		return nil, "there is no " + kind.Kind + " " + quoted(namespace+"/"+name), nil
	}
	return o, "", nil
}

// flux asks whether the Kustomization decrypts. It proves that the Secret can
// have been encrypted in git, not that it was.
func (d decider) flux(ctx context.Context, w gate.Writer, how identity) (string, error) {
	o, reason, err := d.labelled(ctx, kustomization)
	if o == nil {
		return reason, err
	}
	title := "the Kustomization " + quoted(text(o, "metadata.namespace")+"/"+text(o, "metadata.name"))
	if d.borrowed(o, w, how) {
		return title + " does not impersonate this account", nil
	}
	if text(o, "spec.decryption.provider") != "sops" {
		return title + " decrypts nothing, so the Secret was readable in git", nil
	}
	return "", nil
}

// borrowed reports whether somebody is impersonated, and not by the object that
// the labels lead to. Where that names no account, the controller's default counts.
// https://fluxcd.io/flux/installation/configuration/multitenancy/
func (d decider) borrowed(o Object, w gate.Writer, how identity) bool {
	name := text(o, "spec.serviceAccountName")
	if name == "" {
		name = w.DefaultAccount
	}
	account := text(o, "metadata.namespace") + "/" + name
	return how == byImpersonation && gate.ServiceAccount(d.review.User.Name) != account
}

// fluxHelm asks whether the release takes values from a Secret. What a chart
// renders from inline values was readable in git.
func (d decider) fluxHelm(ctx context.Context, w gate.Writer, how identity) (string, error) {
	o, reason, err := d.labelled(ctx, helmRelease)
	if o == nil {
		return reason, err
	}
	title := "the HelmRelease " + quoted(text(o, "metadata.namespace")+"/"+text(o, "metadata.name"))
	if d.borrowed(o, w, how) {
		return title + " does not impersonate this account", nil
	}
	for _, kind := range texts(o, "spec.valuesFrom[].kind") {
		if kind == "Secret" {
			return "", nil
		}
	}
	return title +
		" takes no values from a Secret; many charts accept the name of one, often as existingSecret", nil
}

// trackingID is where Argo CD says which Application an object belongs to.
// https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
const trackingID = "argocd.argoproj.io/tracking-id"

// An empty plugin is one all the same, which Argo CD finds by what the plugins say of themselves:
// https://github.com/argoproj/argo-cd/blob/v3.1.9/pkg/apis/application/v1alpha1/types.go (ExplicitType)

// argoCD asks whether the Application is rendered by a plugin, which is where
// Argo CD decrypts.
func (d decider) argoCD(ctx context.Context) (string, error) {
	namespace, name := d.tracked()
	if name == "" {
		return "the annotation " + trackingID + " does not name an Application and this Secret", nil
	}
	o, err := d.cluster.Find(ctx, application, namespace, name, func(Object) bool { return true })
	title := "Application " + quoted(namespace+"/"+name)
	switch {
	case err != nil:
		return "", errors.New("the API server did not answer for " + application.String())
	case o == nil:
		return "there is no " + title, nil
	case !present(o, "spec.source.plugin") && !present(o, "spec.sources[].plugin"):
		return "the " + title + " names no plugin that decrypts, so the Secret was readable in git", nil
	}
	return "", nil
}

// tracked reads "app:group/kind:namespace/name"; an app outside of Argo CD's own
// namespace is written as "namespace_app".
func (d decider) tracked() (namespace, app string) {
	parts := strings.Split(d.review.Secret.Annotations[trackingID], ":")
	if len(parts) != 3 || parts[1] != "/Secret" || parts[2] != d.review.Namespace+"/"+d.review.Secret.Name {
		return "", ""
	}
	if namespace, app, qualified := strings.Cut(parts[0], "_"); qualified {
		return namespace, app
	}
	namespace, _, _ = strings.Cut(gate.ServiceAccount(d.review.User.Name), "/")
	return namespace, parts[0]
}
