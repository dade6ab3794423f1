package admission

import (
	"errors"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/json"

	"github.com/leakgate/leakgate/internal/manifest"
)

// errReview is a body that is no AdmissionReview. Nothing of the body is
// repeated, since the decoder's own words may hold parts of it.
var errReview = errors.New("the body is not an AdmissionReview of admission.k8s.io/v1 with a request")

// decodeReview reads the body of a call. With an error the request may still
// be there, so that it can be refused by its uid.
func decodeReview(body []byte) (*admissionv1.AdmissionRequest, error) {
	var review admissionv1.AdmissionReview
	if err := json.UnmarshalCaseSensitivePreserveInts(body, &review); err != nil {
		return nil, errReview
	}
	if review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview" || review.Request == nil || review.Request.UID == "" {
		return nil, errReview
	}
	return review.Request, nil
}

// readRequest turns a request into a Review. An object that is not what the
// request says it is cannot be judged.
func readRequest(q *admissionv1.AdmissionRequest) (Review, error) {
	r := Review{
		UID: string(q.UID), Operation: string(q.Operation), Kind: Kind{q.Kind.Group, q.Kind.Kind}, Namespace: q.Namespace, Name: q.Name,
		User:   User{Name: q.UserInfo.Username, UID: q.UserInfo.UID, Groups: q.UserInfo.Groups, Extra: map[string][]string{}},
		DryRun: q.DryRun != nil && *q.DryRun,
	}
	for key, values := range q.UserInfo.Extra {
		r.User.Extra[key] = values
	}
	if !r.carriesObject() {
		return r, nil
	}
	if isSecrets := q.Resource.Group == "" && q.Resource.Resource == "secrets"; isSecrets != (r.Kind == secretKind) || isSecrets && q.SubResource != "" {
		return r, fmt.Errorf("the kind %s is not that of the resource %s", clip(r.Kind.String(), 80), clip(q.Resource.Resource, 80))
	}
	if r.Kind == secretKind {
		return r, r.readSecrets(q.Object.Raw, q.OldObject.Raw)
	}
	r.Object, r.OldObject = q.Object.Raw, q.OldObject.Raw
	return r, r.checkObject(q.Kind.Version)
}

// carriesObject reports whether an operation can bring values in.
func (r Review) carriesObject() bool { return r.Operation == "CREATE" || r.Operation == "UPDATE" }

func (r *Review) readSecrets(object, old []byte) (err error) {
	if r.Secret, err = manifest.ReadLiveSecret(object); err != nil {
		return err
	}
	if r.Operation == "UPDATE" {
		if r.OldSecret, err = manifest.ReadLiveSecret(old); err != nil {
			return fmt.Errorf("old object: %w", err)
		}
		if r.OldSecret.Name != r.Secret.Name {
			return errors.New("the old object has another name")
		}
	}
	if r.Name == "" {
		r.Name = r.Secret.Name
	}
	return r.samePlace(r.Secret.Namespace, r.Secret.Name)
}

// checkObject compares what an object says of itself with the request.
func (r *Review) checkObject(version string) error {
	var o struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.UnmarshalCaseSensitivePreserveInts(r.Object, &o); err != nil {
		return errors.New("the object is not JSON of a Kubernetes object")
	}
	if o.APIVersion != strings.TrimPrefix(r.Kind.Group+"/"+version, "/") || o.Kind != r.Kind.Kind {
		return errors.New("the object is not of the kind that the request names")
	}
	if r.Name == "" {
		r.Name = o.Metadata.Name
	}
	return r.samePlace(o.Metadata.Namespace, o.Metadata.Name)
}

func (r *Review) samePlace(namespace, name string) error {
	if namespace != r.Namespace && namespace != "" || name != r.Name && name != "" {
		return errors.New("the object is not the one that the request names")
	}
	return nil
}
