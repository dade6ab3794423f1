package rules

import (
	"fmt"
	"sort"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
)

// Validity is what an offline check says of one value.
type Validity int

const (
	// Unknown: the rule has no check, or the value has a form the check does not cover.
	Unknown Validity = iota
	// Valid: the checksum or structure that the provider publishes holds.
	Valid
	// Invalid: the value has the checked form, but its checksum or structure is wrong.
	Invalid
)

// String is the word used in reports.
func (v Validity) String() string { return [...]string{"unknown", "valid", "invalid"}[v] }

// Verify runs the rule's offline check on a value that the rule found. It asks
// nobody: a Valid value may be revoked already, an Invalid one was never issued.
func (r *Rule) Verify(value secret.Secret) Validity {
	c, ok := checks[r.Check]
	if !ok {
		return Unknown
	}
	return c.verify(value.Reveal()) // a checksum can only be computed over the value itself
}

// EffectiveConfidence is the confidence of one match: a check that holds makes
// it Certain and one that fails makes it Possible. A rule that claims to be
// Certain is Likely as long as its check says nothing.
func (r *Rule) EffectiveConfidence(v Validity) Confidence {
	switch {
	case v == Valid:
		return Certain
	case v == Invalid:
		return Possible
	}
	return min(r.Confidence, Likely)
}

// check is one offline verification and its counterpart for examples.
type check struct {
	verify func(value string) Validity
	// complete returns what follows prefix, so that a value which ends there is
	// Valid: a checksum, or the whole verifiable part of the value.
	complete func(prefix string) (string, error)
}

// checks are the verifications that a rule can name in its `check` key. Each
// function cites the document that publishes the format.
var checks = map[string]check{
	"age":          {verifyAge, completeAge},
	"azure":        {verifyAzureKey, completeAzureKey},
	"azuredevops":  {verifyAzureDevOps, completeAzureDevOps},
	"azuresecret":  {verifyAzureSecret, completeAzureSecret},
	"azurestorage": {verifyAzureKey, completeAzureStorage},
	"base58check":  {verifyBase58, completeBase58},
	"basicauth":    {verifyBasicAuth, completeBasicAuth},
	"bedrock":      {verifyBedrock, completeBedrock},
	"der":          {verifyDER, completeDER},
	"discord":      {verifyDiscord, completeDiscord},
	"github":       {verifyGitHub, completeGitHub},
	"gitlab":       {verifyGitLab, completeGitLab},
	"grafana":      {verifyGrafana, completeGrafana},
	"jwt":          {verifyJWT, completeJWT},
	"kubernetes":   {verifyKubernetes, completeKubernetes},
	"mapbox":       {verifyMapbox, completeMapbox},
	"nkey":         {verifyNKey, completeNKey},
	"pem":          {verifyPEM, completePEM},
	"pem64":        {verifyPEM64, completePEM64},
	"pypi":         {verifyPyPI, completePyPI},
	"sentry":       {verifySentry, completeSentry},
	"stellar":      {verifyStellar, completeStellar},
}

// CheckNames lists the checks that a rule can name.
func CheckNames() []string {
	names := make([]string, 0, len(checks))
	for name := range checks {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// checksum is the text that makes a value of the named check valid when it
// follows prefix: what an example writes as {check:NAME}.
func checksum(name, prefix string) (string, error) {
	c, ok := checks[name]
	if !ok {
		return "", fmt.Errorf("no check is named %q; known: %s", name, strings.Join(CheckNames(), ", "))
	}
	return c.complete(prefix)
}

// validIf is Valid when ok, else Invalid.
func validIf(ok bool) Validity {
	if ok {
		return Valid
	}
	return Invalid
}

// lastRun is the longest end of text that consists of token characters: an
// example's prefix holds the text before the value too.
func lastRun(text, extra string) string {
	i := len(text)
	for i > 0 && (isAlnum(text[i-1]) || strings.IndexByte(extra, text[i-1]) >= 0) {
		i--
	}
	return text[i:]
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
