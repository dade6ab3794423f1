package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/leakgate/leakgate/internal/manifest"
)

// object judges what is no Secret: the kinds that trusted writers obey, and
// whatever else may hold a Secret or a value.
func (d decider) object(ctx context.Context) []finding {
	done, err := d.atOnce(ctx)
	if err != nil {
		f := refuse(ruleUndecided, d.subject()+" waited for other objects until the time was over", "try again")
		f.code = 500
		return []finding{f}
	}
	defer done()
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

// judgedAtOnce is how many bytes objects may have together that are judged at the
// same time; a larger one is judged alone. What is read out of an object that is
// made for it takes a hundred times its bytes, so whoever may write such objects,
// be it as a dry run, could take all of our memory.
const judgedAtOnce = 1 << 20

// atOnce waits until an object may be judged beside others. Those that trusted
// writers obey are not counted: they are few, and no rotation waits.
func (d decider) atOnce(ctx context.Context) (done func(), err error) {
	if d.judging == nil {
		return func() {}, nil
	}
	size := int64(min(max(len(d.review.Object), len(d.review.OldObject)), judgedAtOnce))
	if err := d.judging.Acquire(ctx, size); err != nil {
		return nil, errors.New("others are judged")
	}
	return func() { d.judging.Release(size) }, nil
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
