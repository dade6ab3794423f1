package install

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/yaml"
)

// Manifests is an installation as one YAML stream, for kubectl apply.
func Manifests(o Options) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintln(&out, "# Made by: leakgate-admission manifests")
	for _, obj := range Objects(o) {
		text, err := yaml.Marshal(obj)
		if err != nil {
			return nil, fmt.Errorf("write %v: %w", obj["kind"], err)
		}
		fmt.Fprintf(&out, "---\n%s", text)
	}
	return out.Bytes(), nil
}

// Values is what the chart is given in the place of options.
func Values(o Options) ([]byte, error) {
	text, err := yaml.Marshal(values(o))
	if err != nil {
		return nil, fmt.Errorf("write values: %w", err)
	}
	return append([]byte(valuesHead), text...), nil
}

const valuesHead = `# policy and registration belong together. For a policy of your own make both with:
#   leakgate-admission manifests --values --policy .leakgate.yaml > values.yaml
# certificates: self (no other software), cert-manager, or files (a Secret ` + ServingSecret + ` and caBundle).
# otherKinds: what otherRules name is judged too; manifests --values --other-kinds=LIST makes both. monitor: a ServiceMonitor.
`

func values(o Options) object {
	return object{
		"image": o.Image, "replicas": o.Replicas, "certificates": o.Certificates, "caBundle": o.CABundle, "otherKinds": o.OtherKinds, "otherRules": o.OtherRules,
		"monitor": o.Monitor, "network": o.Network, "policy": o.Policy, "registration": o.Registration,
	}
}
