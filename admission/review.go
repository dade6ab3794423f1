// Package admission decides who may write values of Secrets into a cluster: an
// AdmissionReview in, allow, warn or deny out. [Decide] is pure but for the two
// questions it asks of a [Cluster]; serving, certificates and installation are
// rooms below. Nothing here revokes, pushes or reads Secrets, and no answer
// holds a value.
package admission

import (
	"context"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// Review is one request as the API server authenticated and converted it.
type Review struct {
	UID       string
	Operation string // "CREATE" or "UPDATE"; others carry nothing new
	Kind      Kind
	Namespace string // "" for what has none
	Name      string
	User      User
	DryRun    bool

	Secret, OldSecret manifest.LiveSecret // where Kind is that of Secrets
	Object, OldObject []byte              // JSON, where it is another; old is nil on CREATE
}

// User is who the API server says the writer is.
type User struct {
	Name   string
	UID    string
	Groups []string
	Extra  map[string][]string
}

// who is whom exceptions and emergencies may speak of. An account's own token has its
// uid, which impersonation and certificates do not give.
func (u User) who() gate.Who {
	who := gate.Who{Name: u.Name, Groups: u.Groups}
	if u.UID != "" {
		who.Account = gate.ServiceAccount(u.Name)
	}
	return who
}

// Kind names a kind without its version. Group is "" for the core.
type Kind struct{ Group, Kind string }

// String is "group/Kind".
func (k Kind) String() string {
	if k.Group == "" {
		return k.Kind
	}
	return k.Group + "/" + k.Kind
}

var secretKind = Kind{Kind: "Secret"}

// Object is the content of an object as JSON has it.
type Object map[string]any

// Cluster is what may be asked of the cluster. It is asked concurrently.
type Cluster interface {
	// Find is the first object of a kind in a namespace that is wanted; with a
	// name it looks at that object alone. It returns nil without an error when
	// there is none, also when the cluster does not know the kind. What it
	// returns may be some seconds old, but that nothing is wanted is not.
	Find(ctx context.Context, kind Kind, namespace, name string, wanted func(Object) bool) (Object, error)
}

// Answer is the decision on one request.
type Answer struct {
	Decision gate.Decision // Undecided is an error of ours: closed
	Rule     string        // see [Rules]
	Mode     gate.Mode     // of a refusal
	Refused  bool          // the rule refuses; Decision says what the mode makes of it
	Writer   string        // name of the writer in the policy, or ""
	Claim    string        // how its claim was shown, or ""
	Message  string        // for the writer: names of keys, never a value
	Warnings []string      // at most 120 characters each
	Audit    map[string]string
	Code     int32 // HTTP status of a denial
}
