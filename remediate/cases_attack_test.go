package remediate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/scanner"
)

// The name of a file or of an author may hold the value itself.
func TestAPlaceHoldsNoValue(t *testing.T) {
	value := secret.New("a-value-in-a-file-name")
	f := scanner.Finding{Secret: value}
	f.At.Path, f.Commit.Author = "keys/a-value-in-a-file-name.txt", "a-value-in-a-file-name <a@example.com>"
	all := Sightings(scanner.Result{Findings: []scanner.Finding{f}}, []Case{{Credential: "LG-1", Value: value}})
	text, err := json.Marshal(all)
	must(t, err)
	if len(all) != 1 || strings.Contains(string(text), "a-value-in") {
		t.Errorf("%s", text)
	}
}
