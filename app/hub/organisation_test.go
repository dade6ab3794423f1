package hub

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/ghfake"
)

func TestOrganisationsPolicyAndTraits(t *testing.T) {
	w := newWorld(t, ghfake.Options{})
	read := func() (gate.Organisation, string, error) {
		return w.app.Organisation(t.Context(), w.installed.ID, "acme")
	}
	if o, sha, err := read(); err != nil || sha != "" || o.Policy.Name != "" {
		t.Errorf("without a repository .github: %v, %q, %v", o, sha, err)
	}
	home, err := w.Repository("acme/.github", true)
	w.must(err)
	if _, sha, err := read(); err != nil || sha != "" {
		t.Errorf("with an empty one: %q, %v", sha, err)
	}
	w.Collaborator(home, "ada", "admin")
	w.local.Git("push", "-q", strings.Replace(w.CloneURL(home), "//", "//x-access-token:"+w.PAT("ada")+"@", 1), "main")
	if _, sha, err := read(); err != nil || sha != "" {
		t.Errorf("without the file: %q, %v", sha, err)
	}
	put := func(text string) {
		t.Helper()
		var old *string
		if f, _, _, err := w.user("ada").Repositories.GetContents(t.Context(), "acme", ".github", "leakgate.yaml", nil); err == nil {
			old = f.SHA
		}
		_, _, err := w.user("ada").Repositories.CreateFile(t.Context(), "acme", ".github", "leakgate.yaml", &github.RepositoryContentFileOptions{Message: github.Ptr("Set"), Content: []byte(text), SHA: old, Branch: github.Ptr("main")})
		w.must(err)
	}
	put("version: 1\nlocked: [mode]\nenroll:\n  - {topics: [production], properties: {tier: [prod]}, stage: block}\n")
	o, sha, err := read()
	w.must(err)
	if len(sha) != 40 || !slices.Equal(o.Locked, []string{"mode"}) || o.Policy.Name != "acme/.github/leakgate.yaml" {
		t.Errorf("%+v at %q", o, sha)
	}
	s := w.open(ToRead())
	for _, c := range []struct {
		topics     []string
		properties map[string]string
		want       gate.Stage
	}{
		{nil, nil, gate.NotEnrolled}, {[]string{"production"}, nil, gate.Enforced}, {nil, map[string]string{"tier": "prod"}, gate.Enforced}, {[]string{"x"}, map[string]string{"tier": "test"}, gate.NotEnrolled},
	} {
		w.repo.Topics, w.repo.Properties = c.topics, c.properties
		traits, err := s.Traits(t.Context(), o)
		w.must(err)
		if got := o.StageOf(traits); got != c.want {
			t.Errorf("%v %v is at %s", c.topics, c.properties, got)
		}
	}
	calls := w.Calls("repos/get-all-topics")
	_, err = s.Traits(t.Context(), gate.Organisation{})
	w.must(err)
	if w.Calls("repos/get-all-topics") != calls {
		t.Error("read what nobody asks for")
	}
	put("version: 1\nenroll: [{stage: block}]\n")
	if _, sha, err := read(); !errors.Is(err, ErrBrokenPolicy) || !strings.Contains(err.Error(), "acme/.github/leakgate.yaml:2:10") || len(sha) != 40 {
		t.Errorf("a broken one: %q, %v", sha, err)
	}
}
