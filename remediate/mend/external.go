package mend

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// unknownStore is the name of a store that people have to say.
const unknownStore = "to-be-set"

// External makes of each Secret of a file of manifests that lost a value an ExternalSecret of the
// same name (https://external-secrets.io/latest/api/externalsecret/), and says what has to
// be set: the store, and what is in it. A value of the Secret that stays in history goes along: half a
// Secret has no reference. The text comes back as it was where that cannot be said exactly.
func External(file string, before, after []byte, placeholder string) (out []byte, set []string) {
	const token = "LEAKGATEPLACEHOLDER"
	if ext := path.Ext(file); ext != ".yaml" && ext != ".yml" || len(after) > maxFile || bytes.Contains(after, []byte(token)) {
		return after, nil
	}
	was, now := documents(before), documents(bytes.ReplaceAll(after, []byte(placeholder), []byte(token))) // asterisks mean something in YAML
	if len(was) != len(now) {
		return after, nil
	}
	for i, doc := range now {
		if s := readSecret(doc, token); s != nil && s.lost(readSecret(was[i], token)) {
			now[i] = s.external(doc)
			set = append(set, file+": secretStoreRef of "+s.Metadata.Name)
			for _, key := range s.keys() {
				set = append(set, file+": "+key+" of "+s.Metadata.Name+", in that store")
			}
		}
	}
	if len(set) == 0 {
		return after, nil
	}
	return bytes.ReplaceAll(bytes.Join(now, nil), []byte(token), []byte(placeholder)), set
}

// divider begins another document.
var divider = regexp.MustCompile(`(?m)^(?:---(?:[ \t].*)?|\.\.\.[ \t]*)\r?\n`)

// documents cuts a text into its documents and what divides them.
func documents(text []byte) (out [][]byte) {
	at := 0
	for _, m := range divider.FindAllIndex(text, -1) {
		out = append(out, text[at:m[0]], text[m[0]:m[1]])
		at = m[1]
	}
	return append(out, text[at:])
}

