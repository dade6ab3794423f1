package rules

import "testing"

// replaced are texts in the forms that gitleaks' own rule of that id knows.
var replaced = map[string][]string{
	"github-app-token":                            {"ghs_{alnum:36}", "xghu_{alnum:36}x"},
	"github-refresh-token":                        {"ghr_{alnum:36}", "xghr_{alnum:40}"},
	"gitlab-pat-routable":                         {"glpat-{base64url:27}.{loweralnum:9}", "glpat-{base64url:300}.{loweralnum:9}"},
	"gitlab-runner-authentication-token-routable": {"glrt-t1_{base64url:27}.{loweralnum:9}"},
	"jwt":            {"ey{alnum:17}.ey{alnum:17}.{alnum:10}", "ey{alnum:40}.ey{base64url:60}.", "'ey{alnum:40}.ey{alnum:20}/{alnum:9}.{base64url:43}=='"},
	"openai-api-key": {"sk-{alnum:20}T3BlbkFJ{alnum:20}", "'sk-proj-{base64url:74}T3BlbkFJ{base64url:73}a'", "sk-admin-{base64url:58}T3BlbkFJ{base64url:57}a;"},
}

func TestReplacedRulesFindWhatTheirPredecessorsFound(t *testing.T) {
	before, err := gitleaksCollection()
	if err != nil {
		t.Fatal(err)
	}
	old := before.set(nil)
	now := mustDefault(t)
	for _, r := range now.Rules {
		if r.Origin == "leakgate" && old.Rule(r.ID) != nil && len(replaced[r.ID]) == 0 {
			t.Errorf("%s replaces a rule of gitleaks without a proof here", r.ID)
		}
	}
	for id, templates := range replaced {
		for _, template := range templates {
			was, is := timesFound(t, old, old.Rule(id), template), timesFound(t, now, now.Rule(id), template)
			if was == 0 || is < was {
				t.Errorf("%s: %q was found %d times and is found %d times", id, template, was, is)
			}
		}
	}
}
