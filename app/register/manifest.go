// Package register makes a GitHub App of leakgate with one click, by GitHub's manifest
// flow: a page on this machine sends the manifest along with the browser of whoever runs
// it, GitHub asks him, and sends him back with a code that is worth the App's key. The key
// goes from GitHub into a file and nowhere else.
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
package register

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Permissions are what leakgate needs of a repository, by GitHub's names, and why.
var Permissions = map[string]Need{
	"metadata":                     {"read", "names, topics and who may do what"},
	"contents":                     {"read", "to fetch what is scanned, and the policy"},
	"checks":                       {"write", "the check run"},
	"pull_requests":                {"write", "the comment, and answers to commands"},
	"merge_queues":                 {"read", "to be told of merge queues"},
	"security_events":              {"write", "alerts in code scanning"},
	"secret_scanning_alerts":       {"write", "GitHub's own alerts, resolved when a credential is dead"},
	"repository_custom_properties": {"read", "enrolment by custom properties"},
}

// Need is a level of access, and what it is for.
type Need struct{ Level, Why string }

// Events are what leakgate listens to. Those of its own check runs come without asking.
// https://docs.github.com/webhooks/webhook-events-and-payloads
var Events = []string{"check_suite", "issue_comment", "merge_group", "pull_request", "push", "repository", "secret_scanning_alert"}

// Manifest is what GitHub is asked to register.
type Manifest struct {
	Name         string            `json:"name"`
	URL          string            `json:"url"`
	Hook         Hook              `json:"hook_attributes"`
	Redirect     string            `json:"redirect_url"`
	CallbackURLs []string          `json:"callback_urls,omitempty"`
	Public       bool              `json:"public"`
	Permissions  map[string]string `json:"default_permissions"`
	Events       []string          `json:"default_events"`
}

// Hook is where deliveries go. An inactive one has none: they are fetched.
type Hook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// maxName is what GitHub takes of the name of an App, in characters.
const maxName = 34

// NewManifest is that of an App by this name whose server people reach at address, an
// https URL.
func NewManifest(name, address string) (Manifest, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return Manifest{}, errors.New("the address is that of leakgate's server as GitHub reaches it, as in https://leakgate.example.com")
	case strings.TrimSpace(name) == "" || len([]rune(name)) > maxName:
		return Manifest{}, fmt.Errorf("the name of an App has 1 to %d characters, and nobody on GitHub has another of it", maxName)
	}
	base := strings.TrimRight(u.String(), "/")
	m := Manifest{
		Name: name, URL: base, Hook: Hook{URL: base + "/hook", Active: true}, CallbackURLs: []string{base + "/login"},
		Permissions: map[string]string{}, Events: slices.Clone(Events),
	}
	for _, p := range slices.Sorted(maps.Keys(Permissions)) {
		m.Permissions[p] = Permissions[p].Level
	}
	return m, nil
}
