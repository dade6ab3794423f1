package ghfake

import "encoding/json"

// quirks are what clients send beside the description and GitHub takes, read as it reads
// them. Each is one that a client of today sends; anything else fails the test.
var quirks = map[string]func(any) any{
	// go-github v89 sends the list alone, which the prose of the description allows:
	// https://docs.github.com/rest/issues/labels#add-labels-to-an-issue
	"issues/add-labels": func(body any) any {
		if list, ok := body.([]any); ok {
			return doc{"labels": list}
		}
		return body
	},
	// go-github v89 always sends source, which only answers have:
	// https://github.com/google/go-github/blob/v89.0.0/github/rules.go
	"repos/create-repo-ruleset": without("source"),
	"repos/update-repo-ruleset": without("source"),
}

func without(name string) func(any) any {
	return func(body any) any {
		if object, ok := body.(doc); ok {
			delete(object, name)
		}
		return body
	}
}

// read is a body without the quirks of clients. What is no JSON stays for the judge.
func read(operation string, body []byte) []byte {
	quirk := quirks[operation]
	var value any
	if quirk == nil || json.Unmarshal(body, &value) != nil {
		return body
	}
	text, err := json.Marshal(quirk(value))
	if err != nil {
		return body
	}
	return text
}
