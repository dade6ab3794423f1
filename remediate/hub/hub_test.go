package hub

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/purge"
)

// Names that people chose become no markup, no mention and no link.
func TestNamesAreNoMarkup(t *testing.T) {
	for _, name := range []string{"</code><script>", "`x`", "|a|", "@acme/all", "[x](http://e)", "www.example.com", "#12", "a\nb", "\u202egnp.exe", "__init__", "a\xffb", "&lt;", "~~x~~"} {
		got := strings.TrimSuffix(strings.TrimPrefix(span(name), "<code>"), "</code>")
		got = strings.NewReplacer("&#", "", ";", "").Replace(got)
		if strings.ContainsAny(got, "<>`|@[]()#_*~.&\n\u202e:\\") {
			t.Errorf("%q is shown as %q", name, span(name))
		}
	}
}

// A shell reads each word as the one name that it stands for.
func TestWordsAreOneWordEach(t *testing.T) {
	for _, name := range []string{"feature/x", "a'b", "$(touch x)", "`id`", `a"b\c`, "x;y&z|w", "ü", "!!", "#1", "{a,b}", "*"} {
		out, err := exec.Command("sh", "-c", "printf %s "+word(name)).Output()
		if err != nil || string(out) != name {
			t.Errorf("%q as %s is read as %q (%v)", name, word(name), out, err)
		}
	}
	for _, name := range []string{"-f", "a\nb", "a\x1b[0m", "\u202ex", "a\xff"} {
		if word(name) != "" {
			t.Errorf("%q is shown as a command: %s", name, word(name))
		}
	}
	if block := fenced("git checkout '" + "```x" + "'"); !strings.HasPrefix(block, "````sh\n") || !strings.HasSuffix(block, "\n````\n") {
		t.Errorf("the block ends early: %s", block)
	}
}

func actors(texts ...string) (out []actor) {
	out = []actor{}
	for _, text := range texts {
		out = append(out, actor(text))
	}
	return out
}

const (
	team  = `{"actor_type":"Team","actor_id":7,"bypass_mode":"always","of":"tomorrow"}`
	key   = `{"actor_type":"DeployKey","actor_id":null,"bypass_mode":"always"}`
	us    = `{"actor_type":"User","actor_id":1,"bypass_mode":"always"}`
	asWas = `{"actor_type":"User","actor_id":1,"bypass_mode":"pull_request"}`
)

// Whatever others did meanwhile stays, and of us only what was before.
func TestActorsArePutBack(t *testing.T) {
	for name, c := range map[string]struct {
		before, now, want []actor
		open              bool
	}{
		"open":                         {actors(team), actors(team), actors(team, us), true},
		"open twice":                   {actors(team), actors(team, us), actors(team, us), true},
		"put back":                     {actors(team, key), actors(team, key, us), actors(team, key), false},
		"put back twice":               {actors(team), actors(team), actors(team), false},
		"somebody came":                {actors(team), actors(team, us, key), actors(team, key), false},
		"somebody went":                {actors(team, key), actors(key, us), actors(key), false},
		"we might by pull request":     {actors(asWas, team), actors(team, us), actors(asWas, team), false},
		"and somebody came":            {actors(asWas), actors(us, key), actors(key, asWas), false},
		"others put us where we were":  {actors(asWas), actors(asWas), actors(asWas), false},
		"nobody was there":             {actors(), actors(us), actors(), false},
		"open where somebody came too": {actors(team), actors(team, key), actors(team, key, us), true},
	} {
		o := opening{Before: c.before, Us: actor(us)}
		got, err := o.want(c.now, c.open)
		if err != nil || !same(got, c.want) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	before := actors(team, key, asWas)
	o := opening{Before: before, Us: actor(us)}
	opened, err := o.want(before, true)
	if err != nil {
		t.Fatal(err)
	}
	rand.Shuffle(len(opened), func(i, j int) { opened[i], opened[j] = opened[j], opened[i] })
	back, err := o.want(opened, false)
	text, _ := json.Marshal(back)
	want, _ := json.Marshal(before)
	if err != nil || string(text) != string(want) {
		t.Errorf("the actors were %s and are %s, %v", want, text, err)
	}
}

// A token goes to a GitHub only by https, and nowhere where it was not sent.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	token := secret.New("x")
	for _, api := range []string{"", "http://github.example.com", "https://user@github.example.com", "ftp://127.0.0.1", "https://", "https://h/?x", "http://localhost.example.com"} {
		if _, err := Open("https://github.com/acme/app", Options{API: api, Token: token}); err == nil {
			t.Errorf("%q is taken", api)
		}
	}
	for _, remote := range []string{"/srv/app.git", "https://github.com/app", "https://github.com/a/b/c"} {
		if _, err := Open(remote, Options{API: "https://api.github.com", Token: token}); err == nil {
			t.Errorf("%q is taken", remote)
		}
	}
	for remote, want := range map[string]string{
		"https://github.com/acme/app.git": "https://api.github.com", "git@github.com:acme/app.git": "https://api.github.com",
		"https://acme.ghe.com/a/b": "https://api.acme.ghe.com", "https://git.example.com/a/b": "https://git.example.com/api/v3",
	} {
		if got := API(remote); got != want {
			t.Errorf("%s is asked at %s", remote, got)
		}
		if _, err := Open(remote, Options{API: want, Token: token}); err != nil {
			t.Errorf("%s: %v", remote, err)
		}
	}
	if _, err := Open("https://github.com/a/b", Options{API: "https://api.github.com"}); err == nil {
		t.Error("no token is taken")
	}
}

// The text names what has to be seen to before the merge, and only where there is something.
func TestThePullRequestSaysWhatToSet(t *testing.T) {
	m := &purge.Manifest{}
	p := &purge.Proposal{Base: "refs/heads/main"}
	if text := body(m, strings.Repeat("0", 64), p, Needs{}); strings.Contains(text, "Before this is merged") {
		t.Errorf("nothing is to be set:\n%s", text)
	}
	p.Set, p.Removed = []string{"API_KEY"}, []string{"a|b/.env"}
	for i := range listed + 7 {
		p.Ignored = append(p.Ignored, fmt.Sprint("file-", i))
	}
	text := body(m, strings.Repeat("0", 64), p, Needs{})
	for _, want := range []string{"### Before this is merged", "\n  - " + span("API_KEY") + "\n", "\n  - " + span("a|b/.env") + "\n", span("file-49"), "and 7 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "file-50") {
		t.Error("a list has no end")
	}
}
