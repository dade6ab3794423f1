package purge

import (
	"encoding/json"
	"testing"

	"filippo.io/age"
)

// Git lets a ref be called by any bytes; what is kept of it is JSON, which knows only UTF-8.
func TestRefsOfAnyName(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, name := range []string{"refs/heads/caf\xe9", "refs/heads/<b>&é", "refs/heads/\xff%ff"} {
		git(t, s.remote, "update-ref", name, "main")
	}
	before := s.refs()
	m, digest := s.plan()
	if len(m.Changes) != 6 {
		t.Errorf("the plan: %+v", m.Changes)
	}
	s.approve(digest)
	if _, err := s.Apply(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if found := s.holds("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"); len(found) > 0 {
		t.Errorf("the value is still in %v", found)
	}
	if left, err := s.accept(digest); err != nil || len(left.Moved) > 0 {
		t.Errorf("verify: %+v, %v", left, err)
	}
	if err := s.Rollback(t.Context(), digest, []age.Identity{s.identity}); err != nil {
		t.Fatal(err)
	}
	if s.refs() != before {
		t.Errorf("the refs were\n%s\nand are\n%s", before, s.refs())
	}
}

func TestARefHasOneName(t *testing.T) {
	for _, text := range []string{
		`{"name":"refs/heads/a","name_bytes":"cmVmcy9oZWFkcy9i","old":"","new":""}`, `{"name":"refs/heads/a","name_bytes":"/w==","old":"","new":""}`,
		`{"name":"refs/heads/a","old":"","new":"","other":1}`, `{"name":1}`,
	} {
		var c Change
		if err := json.Unmarshal([]byte(text), &c); err == nil {
			t.Errorf("%s is %+v", text, c)
		}
	}
}
