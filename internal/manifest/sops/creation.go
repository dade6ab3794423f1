package sops

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// CreationRules are those of a .sops.yaml: which keys a new file is encrypted
// for, by its path (https://github.com/getsops/sops#using-sops-yaml-conf-to-select-kms-pgp-and-age-for-new-files).
type CreationRules struct{ rules []creationRule }

type creationRule struct {
	path *regexp.Regexp // nil: every path
	keys map[string][]string
}

type creationFile struct {
	Rules []struct {
		Path   string         `yaml:"path_regex"`
		Groups []keyGroup     `yaml:"key_groups"`
		Keys   map[string]any `yaml:",inline"`
	} `yaml:"creation_rules"`
}

type keyGroup struct {
	Merge  []keyGroup `yaml:"merge"`
	Age    []string   `yaml:"age"`
	PGP    []string   `yaml:"pgp"`
	Vault  []string   `yaml:"hc_vault"`
	KMS    []struct{ Arn string }
	GCPKMS []struct {
		ID string `yaml:"resource_id"`
	} `yaml:"gcp_kms"`
	Azure []struct {
		URL     string `yaml:"vaultUrl"`
		Key     string
		Version string
	} `yaml:"azure_keyvault"`
	HCKMS []struct {
		ID string `yaml:"key_id"`
	} `yaml:"hckms"`
}

// fields are the keys of a creation rule, and the kind of recipient they name.
var fields = map[string]string{
	"age": "age", "pgp": "pgp", "kms": "kms", "gcp_kms": "gcp_kms", "azure_keyvault": "azure_kv", "hc_vault_transit_uri": "hc_vault", "hckms": "hckms",
}

// ParseCreationRules reads a .sops.yaml.
func ParseCreationRules(text []byte) (*CreationRules, error) {
	var file creationFile
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("not a configuration of sops: %w", err)
	}
	out := &CreationRules{}
	for i, r := range file.Rules {
		rule := creationRule{keys: map[string][]string{}}
		if r.Path != "" {
			re, err := regexp.Compile(r.Path)
			if err != nil {
				return nil, fmt.Errorf("creation_rules[%d]: path_regex is no regular expression", i)
			}
			rule.path = re
		}
		for field, kind := range fields {
			rule.add(kind, listed(r.Keys[field])...)
		}
		for _, g := range r.Groups {
			rule.group(g, 0)
		}
		out.rules = append(out.rules, rule)
	}
	return out, nil
}

func (r *creationRule) group(g keyGroup, depth int) {
	if depth > 8 {
		return
	}
	for _, m := range g.Merge {
		r.group(m, depth+1)
	}
	r.add("age", split(g.Age)...)
	r.add("pgp", split(g.PGP)...)
	r.add("hc_vault", split(g.Vault)...)
	for _, k := range g.KMS {
		r.add("kms", k.Arn)
	}
	for _, k := range g.GCPKMS {
		r.add("gcp_kms", k.ID)
	}
	for _, k := range g.Azure {
		r.add("azure_kv", strings.TrimSuffix(k.URL, "/")+"/keys/"+k.Key+"/"+k.Version)
	}
	for _, k := range g.HCKMS {
		r.add("hckms", k.ID)
	}
}

func (r *creationRule) add(kind string, names ...string) {
	for _, n := range names {
		if kind == "kms" {
			n, _, _ = strings.Cut(n, "+") // the role to assume follows
		}
		if n = strings.TrimSpace(n); n != "" {
			r.keys[kind] = append(r.keys[kind], n)
		}
	}
}

// listed reads a field that is a text with commas or a list.
func listed(value any) []string {
	switch v := value.(type) {
	case string:
		return split([]string{v})
	case []any:
		var out []string
		for _, each := range v {
			if text, ok := each.(string); ok {
				out = append(out, text)
			}
		}
		return split(out)
	}
	return nil
}

func split(texts []string) (out []string) {
	for _, text := range texts {
		out = append(out, strings.Split(text, ",")...)
	}
	return out
}

// For gives the recipients, by kind, that a file has to be encrypted for; ok is
// false where no rule says. The first rule that matches counts.
func (c *CreationRules) For(path string) (keys map[string][]string, ok bool) {
	if c == nil {
		return nil, false
	}
	for _, r := range c.rules {
		if r.path == nil || r.path.MatchString(path) {
			return r.keys, len(r.keys) > 0
		}
	}
	return nil, false
}
