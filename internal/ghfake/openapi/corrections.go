package openapi

// corrections are places where the description says something that GitHub's own example
// beside it does not keep, so that no answer could be right.
var corrections = []struct {
	place []string
	mend  func(object)
}{
	// An account that is both a user and an enterprise; everywhere else it is either.
	{[]string{"paths", "/app/installations", "get", "responses", "200", "content", "application/json", "schema", "items", "properties", "account"}, choice},
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
