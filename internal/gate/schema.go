package gate

import _ "embed" // for the schema

// PolicySchema is the JSON Schema (draft 2020-12) of the policy file, for
// editors. The parser refuses a little more: keys that come twice, aliases, and
// patterns with an open bracket.
//
//go:embed policy.schema.json
var PolicySchema []byte
