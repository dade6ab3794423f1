package main

import (
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gittest"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
)

func TestAProofIsACommandThatEndsWithZero(t *testing.T) {
	value := secret.New(gittest.Letters(30))
	for name, c := range map[string]struct {
		command []string
		proof   string
		fault   string
	}{
		"nobody is asked":   {nil, "", ""},
		"it says so":        {[]string{"sh", "-c", `test -n "$(cat)" && echo '3 pods use it'; echo more`}, "sh says so: 3 pods use it", ""},
		"it shows a value":  {[]string{"cat"}, "cat says so: [redacted]", ""},
		"it hides a value":  {[]string{"sed", "s/./&\x01/g"}, "sed says so: [redacted]", ""},
		"not yet":           {[]string{"sh", "-c", "echo 'a pod is older' >&2; exit 1"}, "", "sh ends with 1: a pod is older"},
		"it is not there":   {[]string{"/nowhere/proof"}, "", "/nowhere/proof"},
		"it steers":         {[]string{"printf", `\033[2Jfine\a`}, "printf says so: [2Jfine", ""},
		"it says very much": {[]string{"sh", "-c", "yes | head -c 10000000 | tr -d '\\n'"}, "sh says so: " + strings.Repeat("y", maxProofText), ""},
	} {
		proof, err := proofs{}.Follow(t.Context(), remediate.Place{Proof: c.command}, value, time.Time{})
		if proof != c.proof || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: %q, %v", name, proof, err)
		}
	}
}
