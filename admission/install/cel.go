package install

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/manifest"
)

// text is a string literal of CEL, without single quotes so that it may stand
// in a YAML text with these.
func text(s string) string { return strings.ReplaceAll(strconv.Quote(s), "'", `\u0027`) }

func list(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = text(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// any joins conditions of which one is enough; none never holds.
func anyOf(conditions []string) string {
	if len(conditions) == 0 {
		return "false"
	}
	return strings.Join(conditions, " || ")
}

const (
	user   = "request.userInfo.username"
	groups = "request.userInfo.groups"
)

// named is that the user is one whom a writer names. The webhook proves more.
func named(writers []gate.Writer) string {
	var users, groupNames []string
	patterns := map[string]bool{}
	for _, w := range writers {
		users = append(users, w.Users...)
		groupNames = append(groupNames, w.Groups...)
		for _, g := range slices.Concat(w.ServiceAccounts, w.Impersonated) {
			if account := g.String(); strings.ContainsAny(account, `*?[\`) {
				patterns[pattern(account)] = true
			} else {
				users = append(users, gate.ServiceAccountUser(account))
			}
		}
	}
	return anyOf(slices.Concat(userIn(users), userMatches(patterns), inGroups(groupNames)))
}

// shown is that the user is named and carries what the webhook asks of a name: an
// account its uid and, where it is to be bound to a pod, the pod; one that is
// impersonated no uid. Who only has the name is held like anybody else while nobody
// answers.
func shown(writers []gate.Writer) string {
	var out []string
	add := func(w gate.Writer, more string) {
		if who := named([]gate.Writer{w}); who != "false" {
			out = append(out, "(("+who+")"+more+")")
		}
	}
	var rest, impersonated, unbound, bound gate.Writer
	for _, w := range writers {
		rest.Users, rest.Groups = append(rest.Users, w.Users...), append(rest.Groups, w.Groups...)
		impersonated.Impersonated = append(impersonated.Impersonated, w.Impersonated...)
		if w.PodBound {
			bound.ServiceAccounts = append(bound.ServiceAccounts, w.ServiceAccounts...)
		} else {
			unbound.ServiceAccounts = append(unbound.ServiceAccounts, w.ServiceAccounts...)
		}
	}
	add(rest, "")
	add(impersonated, noUID)
	add(unbound, hasUID)
	add(bound, hasUID+hasPod)
	return anyOf(out)
}

const (
	noUID  = " && (!has(request.userInfo.uid) || request.userInfo.uid == \"\")"
	hasUID = " && has(request.userInfo.uid) && request.userInfo.uid != \"\""
	hasPod = " && has(request.userInfo.extra) && \"authentication.kubernetes.io/pod-name\" in request.userInfo.extra"
)

func userIn(users []string) []string {
	if len(users) == 0 {
		return nil
	}
	slices.Sort(users)
	return []string{user + " in " + list(slices.Compact(users))}
}

func userMatches(patterns map[string]bool) (out []string) {
	var all []string
	for p := range patterns {
		all = append(all, p)
	}
	slices.Sort(all)
	for _, p := range all {
		out = append(out, user+".matches("+text(p)+")")
	}
	return out
}

// inGroups needs "has": an anonymous user has no groups.
func inGroups(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []string{"(has(" + groups + ") && " + groups + ".exists(g, g in " + list(slices.Compact(names)) + "))"}
}

// pattern is the user names that a pattern of "namespace/name" covers, and
// where it holds a class of characters, more.
func pattern(account string) string {
	namespace, name, _ := strings.Cut(account, "/")
	return "^" + regexp.QuoteMeta(gate.ServiceAccountUser("")) + wild(namespace) + ":" + wild(name) + "$"
}

var class = regexp.MustCompile(`\[[^\]]*\]`)

func wild(glob string) string {
	if strings.Contains(glob, `\`) {
		return "[^:/]*"
	}
	out := regexp.QuoteMeta(class.ReplaceAllString(strings.ReplaceAll(glob, "**", "*"), "?"))
	return strings.ReplaceAll(strings.ReplaceAll(out, `\*`, "[^:/]*"), `\?`, "[^:/]")
}

// nameMatches is that a value matches one of some globs over names.
func nameMatches(value string, globs []gate.Glob) string {
	var out []string
	for _, g := range globs {
		out = append(out, value+".matches("+text("^"+wild(g.String())+"$")+")")
	}
	return "(" + anyOf(out) + ")"
}

// encodedStart is a regular expression over the base64 text of every value that
// starts with a text: whole characters as they are, and where a character also
// holds bits of what follows, all that it can be.
func encodedStart(start string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	bits := len(start) * 8
	whole := base64.StdEncoding.EncodeToString([]byte(start))[:bits/6]
	if bits%6 == 0 {
		return regexp.QuoteMeta(whole)
	}
	free := 6 - bits%6
	low := strings.IndexByte(alphabet, base64.RawStdEncoding.EncodeToString([]byte(start))[bits/6])
	return regexp.QuoteMeta(whole) + "[" + regexp.QuoteMeta(alphabet[low:low+1<<free]) + "]"
}

// lateValue is a regular expression over the base64 text of values that are no
// values yet: what sops encrypted, and placeholders of the named tools.
func lateValue(tools []string) string {
	starts := []string{encodedStart(manifest.SOPSStart)}
	for _, s := range manifest.FillerStarts(tools) {
		starts = append(starts, encodedStart(s))
	}
	return "^(" + strings.Join(starts, "|") + ")"
}
