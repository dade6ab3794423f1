package due

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/manifest"
)

// Dynamic judges the manifests of one file: generators and secrets of Vault by the
// TTL that they ask for, and ExternalSecrets by how often they have a new credential
// made. Roles are, by "mount/path", the TTL that the operator knows of a Vault's role
// whose manifest does not say it.
func Dynamic(file string, text []byte, limit time.Duration, roles map[string]time.Duration) (all []Item) {
	docs, err := manifest.Parse(file, text)
	for _, d := range docs {
		if i, ok := judge(newObject(file, d), limit, roles); ok {
			all = append(all, i)
		}
	}
	var syntax *manifest.SyntaxError
	if err != nil {
		why := "the file could not be read to its end"
		if errors.As(err, &syntax) {
			why = fmt.Sprintf("line %d: %s", syntax.Line, syntax.Reason)
		}
		all = append(all, Item{Kind: "dynamic", Name: "?", Where: file, Why: why})
	}
	return all
}

// object is a document by the paths of its leaves.
type object struct {
	kind, group, name, where string
	leaf                     map[string]string
}

func newObject(file string, d manifest.Document) object {
	group, _, _ := strings.Cut(d.APIVersion, "/")
	name := d.Name
	if d.Namespace != "" {
		name = d.Namespace + "/" + name
	}
	o := object{d.Kind, group, d.Kind + " " + name, fmt.Sprintf("%s:%d", file, d.Line), map[string]string{}}
	for _, f := range d.Fields {
		if f.Kind == d.Kind && !f.Sensitive {
			o.leaf[f.Path] = f.Value.Reveal() // of names and durations only
		}
	}
	return o
}

// Groups of the operators.
// https://external-secrets.io/latest/api/generator/vault/ and
// https://developer.hashicorp.com/vault/docs/deploy/kubernetes/vso/api-reference, read 2026-11-26
const (
	esoGroup       = "external-secrets.io"
	generatorGroup = "generators.external-secrets.io"
	vsoGroup       = "secrets.hashicorp.com"
	generator      = "VaultDynamicSecret"
)

// judge reports also whether the object is of a kind that is judged.
func judge(o object, limit time.Duration, roles map[string]time.Duration) (Item, bool) {
	switch {
	case o.group == generatorGroup && o.kind == generator:
		return o.lease(limit, roles, "spec.path", "spec.parameters.ttl"), true
	case o.group == generatorGroup && o.kind == "ClusterGenerator" && o.leaf["spec.kind"] == generator:
		within := "spec.generator.vaultDynamicSecretSpec."
		return o.lease(limit, roles, within+"path", within+"parameters.ttl"), true
	case o.group == vsoGroup && o.kind == generator:
		o.leaf["role"] = strings.Trim(o.leaf["spec.mount"], "/") + "/" + strings.Trim(o.leaf["spec.path"], "/")
		return o.lease(limit, roles, "role", "spec.params.ttl"), true
	case o.group == esoGroup && o.kind == "ExternalSecret" && o.generated("spec."):
		return o.refresh(limit, "spec."), true
	case o.group == esoGroup && o.kind == "ClusterExternalSecret" && o.generated("spec.externalSecretSpec."):
		return o.refresh(limit, "spec.externalSecretSpec."), true
	}
	return Item{}, false
}

// lease judges how long a credential of a role lives.
func (o object) lease(limit time.Duration, roles map[string]time.Duration, path, ttl string) Item {
	i := Item{Kind: "dynamic", Name: o.name, Where: o.where}
	role := strings.Trim(o.leaf[path], "/")
	text, said := o.leaf[ttl]
	known, told := roles[role]
	switch {
	case said:
		d, err := parseTTL(text)
		if err != nil || d <= 0 {
			i.Why = "its ttl is no duration"
			return i
		}
		i.live(d, limit, "asks Vault for a ttl of "+d.String())
	case told:
		i.live(known, limit, "the operator says that its role gives "+known.String())
	default:
		i.Why = fmt.Sprintf("the role of %s in Vault decides how long it lives: say it with --role %s=TTL", role, role)
	}
	return i
}

func (i *Item) live(d, limit time.Duration, why string) {
	i.Age, i.Days, i.Status, i.Why = d, float64(d)/float64(24*time.Hour), OK, why
	if d > limit {
		i.Status = Violation
	}
}

// generated reports whether an ExternalSecret has Vault make its credential.
func (o object) generated(within string) bool {
	for path, value := range o.leaf {
		if strings.HasPrefix(path, within+"dataFrom[") && strings.HasSuffix(path, "].sourceRef.generatorRef.kind") && value == generator {
			return true
		}
	}
	return false
}

// defaultRefresh is that of the external-secrets operator.
const defaultRefresh = time.Hour

// refresh judges how long an ExternalSecret keeps what a generator made.
func (o object) refresh(limit time.Duration, within string) Item {
	i := Item{Kind: "dynamic", Name: o.name, Where: o.where}
	policy, every := o.leaf[within+"refreshPolicy"], defaultRefresh
	if text, ok := o.leaf[within+"refreshInterval"]; ok {
		var err error
		if every, err = parseTTL(text); err != nil {
			i.Why = "its refreshInterval is no duration"
			return i
		}
	}
	switch {
	case policy == "CreatedOnce" || policy == "OnChange":
		i.Status, i.Why = Violation, "refreshPolicy "+policy+" keeps one credential for ever"
	case policy != "" && policy != "Periodic":
		i.Why = "its refreshPolicy is none that is known"
	case every <= 0:
		i.Status, i.Why = Violation, "a refreshInterval of 0 keeps one credential for ever"
	default:
		i.live(every, limit, "has a new credential made every "+every.String())
	}
	return i
}

// parseTTL reads what Go, Kubernetes and Vault write: 1h30m, 7d, 3600.
func parseTTL(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n > 36500 || n < 0 {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		return time.Duration(n * float64(24*time.Hour)), nil
	}
	return time.ParseDuration(text)
}

// ParseRole reads PATH=TTL.
func ParseRole(text string) (path string, ttl time.Duration, err error) {
	path, value, ok := strings.Cut(text, "=")
	ttl, err = parseTTL(value)
	if path = strings.Trim(path, "/"); !ok || path == "" || err != nil || ttl <= 0 {
		return "", 0, fmt.Errorf("%q is not PATH=TTL, as in database/creds/app=1h", text)
	}
	return path, ttl, nil
}

// Sort puts what has to be done first.
func Sort(all []Item) { sortItems(all) }
