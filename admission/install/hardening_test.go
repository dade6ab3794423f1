package install

import (
	"encoding/json"
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// read finds an object of an installation as the type that an API server reads.
func read(t *testing.T, o Options, kind, name string, into any) {
	t.Helper()
	for _, obj := range Objects(o) {
		if obj["kind"] != kind || nameOf(obj) != name {
			continue
		}
		raw, err := json.Marshal(obj)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("there is no %s %s", kind, name)
}

// The pods keep what the profile restricted of Pod Security asks for, in every mode.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func TestPodsAreRestricted(t *testing.T) {
	for _, way := range []string{SelfManaged, CertManager, Mounted} {
		o := enforcingOptions(t)
		o.Certificates = way
		var d appsv1.Deployment
		read(t, o, "Deployment", Name, &d)
		pod := d.Spec.Template.Spec
		if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0 || s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: the pod's security context is %+v", way, s)
		}
		for _, c := range pod.Containers {
			s := c.SecurityContext
			if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.Privileged != nil ||
				s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || len(s.Capabilities.Add) > 0 {
				t.Errorf("%s: the security context of %s is %+v", way, c.Name, s)
			}
			if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Memory().IsZero() || c.ReadinessProbe == nil || c.LivenessProbe == nil {
				t.Errorf("%s: %s has no limits or no probes", way, c.Name)
			}
		}
		if pod.HostNetwork || pod.HostPID || pod.HostIPC {
			t.Errorf("%s: the pod shares something of its node", way)
		}
		for _, v := range pod.Volumes {
			if v.ConfigMap == nil && v.Secret == nil {
				t.Errorf("%s: the volume %s is neither a ConfigMap nor a Secret", way, v.Name)
			}
		}
	}
}

// Replicas stand on several nodes and zones, leave one by one, and one stays through
// a drain of nodes.
func TestReplicasSurviveTheirNodes(t *testing.T) {
	o := enforcingOptions(t)
	var d appsv1.Deployment
	read(t, o, "Deployment", Name, &d)
	over := map[string]bool{}
	for _, s := range d.Spec.Template.Spec.TopologySpreadConstraints {
		over[s.TopologyKey] = s.MaxSkew == 1 && maps.Equal(s.LabelSelector.MatchLabels, d.Spec.Selector.MatchLabels)
	}
	if !over["kubernetes.io/hostname"] || !over["topology.kubernetes.io/zone"] {
		t.Errorf("they are spread over %v", over)
	}
	if d.Spec.Replicas == nil || *d.Spec.Replicas < 2 || d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() != 0 {
		t.Errorf("%v replicas, %+v", d.Spec.Replicas, d.Spec.Strategy)
	}
	for key, value := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[key] != value {
			t.Errorf("the selector selects other pods: %s is %s", key, value)
		}
	}
	var b policyv1.PodDisruptionBudget
	read(t, o, "PodDisruptionBudget", Name, &b)
	if b.Spec.MinAvailable.IntValue() != 1 || !maps.Equal(b.Spec.Selector.MatchLabels, d.Spec.Selector.MatchLabels) {
		t.Errorf("the budget is %+v", b.Spec)
	}
}

// Nothing but the two ports is reached, and from us nothing but API servers and names.
func TestTheNetworkIsClosedButForWhatIsNeeded(t *testing.T) {
	o := enforcingOptions(t)
	o.Network, o.Monitor = true, true
	var p networkingv1.NetworkPolicy
	read(t, o, "NetworkPolicy", Name, &p)
	if len(p.Spec.PolicyTypes) != 2 || len(p.Spec.Ingress) != 1 || len(p.Spec.Ingress[0].Ports) != 2 || len(p.Spec.Egress) != 1 || len(p.Spec.Egress[0].Ports) == 0 {
		t.Errorf("%+v", p.Spec)
	}
	var d appsv1.Deployment
	read(t, o, "Deployment", Name, &d)
	named := map[string]bool{}
	for _, port := range d.Spec.Template.Spec.Containers[0].Ports {
		named[port.Name] = true
	}
	for _, port := range p.Spec.Ingress[0].Ports {
		if !named[port.Port.String()] {
			t.Errorf("the port %s is open and nobody listens", port.Port)
		}
	}
	var m struct {
		Spec struct {
			Endpoints []struct{ Port, Path string }
		}
	}
	read(t, o, "ServiceMonitor", Name, &m)
	var s corev1.Service
	read(t, o, "Service", Name, &s)
	for _, e := range m.Spec.Endpoints {
		found := false
		for _, port := range s.Spec.Ports {
			found = found || port.Name == e.Port && named[port.TargetPort.String()]
		}
		if !found || e.Path != "/metrics" {
			t.Errorf("nothing is at %+v", e)
		}
	}
	if len(m.Spec.Endpoints) == 0 {
		t.Error("nothing is scraped")
	}
}
