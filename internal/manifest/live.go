package manifest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/leakgate/leakgate/internal/secret"
)

// LiveSecret is a v1/Secret as an API server holds it: stringData is merged into
// data, and what a Secret does not have is gone. It cannot be printed.
type LiveSecret struct {
	Namespace, Name string
	Type            string
	Labels          map[string]string
	Annotations     map[string]string
	Owners          []Owner
	Data            map[string]secret.Secret // base64 undone
}

// Owner is an ownerReference, which is the claim of whoever wrote it: the API
// server does not check that the owner exists.
type Owner struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	UID        string `json:"uid"`
}

// liveSecret is the wire form. managedFields are left out: they are long, and
// name what the writer chose.
type liveSecret struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace       string            `json:"namespace"`
		Name            string            `json:"name"`
		GenerateName    string            `json:"generateName"`
		Labels          map[string]string `json:"labels"`
		Annotations     map[string]string `json:"annotations"`
		OwnerReferences []Owner           `json:"ownerReferences"`
	} `json:"metadata"`
	Type       string            `json:"type"`
	Data       map[string]packed `json:"data"`
	StringData map[string]string `json:"stringData"`
}

// packed is a value in base64. Line breaks in it are none of the value, as an API
// server takes them too.
type packed struct{ value secret.Secret }

// UnmarshalText undoes base64.
func (p *packed) UnmarshalText(text []byte) error {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil {
		return errNotLive
	}
	p.value = secret.New(string(raw[:n]))
	return nil
}

// errNotLive is all that is said of JSON that cannot be read, since the
// decoder's own words may hold parts of it.
var errNotLive = errors.New("the object is not a v1 Secret as an API server sends it")

// ReadLiveSecret reads the JSON of a Secret that an API server sent. Keys count
// by their exact case, as the API server reads them, and none is there twice.
func ReadLiveSecret(text []byte) (LiveSecret, error) {
	var wire liveSecret
	if err := json.Unmarshal(text, &wire); err != nil {
		return LiveSecret{}, errNotLive
	}
	if wire.Kind != "Secret" || wire.APIVersion != "v1" {
		return LiveSecret{}, fmt.Errorf("%w: its kind is another", errNotLive)
	}
	s := LiveSecret{
		Namespace: wire.Metadata.Namespace, Name: wire.Metadata.Name, Type: wire.Type, Labels: wire.Metadata.Labels,
		Annotations: wire.Metadata.Annotations, Owners: wire.Metadata.OwnerReferences, Data: make(map[string]secret.Secret, len(wire.Data)),
	}
	if s.Name == "" {
		s.Name = wire.Metadata.GenerateName
	}
	for key, value := range wire.Data {
		s.Data[key] = value.value
	}
	for key, value := range wire.StringData { // no API server sends it; a forged review might
		s.Data[key] = secret.New(value)
	}
	return s, nil
}

// Keys are the sorted names of all data.
func (s LiveSecret) Keys() []string { return slices.Sorted(maps.Keys(s.Data)) }

// Gained lists the keys whose value old does not have under the same key. Keys
// with an empty value are none.
func (s LiveSecret) Gained(old LiveSecret) (keys []string) {
	for key, value := range s.Data {
		if was, is := old.Data[key]; !value.IsZero() && (!is || !was.Equal(value)) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Form says what the values of the keys are, taken together: Plain if any is
// readable, else SOPS or Reference. In a cluster a placeholder stays what it is,
// and so is a value as readable as any other, unless one of the named tools fills
// it in there (see [Fillers]).
func (s LiveSecret) Form(keys, tools []string) Kept {
	form := Reference
	for _, key := range keys {
		text := s.Data[key].Reveal() // to tell ciphertext and placeholders from values
		switch {
		case wellFormedSOPS(text):
			form = SOPS
		case !filledInCluster(text, tools):
			return Plain
		}
	}
	return form
}

func filledInCluster(text string, tools []string) bool {
	tool := FilledBy(text)
	return tool != "" && slices.Contains(tools, tool) && slices.ContainsFunc(FillerStarts(tools), func(start string) bool { return strings.HasPrefix(text, start) })
}

// SOPSStart is how every value that sops encrypted starts.
const SOPSStart = "ENC[AES256_GCM,"

// LastApplied is where kubectl keeps what it was given, stringData included.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-last-applied-configuration
const LastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Copied lists the annotations in which values of the Secret stand that did not
// stand in the same annotation of old. Placeholders of the named tools are none.
func (s LiveSecret) Copied(old LiveSecret, tools []string) (annotations []string) {
	for name, text := range s.Annotations {
		if was := old.Annotations[name]; text != was && (name == LastApplied && gainedApplied(text, was, tools) || s.gainedIn(text, was, tools)) {
			annotations = append(annotations, name)
		}
	}
	slices.Sort(annotations)
	return annotations
}

// shortest is the length from which a value is recognised inside other text.
const shortest = 6

func (s LiveSecret) gainedIn(text, was string, tools []string) bool {
	for _, value := range s.Data {
		plain := value.Reveal() // to find it in an annotation
		if len(plain) < shortest || filledInCluster(plain, tools) {
			continue
		}
		for _, form := range []string{plain, base64.StdEncoding.EncodeToString([]byte(plain))} {
			if strings.Contains(text, form) && !strings.Contains(was, form) {
				return true
			}
		}
	}
	return false
}

// gainedApplied reports whether the values of a Secret that kubectl was given
// are others than before. Text that cannot be read counts as values.
func gainedApplied(text, was string, tools []string) bool {
	now, err := appliedValues(text)
	if err != nil {
		return true
	}
	before, err := appliedValues(was)
	if err != nil {
		before = nil
	}
	for key, value := range now {
		if value != "" && before[key] != value && !filledInCluster(value, tools) && !wellFormedSOPS(value) {
			return true
		}
	}
	return false
}

func appliedValues(text string) (map[string]string, error) {
	var wire struct {
		Data       map[string]packed `json:"data"`
		StringData map[string]string `json:"stringData"`
	}
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return nil, errNotLive
	}
	values := map[string]string{}
	for key, value := range wire.Data {
		values[key] = value.value.Reveal() // to compare it with what stood there before
	}
	maps.Copy(values, wire.StringData)
	return values, nil
}

// Redactor knows every value of the Secret, to keep them out of text that
// somebody else wrote.
func (s LiveSecret) Redactor() *secret.Redactor {
	r := &secret.Redactor{}
	for _, value := range s.Data {
		r.Add(value)
	}
	return r
}
