package main

import (
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/gate"
)

var commentedKey = regexp.MustCompile(`(?m)^#(\S|  )`)

func TestThePolicyToBeginWithParsesAlsoWithEveryCommentedKey(t *testing.T) {
	if _, err := gate.ParsePolicy("policy.yaml", []byte(starterPolicy)); err != nil {
		t.Error(err)
	}
	all := commentedKey.ReplaceAllString(starterPolicy, "$1")
	p, err := gate.ParsePolicy("policy.yaml", []byte(all))
	if err != nil {
		t.Fatalf("%v in\n%s", err, all)
	}
	if !p.Audit || len(p.FailOn) != 3 || len(p.Paths.Exclude) != 2 || len(p.Environments) != 2 || len(p.Exceptions) != 1 {
		t.Errorf("not every commented key was read: %+v", p)
	}
}

func TestTheWorkflowsToBeginWithPinWhatTheyRunAndMayOnlyRead(t *testing.T) {
	var workflow struct {
		On          map[string]any
		Permissions map[string]string
		Jobs        map[string]struct {
			Steps []struct {
				Uses string
				Run  string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(starterGitHub), &workflow); err != nil {
		t.Fatal(err)
	}
	if len(workflow.Permissions) != 1 || workflow.Permissions["contents"] != "read" || len(workflow.On) != 3 {
		t.Errorf("on %v with permissions %v", workflow.On, workflow.Permissions)
	}
	pinned := regexp.MustCompile(`^[a-z/]+@[0-9a-f]{40}$`)
	for _, step := range workflow.Jobs["leakgate"].Steps {
		if step.Run != "" || !pinned.MatchString(step.Uses) {
			t.Errorf("a step is not pinned: %+v", step)
		}
	}
	for _, text := range []string{starterGitLab, starterGitLabCI} {
		if err := yaml.Unmarshal([]byte(text), new(any)); err != nil || !strings.Contains(text, "leakgate") {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}
