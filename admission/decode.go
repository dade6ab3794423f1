package admission

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/types"

	"github.com/leakgate/leakgate/internal/manifest"
)

// errReview is a body that is no AdmissionReview. Nothing of the body is
// repeated, since the decoder's own words may hold parts of it.
var errReview = errors.New("the body is not an AdmissionReview of admission.k8s.io/v1 with a request")

// request is what of an AdmissionRequest is looked at. Objects are left as they
// came, since the kind says how they are read.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
type request struct {
	UID         types.UID `json:"uid"`
	Kind        groupKind `json:"kind"`
	Resource    groupKind `json:"resource"`
	SubResource string    `json:"subResource"`
	Name        string    `json:"name"`
	Namespace   string    `json:"namespace"`
	Operation   string    `json:"operation"`
	UserInfo    struct {
		Username string              `json:"username"`
		UID      string              `json:"uid"`
		Groups   []string            `json:"groups"`
		Extra    map[string][]string `json:"extra"`
	} `json:"userInfo"`
	Object    jsontext.Value `json:"object"`
	OldObject jsontext.Value `json:"oldObject"`
	DryRun    bool           `json:"dryRun"`
}

type groupKind struct {
	Group    string `json:"group"`
	Version  string `json:"version"`
	Kind     string `json:"kind"`
	Resource string `json:"resource"`
}

// decodeReview reads the body of a call. Keys count by their exact case, as an API
// server writes them; a key that is there twice is an error, as one of the two
// would be judged and perhaps the other stored.
func decodeReview(body []byte) (*request, error) {
	var review struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Request    *request `json:"request"`
	}
	if err := json.Unmarshal(body, &review); err != nil {
		return nil, errReview
	}
	if review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview" || review.Request == nil || review.Request.UID == "" {
		return nil, errReview
	}
	return review.Request, nil
}

// readRequest turns a request into a Review. An object that is not what the
// request says it is cannot be judged.
func readRequest(q *request) (Review, error) {
	r := Review{
		UID: string(q.UID), Operation: q.Operation, Kind: Kind{q.Kind.Group, q.Kind.Kind}, Namespace: q.Namespace, Name: q.Name,
		User:   User{Name: q.UserInfo.Username, UID: q.UserInfo.UID, Groups: q.UserInfo.Groups, Extra: q.UserInfo.Extra},
		DryRun: q.DryRun,
	}
	if !r.carriesObject() {
		return r, nil
	}
	if isSecrets := q.Resource.Group == "" && q.Resource.Resource == "secrets"; isSecrets != (r.Kind == secretKind) || isSecrets && q.SubResource != "" {
		return r, fmt.Errorf("the kind %s is not that of the resource %s", clip(r.Kind.String(), 80), clip(q.Resource.Resource, 80))
	}
	if r.Kind == secretKind {
		return r, r.readSecrets(q.Object, q.OldObject)
	}
	r.Object, r.OldObject = q.Object, orNothing(q.OldObject)
	return r, r.checkObject(q.Kind.Version)
}

// orNothing is nil where JSON has null.
func orNothing(v jsontext.Value) []byte {
	if v.Kind() == 'n' {
		return nil
	}
	return v
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
	if err := json.Unmarshal(r.Object, &o); err != nil {
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
