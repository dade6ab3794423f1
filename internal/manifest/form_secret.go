package manifest

import (
	"encoding/base64"

	"github.com/leakgate/leakgate/internal/manifest/sops"
)

// judgeSecret looks for values that nothing will decrypt in a cluster.
func judgeSecret(j *judge, root view) {
	if !j.InCluster || j.object.base > 0 {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		for key, v := range root.get(field).pairs() {
			text := v.text()
			if field == "data" {
				raw, _ := base64.StdEncoding.DecodeString(text) // what is no base64 is no value of sops
				text = string(raw)
			}
			if _, ok := sops.ParseValue(text); ok {
				j.at(v, RuleSOPSUndecryptable, key+" is encrypted by sops, and nothing decrypts it in the cluster", "sops -d FILE | kubectl apply -f -")
			}
		}
	}
}

// privileged are the types of Secrets that are credentials of the cluster
// itself, so that whoever may choose the type may become somebody else.
var privileged = map[string]bool{"kubernetes.io/service-account-token": true, "bootstrap.kubernetes.io/token": true}

// privilegedType reports a template of a privileged type.
func (j *judge) privilegedType(v view) {
	if privileged[v.text()] {
		j.at(v, RulePrivileged, "the Secret would be of type "+v.text()+", a credential of the cluster", "type: Opaque").About = v.text()
	}
}

// judgeSopsSecret is isindir.github.com/SopsSecret.
func judgeSopsSecret(j *judge, root view) {
	for t := range root.get("spec", "secretTemplates").items() {
		j.privilegedType(t.get("type"))
	}
	if !root.get("sops").exists() && j.object.base == 0 {
		j.at(root, RuleSOPSNone, "the SopsSecret has no metadata of sops, so nothing in it is encrypted", "sops -e -i --encrypted-suffix Templates FILE")
	}
}
