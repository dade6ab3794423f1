package gate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cluster is a policy with this as its section for clusters.
func cluster(section string) string { return "version: 1\nkubernetes: {" + section + "}\n" }

// wholeCluster has every key.
const wholeCluster = `version: 1
kubernetes:
  presets:
    sealed-secrets: {}
    external-secrets: {service_accounts: [eso/external-secrets], namespaces: [team-*]}
    flux: {impersonated: [team-*/reconciler], pod_bound: true, default_service_account: reconciler}
    helm: {groups: [platform-admins]}
  writers:
    - name: vendor
      source: https://vendor.example/docs
      service_accounts: [vendor-system/vendor-*]
      impersonated: [vendor/tenant]
      users: [CN=vendor]
      groups: [vendors]
      pod_bound: false
      namespaces: [shop, shop-*]
      names: [vendor-*]
      types: [Opaque]
      guarded_types: [bootstrap.kubernetes.io/token]
      claims:
        - {by: owner, kind: vendor.example/Thing, keys: ["spec.data[].key", "spec.all{}"], open: [spec.more]}
        - {by: reference, kind: vendor.example/Thing, names: [spec.secretName]}
        - {by: none}
  formats:
    sops:
      recipients: {age: [age1x], pgp: [A], aws_kms: [b], gcp_kms: [c], azure: [d], vault: [e], huawei: [f]}
      min_threshold: 2
      max_age_days: 365
      whole_mac: true
    sealed_secret: {scopes: [strict], key_bits: [4096], certificates: [pem], take_over: false}
    external_secret: {denied_providers: [fake], allowed_providers: [vault], stores: [a, "cluster:b"], manifest_target: false, max_refresh_hours: 24}
    vault: {max_ttl_hours: 24, skip_tls_verify: false}
    min_length: 12
    templates: {strict: true, allowed: ["type=git"]}
    placeholders: [bank-vaults]
  modes:
    default: warn
    rules: {last-applied: audit}
    namespaces:
      shop: {mode: enforce, rules: {copy-annotation: warn}}
      kube-system: {mode: audit}
  audit_days: 14
  break_glass: {users: [root], groups: [sre], max_hours: 8}
  exceptions:
    - rule: untrusted-writer
      namespaces: [infra]
      names: [old-*]
      subjects: ["group:ops", "user:bob", "serviceaccount:infra/job"]
      reason: until the migration
      owner: "@platform"
      expires: 2027-01-31
`

func TestPolicyOfAClusterIsRead(t *testing.T) {
	k := parsed(t, wholeCluster).Kubernetes
	if diff := cmp.Diff([]string{"sealed-secrets", "external-secrets", "flux", "helm"}, k.Presets); diff != "" {
		t.Error(diff)
	}
	by := map[string]Writer{}
	for _, w := range k.Writers {
		by[w.Name] = w
	}
	if w := by["external-secrets"]; !Matches(w.ServiceAccounts, "eso/external-secrets") || Matches(w.ServiceAccounts, "external-secrets/external-secrets") || w.Line != 5 {
		t.Errorf("the account of a preset is not replaced: %s in line %d", w.text(), w.Line)
	}
	if w := by["vendor"]; w.PodBound || !Matches(w.ServiceAccounts, "vendor-system/vendor-a") || Matches(w.ServiceAccounts, "x/vendor-a") || len(w.Claims) != 3 {
		t.Errorf("vendor is read as %s", w.text())
	}
	if by["sealed-secrets"].PodBound != true || k.AuditDays != 14 || k.BreakGlass.MaxHours != 8 || k.Formats.SOPS.MaxAge != 365*24*time.Hour {
		t.Errorf("%+v", k)
	}
}

