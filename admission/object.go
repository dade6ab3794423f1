package admission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest"
)

// object judges what is no Secret: the kinds that trusted writers obey, and
// whatever else may hold a Secret or a value.
func (d decider) object() []finding {
	faults, err := d.faults(d.review.Object)
	if err != nil {
		return []finding{refuse(ruleBadReview, d.subject()+" cannot be read to its end", "make it smaller or simpler")}
	}
	if d.review.Operation == "UPDATE" && d.review.OldObject != nil {
		faults = d.news(faults)
	}
	sound := allowed(ruleSound)
	found := make([]finding, 1, len(faults)+1)
	for _, f := range faults {
		if f.Deny {
			refusal := refuse(f.Rule, fmt.Sprintf("%s: %s: %s", d.subject(), f.Path, f.Reason), f.Fix)
			refusal.fault = &f
			found = append(found, refusal)
			continue
		}
		if owner, _ := d.exception(finding{rule: f.Rule, fault: &f}, d.review.Name); owner != "" {
			continue
		}
		sound.warn = append(sound.warn, f.Rule+": "+f.Path+" "+f.Reason)
	}
	found[0] = sound
	return found
}

// news leaves what an update brings: where nothing but metadata and status
// changed, only what is wrong in metadata and was not so before.
func (d decider) news(faults []manifest.Fault) (out []manifest.Fault) {
	if !bytes.Equal(d.review.Object, d.review.OldObject) && !sameButMetadata(d.review.Object, d.review.OldObject) {
		return faults
	}
	old, err := d.faults(d.review.OldObject)
	if err != nil {
		return faults
	}
	for _, f := range faults {
		if strings.HasPrefix(f.Path, "metadata") && !had(old, f) {
			out = append(out, f)
		}
	}
	return out
}

func had(old []manifest.Fault, f manifest.Fault) bool {
	for _, o := range old {
		if o.Rule == f.Rule && o.Path == f.Path && o.Value.Equal(f.Value) {
			return true
		}
	}
	return false
}

func sameButMetadata(a, b []byte) bool {
	var x, y map[string]any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	for _, m := range []map[string]any{x, y} {
		delete(m, "metadata")
		delete(m, "status")
	}
	return reflect.DeepEqual(x, y)
}

func objectAnnotations(raw []byte) map[string]string {
	var o struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o.Metadata.Annotations
}
