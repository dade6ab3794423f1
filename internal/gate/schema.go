package gate

import (
	_ "embed" // for the schemas
	"encoding/json"
	"fmt"
	"maps"
)

// PolicySchema is the JSON Schema (draft 2020-12) of the policy file, for
// editors. The parser refuses a little more: keys that come twice, aliases, and
// patterns with an open bracket.
//
//go:embed policy.schema.json
var PolicySchema []byte

//go:embed organisation.schema.json
var organisationKeys []byte

// OrganisationSchema is that of an organisation's policy: the keys of a repository's and
// two more.
func OrganisationSchema() ([]byte, error) {
	var schema, more map[string]any
	for text, to := range map[*[]byte]*map[string]any{&PolicySchema: &schema, &organisationKeys: &more} {
		if err := json.Unmarshal(*text, to); err != nil {
			return nil, fmt.Errorf("the schema of the policy: %w", err)
		}
	}
	schema["title"] = "leakgate policy of an organisation"
	schema["$id"] = "https://github.com/leakgate/leakgate/raw/main/internal/gate/organisation.schema.json"
	schema["description"] = "The file leakgate.yaml at the root of an organisation's repository .github: what holds in its repositories, and which of them are looked at."
	maps.Copy(schema["properties"].(map[string]any), more)
	return json.MarshalIndent(schema, "", "  ")
}
