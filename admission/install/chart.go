package install

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Chart is the Helm chart as files by their path. Its templates are the same
// objects as the plain manifests, made with marks in the place of options,
// and the marks turned into expressions over the values.
func Chart(version string) (map[string][]byte, error) {
	o, err := Defaults(version)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("apiVersion: v2\nname: leakgate\ndescription: Admits Secrets only from writers that a policy trusts\ntype: application\nversion: %s\nappVersion: %q\nkubeVersion: \">=1.30.0-0\"\n",
		chartVersion(version), version)
	files := map[string][]byte{"Chart.yaml": []byte(head)}
	if files["values.yaml"], err = Values(o); err != nil {
		return nil, err
	}
	for name, text := range templates() {
		files["templates/"+name+".yaml"] = []byte(text)
	}
	return files, nil
}

// chartVersion is the release, which Helm wants without the v.
func chartVersion(version string) string {
	v := strings.TrimPrefix(version, "v")
	if !regexp.MustCompile(`^\d+\.\d+\.\d+`).MatchString(v) {
		return "0.0.0"
	}
	return v
}

// mark stands for a value until the YAML is written.
func mark(value string) string { return "MARK(" + value + ")" }

var (
	wholeMark  = regexp.MustCompile(`(?m)(: |- )'?MARK\(([a-zA-Z.]+)\)'?$`)
	withinMark = regexp.MustCompile(`MARK\(([a-zA-Z.]+)\)`)
)

// expressions turns marks into expressions: a whole value is written as JSON,
// which is YAML too and needs no care for quotes; one within a text as it is.
func expressions(text string) string {
	text = strings.ReplaceAll(text, "{{", "{{`{{`}}")
	text = wholeMark.ReplaceAllString(text, "$1{{ toJson .Values.$2 }}")
	text = strings.ReplaceAll(text, ".Values.Release.Namespace", ".Release.Namespace")
	return withinMark.ReplaceAllStringFunc(text, func(m string) string {
		name := withinMark.FindStringSubmatch(m)[1]
		if name == "Release.Namespace" {
			return "{{ .Release.Namespace }}"
		}
		return "{{ .Values." + name + " }}"
	})
}

// marked are options that are marks.
func marked(certificates string) Options {
	return Options{
		Namespace: mark("Release.Namespace"), Image: mark("image"), Certificates: certificates, CABundle: mark("caBundle"), Policy: mark("policy"),
		Network: true, Monitor: true, OtherKinds: true, OtherRules: mark("otherRules"),
		Registration: Registration{
			Trusted: mark("registration.trusted"), Enforces: true, Audits: true,
			Enforcing: object{"MARK": mark("registration.enforcing")}, Audited: object{"MARK": mark("registration.audited")},
			EnforcingScope: mark("registration.enforcingScope"), AuditedScope: mark("registration.auditedScope"),
			Floor: Floor{Values: mark("registration.floor.values"), Guarded: mark("registration.floor.guarded"), Message: mark("registration.floor.message")},
		},
	}
}

// conditions are what asks for an object by the values of the chart.
var conditions = map[string]string{
	"NetworkPolicy": ".Values.network", "ServiceMonitor": ".Values.monitor",
	"ValidatingAdmissionPolicy": ".Values.registration.enforces", "ValidatingAdmissionPolicyBinding": ".Values.registration.enforces",
}

// templates are the objects of each way to make certificates; what is the same
// in all of them is written once.
func templates() map[string]string {
	byName := map[string]map[string]string{}
	ways := []string{SelfManaged, CertManager, Mounted}
	for _, way := range ways {
		for _, obj := range Objects(marked(way)) {
			name := templateName(obj)
			if byName[name] == nil {
				byName[name] = map[string]string{}
			}
			byName[name][way] = templateOf(marked(way), obj)
		}
	}
	delete(byName, "namespace") // Helm makes it
	out := map[string]string{}
	for name, texts := range byName {
		out[name] = choose(texts, ways)
	}
	return out
}

func templateName(obj object) string {
	name := strings.ToLower(fmt.Sprint(obj["kind"]))
	if nameOf(obj) == SeenMap { // the other ConfigMap is the policy
		name += "-seen"
	}
	return strings.ReplaceAll(name, "validating", "")
}

// choose writes a text for every way that has another.
func choose(texts map[string]string, ways []string) string {
	var distinct []string
	by := map[string][]string{}
	for _, way := range ways {
		text := texts[way]
		if !slices.Contains(distinct, text) {
			distinct = append(distinct, text)
		}
		by[text] = append(by[text], fmt.Sprintf("(eq .Values.certificates %q)", way))
	}
	if len(distinct) == 1 {
		return distinct[0]
	}
	var b strings.Builder
	for _, text := range distinct {
		if text != "" {
			fmt.Fprintf(&b, "{{- if or %s }}\n%s{{- end }}\n", strings.Join(by[text], " "), text)
		}
	}
	return b.String()
}

func templateOf(o Options, obj object) string {
	text := ""
	switch obj["kind"] {
	case "ValidatingWebhookConfiguration":
		text = webhookTemplate(o, obj)
	case "ClusterRole":
		text = plain(obj) + groupsTemplate
	case "Deployment":
		text = strings.NewReplacer("replicas: 0", "replicas: {{ .Values.replicas }}", "--detect=true", "--detect={{ .Values.otherKinds }}").Replace(plain(obj))
	default:
		text = plain(obj)
	}
	if c := conditions[fmt.Sprint(obj["kind"])]; c != "" {
		text = "{{- if " + c + " }}\n" + text + "{{- end }}\n"
	}
	return text
}

// groupsTemplate follows the rules of the ClusterRole, which are its last key.
const groupsTemplate = `{{- range .Values.registration.groups }}
- apiGroups:
  - {{ toJson . }}
  resources:
  - '*'
  verbs:
  - get
  - list
{{- end }}
`

// webhookTemplate writes each entry under its condition.
func webhookTemplate(o Options, obj object) string {
	head := object{"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": obj["metadata"]}
	text := plain(head) + "webhooks:\n"
	for _, e := range o.entries() {
		one := plain([]object{e.object})
		if e.value != "" {
			one = "{{- if .Values." + e.value + " }}\n" + one + "{{- end }}\n"
		}
		text += one
	}
	return text
}

// selectorMark is a selector that is a mark.
var selectorMark = regexp.MustCompile(`(?m)^( *)(namespaceSelector):\n *MARK: (MARK\([a-zA-Z.]+\))$`)

func plain(v any) string {
	text, err := yaml.Marshal(v)
	if err != nil {
		panic(err) // maps, lists and texts
	}
	return expressions(selectorMark.ReplaceAllString(string(text), "$1$2: $3"))
}
