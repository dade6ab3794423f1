package openapi

// corrections are places where the description says something that GitHub's own example
// beside it, or the rest of the description, does not keep, so that no answer could be right.
var corrections = []struct {
	place []string
	mend  func(object)
}{
	// An account that is both a user and an enterprise; everywhere else it is either.
	{[]string{"paths", "/app/installations", "get", "responses", "200", "content", "application/json", "schema", "items", "properties", "account"}, choice},
	// An old copy of app-permissions, which lacks the permissions that came later.
	{[]string{"paths", "/app/installations", "get", "responses", "200", "content", "application/json", "schema", "items", "properties", "permissions"}, permissions},
}

// permissions refers to the list that tokens are asked for by.
func permissions(schema object) {
	clear(schema)
	schema["$ref"] = "#/components/schemas/app-permissions"
}

// choice makes a choice of what has to be all at once.
func choice(schema object) {
	if all, ok := schema["allOf"]; ok {
		schema["anyOf"] = all
		delete(schema, "allOf")
	}
}

func correct(whole object) {
	for _, c := range corrections {
		if schema, ok := dig(whole, c.place...).(object); ok {
			c.mend(schema)
		}
	}
}