// object is what a manifest says of itself.
type object struct {
	Name        string            `yaml:"name,omitempty"`
	Namespace   string            `yaml:"namespace,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// kubeSecret is one that can be said otherwise.
type kubeSecret struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Metadata   object            `yaml:"metadata"`
	Type       string            `yaml:"type"`
	Immutable  bool              `yaml:"immutable"`
	Data       map[string]string `yaml:"data"`
	StringData map[string]string `yaml:"stringData"`
}

var (
	objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
	secretKey  = regexp.MustCompile(`^[-._a-zA-Z0-9]+$`)
	// notOurs are types that the cluster or Helm fills, and annotations by which tools treat a Secret
	// in a way that they do not treat an ExternalSecret in.
	notOurs = regexp.MustCompile(`^(helm\.sh/|kubernetes\.io/service-account|bootstrap\.kubernetes\.io/|argocd\.argoproj\.io/(hook|sync-options)|kustomize\.config\.k8s\.io/|config\.(kubernetes|k8s)\.io/|sealedsecrets\.bitnami\.com/)`)
)

// applied is what kubectl remembers, values included.
const applied = "kubectl.kubernetes.io/last-applied-configuration"

// readSecret reads a document; nil when it is no Secret, or has what an ExternalSecret cannot say.
func readSecret(doc []byte, token string) *kubeSecret {
	if bytes.Contains(doc, []byte("{{")) || !bytes.Contains(doc, []byte("Secret")) { // a template makes it something else
		return nil
	}
	var tree yaml.Node
	if yaml.Unmarshal(doc, &tree) != nil || !isPlain(&tree) {
		return nil
	}
	var s kubeSecret
	d := yaml.NewDecoder(bytes.NewReader(doc))
	d.KnownFields(true)
	if d.Decode(&s) != nil || s.APIVersion != "v1" || s.Kind != "Secret" || !objectName.MatchString(s.Metadata.Name) || notOurs.MatchString(s.Type) {
		return nil
	}
	delete(s.Metadata.Annotations, applied)
	for _, pairs := range []map[string]string{s.Metadata.Labels, s.Metadata.Annotations, {"namespace": s.Metadata.Namespace, "type": s.Type}} {
		for key, text := range pairs {
			if notOurs.MatchString(key) || strings.Contains(key+text, token) {
				return nil
			}
		}
	}
	if slices.ContainsFunc(s.keys(), func(key string) bool { return !secretKey.MatchString(key) || strings.Contains(key, token) }) {
		return nil
	}
	return &s
}

// isPlain reports whether a document has no anchors, aliases and tags of its own.
func isPlain(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return false
	}
	return !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return !isPlain(c) })
}

// keys are those of the values.
func (s *kubeSecret) keys() (out []string) {
	for _, data := range []map[string]string{s.Data, s.StringData} {
		for key := range data {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lost reports whether a value is not what it was.
func (s *kubeSecret) lost(was *kubeSecret) bool {
	if was == nil || was.Metadata.Name != s.Metadata.Name || !slices.Equal(was.keys(), s.keys()) {
		return false
	}
	return slices.ContainsFunc(s.keys(), func(key string) bool {
		return s.Data[key] != was.Data[key] || s.StringData[key] != was.StringData[key]
	})
}

// The fields of an ExternalSecret, as far as one is said here.
type (
	external struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   object `yaml:"metadata"`
		Spec       spec   `yaml:"spec"`
	}
	spec struct {
		RefreshInterval string  `yaml:"refreshInterval"`
		Store           store   `yaml:"secretStoreRef"`
		Target          *target `yaml:"target,omitempty"`
		Data            []entry `yaml:"data"`
	}
	store struct {
		Kind string `yaml:"kind"`
		Name string `yaml:"name"`
	}
	target struct {
		Immutable bool      `yaml:"immutable,omitempty"`
		Template  *template `yaml:"template,omitempty"`
	}
	template struct {
		Type     string  `yaml:"type"`
		Metadata *object `yaml:"metadata,omitempty"`
	}
	entry struct {
		Key    string `yaml:"secretKey"`
		Remote remote `yaml:"remoteRef"`
	}
	remote struct {
		Key      string `yaml:"key"`
		Property string `yaml:"property"`
	}
)

// external writes the document. The Secret that the operator makes has the name of the ExternalSecret, and
// without a template its labels and annotations.
func (s *kubeSecret) external(doc []byte) []byte {
	e := external{"external-secrets.io/v1", "ExternalSecret", s.Metadata, spec{RefreshInterval: "1h", Store: store{"SecretStore", unknownStore}}}
	if typed := s.Type != "" && s.Type != "Opaque"; typed || s.Immutable {
		e.Spec.Target = &target{Immutable: s.Immutable}
		if typed {
			e.Spec.Target.Template = &template{Type: s.Type}
			if len(s.Metadata.Labels)+len(s.Metadata.Annotations) > 0 {
				e.Spec.Target.Template.Metadata = &object{Labels: s.Metadata.Labels, Annotations: s.Metadata.Annotations}
			}
		}
	}
	for _, key := range s.keys() {
		e.Spec.Data = append(e.Spec.Data, entry{key, remote{s.Metadata.Name, key}})
	}
	var out bytes.Buffer
	out.Write(head.Find(doc))
	out.WriteString("# To be set: the store, and in it a new value for each property.\n")
	w := yaml.NewEncoder(&out)
	w.SetIndent(2)
	if err := w.Encode(e); err != nil { // it is all strings
		return doc
	}
	if bytes.Contains(doc, []byte("\r\n")) {
		return bytes.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	return out.Bytes()
}

// head are the lines before the first key.
var head = regexp.MustCompile(`^(?:[ \t]*(?:#.*)?\r?\n)*`)