// nil keeps the default, which denies the fake provider.
func TestAnEmptyListDeniesNoProvider(t *testing.T) {
	for text, want := range map[string]bool{"denied_providers: []": true, "allowed_providers: [vault]": false} {
		p, err := ParsePolicy(PolicyFile, []byte("version: 1\nkubernetes: {formats: {external_secret: {"+text+"}}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Kubernetes.Formats.ExternalSecret.DeniedProviders; (got != nil) != want || len(got) > 0 {
			t.Errorf("%s: %#v", text, got)
		}
	}
}

func TestAccountOfAPresetIsReplacedWhereverItStands(t *testing.T) {
	k := parsed(t, cluster("presets: {sealed-secrets: {service_accounts: [vault/sealer]}}")).Kubernetes
	keys := k.Writers[1]
	if keys.Name != "sealed-secrets-keys" || !Matches(keys.ServiceAccounts, "vault/sealer") || !Matches(keys.Namespaces, "vault") || Matches(keys.Namespaces, "kube-system") {
		t.Errorf("%s", keys.text())
	}
}

func TestModeIsThatOfTheNamespaceOrMilder(t *testing.T) {
	m := parsed(t, wholeCluster).Kubernetes.Modes
	for _, c := range []struct {
		rule, namespace string
		want            Mode
	}{
		{"untrusted-writer", "shop", ModeEnforce}, {"untrusted-writer", "elsewhere", ModeWarn}, {"untrusted-writer", "kube-system", ModeAudit},
		{"last-applied", "shop", ModeAudit}, {"copy-annotation", "shop", ModeWarn}, {"copy-annotation", "kube-system", ModeAudit},
	} {
		if got := m.Of(c.rule, c.namespace); got != c.want {
			t.Errorf("%s in %s: %v, want %v", c.rule, c.namespace, got, c.want)
		}
	}
	if got := append(m.Enforcing(), m.Mild()...); !slices.Equal(got, []string{"shop", "kube-system"}) {
		t.Errorf("%v", got)
	}
	if (Modes{}).Of("any", "any") != ModeAudit {
		t.Error("the zero modes do not audit")
	}
}

func TestExceptionCoversWhatItNamesUntilItsDay(t *testing.T) {
	e := parsed(t, wholeCluster).Kubernetes.Exceptions[0]
	for _, c := range []struct {
		rule, namespace, name, user string
		groups                      []string
		want                        bool
	}{
		{"untrusted-writer", "infra", "old-a", "bob", nil, true},
		{"untrusted-writer", "infra", "old-a", "eve", []string{"ops"}, true},
		{"untrusted-writer", "infra", "old-a", "account infra/job", nil, true},
		{"untrusted-writer", "infra", "old-a", "system:serviceaccount:infra:job", nil, false}, // impersonated
		{"untrusted-writer", "infra", "new-a", "bob", nil, false},
		{"untrusted-writer", "prod", "old-a", "bob", nil, false},
		{"type-guard", "infra", "old-a", "bob", nil, false},
		{"untrusted-writer", "infra", "old-a", "eve", []string{"op"}, false},
		{"untrusted-writer", "infra", "old-a", "infra/job", nil, false},
	} {
		who := Who{Name: c.user, Groups: c.groups}
		if account, is := strings.CutPrefix(c.user, "account "); is {
			who.Name, who.Account = ServiceAccountUser(account), account
		}
		if got := e.Covers(c.rule, c.namespace, c.name, who); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	last := time.Date(2027, 1, 31, 23, 59, 59, 0, time.UTC)
	if e.Expired(last) || !e.Expired(last.Add(time.Second)) {
		t.Error("the exception does not end after its last day")
	}
}

func TestServiceAccountsAreNamedBothWays(t *testing.T) {
	if got := ServiceAccountUser("a/b"); got != "system:serviceaccount:a:b" || ServiceAccount(got) != "a/b" {
		t.Error(got, ServiceAccount(got))
	}
	for _, user := range []string{"a/b", "system:serviceaccount:a", "system:serviceaccount:a:", "system:serviceaccount::b", "system:serviceaccounts:a:b"} {
		if got := ServiceAccount(user); got != "" {
			t.Errorf("%q is taken for the account %q", user, got)
		}
	}
}

func TestEveryPresetIsReadAndNamesItsSources(t *testing.T) {
	seen := map[string]string{}
	for _, name := range PresetNames() {
		text := PresetText(name)
		if !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s: no comment says how it writes", name)
		}
		for _, w := range Preset(name) {
			if seen[w.Name] != "" {
				t.Errorf("%s: the writer %s is in %s too", name, w.Name, seen[w.Name])
			}
			seen[w.Name] = name
			if !strings.HasPrefix(w.Source, "https://") {
				t.Errorf("%s: %s names no source", name, w.Name)
			}
		}
		if err := compileSchema(t).Validate(asJSON(t, "version: 1\nkubernetes:\n  writers:\n    "+strings.ReplaceAll(string(text), "\n", "\n    "))); err != nil {
			t.Errorf("%s: schema: %v", name, err)
		}
	}
	if Preset("nobody") != nil {
		t.Error("there is a preset of any name")
	}
}

func TestClusterIsExplained(t *testing.T) {
	var all []string
	for _, s := range Explain(parsed(t, wholeCluster)) {
		all = append(all, s.Key+" = "+s.Value+" ("+s.Origin+")")
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{
		"kubernetes.presets = [sealed-secrets, external-secrets, flux, helm] (p.yaml:3)",
		`kubernetes.writers[0] (preset sealed-secrets) = {name: sealed-secrets, service_accounts: [`,
		"kubernetes.formats.sops.max_age_days = 365 (p.yaml:28)",
		"kubernetes.formats.templates.strict = true",
		`kubernetes.formats.templates.allowed = ["type=git"]`,
		"kubernetes.formats.placeholders = [bank-vaults]",
		"default_service_account: reconciler",
		"kubernetes.modes.namespaces.shop.rules = {copy-annotation: warn} (p.yaml:40)",
		"kubernetes.break_glass.max_hours = 8 (p.yaml:43)",
		`kubernetes.exceptions[0] = {rule: untrusted-writer, namespaces: ["infra"], names: ["old-*"]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestLoosenedClusterIsTold(t *testing.T) {
	base := parsed(t, wholeCluster)
	for _, c := range []struct{ old, new, want string }{
		{"    default: warn", "    default: audit", `is milder: audit instead of warn`},
		{"shop: {mode: enforce,", "shop: {mode: warn,", `is milder: warn instead of enforce in the namespace "shop"`},
		{"rules: {last-applied: audit}", "rules: {last-applied: audit, type-guard: warn}", `for the rule "type-guard" in the namespace "shop"`},
		{"groups: [sre]", "groups: [sre, dev]", `lets more people break the glass: "dev"`},
		{"max_hours: 8", "max_hours: 80", "lets an emergency last longer"},
		{"audit_days: 14", "audit_days: 1", "fewer days of audit"},
		{"names: [old-*]", "names: ['*']", `widens the exception of the rule "untrusted-writer"`},
		{"pod_bound: false", "pod_bound: true", `changes who may write Secrets: "vendor"`},
		{"sealed-secrets: {}", "sealed-secrets: {}\n    strimzi: {}", `changes who may write Secrets: "strimzi"`},
		{"stores: [a, ", "stores: [a, c, ", "changes kubernetes.formats.external_secret.stores"},
		{"strict: true", "strict: false", "changes kubernetes.formats.templates.strict"},
		{`allowed: ["type=git"]`, `allowed: ["*"]`, "changes kubernetes.formats.templates.allowed"},
		{"placeholders: [bank-vaults]", "placeholders: [bank-vaults, variables]", "changes kubernetes.formats.placeholders"},
		{"default_service_account: reconciler", "default_service_account: default", `changes who may write Secrets: "flux"`},
		{"certificates: [pem]", "certificates: [other]", "changes the certificates"},
		{wholeCluster, "version: 1\n", "drops the policy of the cluster"},
	} {
		head := parsed(t, strings.Replace(wholeCluster, c.old, c.new, 1))
		if got := Loosened(base, head); len(got) == 0 || !strings.Contains(got[0].Text, c.want) {
			t.Errorf("%s: %v", c.new, got)
		}
	}
	if got := Loosened(base, base); len(got) > 0 {
		t.Errorf("a policy loosens itself: %v", got)
	}
}

func parsed(t *testing.T, text string) Policy {
	t.Helper()
	p, err := ParsePolicy("p.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPromoteChangesOneModeAndNothingElse(t *testing.T) {
	for _, c := range []struct{ text, namespace, want string }{
		{"version: 1\nkubernetes: {} # ours\n", "shop", "version: 1\nkubernetes: {modes: {namespaces: {shop: {mode: enforce}}}} # ours\n"},
		{"version: 1\nkubernetes:\n  # audit first\n  modes:\n    default: audit\n    namespaces:\n      shop:\n        mode: audit\n        rules: {last-applied: warn}\n", "shop",
			"version: 1\nkubernetes:\n  # audit first\n  modes:\n    default: audit\n    namespaces:\n      shop:\n        mode: enforce\n        rules: {last-applied: warn}\n"},
	} {
		got, err := Promote([]byte(c.text), c.namespace)
		if diff := cmp.Diff(c.want, string(got)); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	for _, bad := range []string{"Shop", "prod-*", ""} {
		if _, err := Promote([]byte("version: 1\n"), bad); err == nil {
			t.Errorf("%q is promoted", bad)
		}
	}
}
