package command

import (
	"strings"
	"testing"
)

const id = "LG-ABCDEFGHIJKLMNOP"

func TestParse(t *testing.T) {
	for body, want := range map[string]Command{
		"/leakgate recheck":                                     {Verb: Recheck},
		"please\r\n/leakgate  RECHECK \r\nthanks":               {Verb: Recheck},
		"/leakgate explain " + strings.ToLower(id):              {Verb: Explain, Credential: id},
		"/leakgate fix\t" + id:                                  {Verb: Fix, Credential: id},
		"/leakgate false-positive " + id + " an  example: |x|":  {Verb: FalsePositive, Credential: id, Reason: "an example: |x|"},
		"```\n/leakgate fix " + id + "\n```\n/leakgate recheck": {Verb: Recheck},
	} {
		if got, found, err := Parse(body); got != want || !found || err != nil || !Asks(body) {
			t.Errorf("%q: %+v, %v, %v", body, got, found, err)
		}
	}
	for _, body := range []string{"", "hello", "> /leakgate recheck", "  /leakgate recheck", "/leakgatex", "see /leakgate recheck", "~~~\n/leakgate recheck\n~~~"} {
		if got, found, err := Parse(body); found || err != nil || Asks(body) {
			t.Errorf("%q was taken for %+v, %v", body, got, err)
		}
	}
	for _, body := range []string{
		"/leakgate", "/leakgate dance <b>", "/leakgate explain", "/leakgate explain LG-x", "/leakgate recheck now", "/leakgate fix " + id + " please", "/leakgate false-positive " + id,
		"/leakgate false-positive " + id + " " + strings.Repeat("x", 1025),
	} {
		_, found, err := Parse(body)
		if !found || err == nil || strings.ContainsAny(err.Error(), "<>") || len(err.Error()) > 300 {
			t.Errorf("%q: %v, %v", body, found, err)
		}
	}
}

// Whatever somebody writes, an id is an id and a reason is one line.
func FuzzParse(f *testing.F) {
	f.Add("/leakgate false-positive " + id + " reason")
	f.Add("```\n/leakgate recheck")
	f.Fuzz(func(t *testing.T, body string) {
		c, found, err := Parse(body)
		if found != Asks(body) {
			t.Errorf("found %v, asks %v", found, Asks(body))
		}
		if err == nil && (c.Credential != "" && !idPattern.MatchString(c.Credential) || strings.ContainsAny(c.Reason, "\n\r")) {
			t.Errorf("%+v", c)
		}
	})
}
