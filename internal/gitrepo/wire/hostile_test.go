package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v6/plumbing"
	"github.com/go-git/go-git/v6/plumbing/protocol/packp"
)

// What signs in stands in all places of an address, and in none of an error.
func TestNoErrorShowsWhatSignsIn(t *testing.T) {
	for _, address := range []string{
		"https://me:hid%zz@example.org/x.git", "https://me:hid/den@example.org/x.git", "https://hidden@example.org/x.git?y", "http://hidden@example.org/x.git",
		"https://example.org/x.git?token=hidden", "ftp://hid/den@example.org/x.git", "ssh://me:hid%zz@example.org/x.git",
	} {
		r, err := Open(address)
		if err == nil {
			t.Errorf("%s was taken for %s", address, r.Address)
			continue
		}
		if strings.Contains(err.Error(), "hid") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A ref counts as moved when the remote says so of that very ref.
func TestAReportNamesEveryRef(t *testing.T) {
	asked := []Update{{Name: "refs/heads/a"}, {Name: "refs/heads/b"}}
	say := func(words ...string) error {
		r := &packp.ReportStatus{UnpackStatus: "ok"}
		for _, w := range words {
			name, status, _ := strings.Cut(w, " ")
			r.CommandStatuses = append(r.CommandStatuses, &packp.CommandStatus{ReferenceName: plumbing.ReferenceName(name), Status: status})
		}
		return outcome(r, asked)
	}
	for name, c := range map[string]struct {
		words []string
		want  error
	}{
		"both":           {[]string{"refs/heads/b ok", "refs/heads/a ok"}, nil},
		"one twice":      {[]string{"refs/heads/a ok", "refs/heads/a ok"}, ErrUnclear},
		"another":        {[]string{"refs/heads/a ok", "refs/heads/c ok"}, ErrUnclear},
		"one only":       {[]string{"refs/heads/a ok"}, ErrUnclear},
		"none":           {nil, ErrUnclear},
		"one refused":    {[]string{"refs/heads/a ok", "refs/heads/b no"}, ErrUnclear},
		"both refused":   {[]string{"refs/heads/a no", "refs/heads/b no"}, ErrRefused},
		"an odd refusal": {[]string{"refs/heads/a\x1b[31m no", "refs/heads/b no"}, ErrRefused},
	} {
		err := say(c.words...)
		if !errors.Is(err, c.want) || err != nil && strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Names go into files of the mirror, into the bundle and onto screens.
func TestNamesThatGitDoesNotGiveAreRefused(t *testing.T) {
	id := strings.Repeat("a", 40)
	advert := func(name, head string) (*Advert, error) {
		var text bytes.Buffer
		line := id + " " + name + "\x00atomic symref=HEAD:" + head + "\n"
		fmt.Fprintf(&text, "%04x%s0000", len(line)+4, line)
		return readAdvert(&text)
	}
	for _, name := range []string{"refs/heads/a\n" + id + "-refs/heads/b", "refs/heads/../../x", "refs/heads/a\x1b[31m", "refs/heads/a*", "refs/heads/.a", "refs/heads//a", "refs/heads/"} {
		if a, err := advert(name, "refs/heads/main"); err == nil {
			t.Errorf("%q: %+v", name, a.Refs)
		} else if strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("the error is %q", err)
		}
	}
	if a, err := advert("refs/heads/\xff\u00e9{}", "refs/heads/main"); err != nil || a.Head != "refs/heads/main" {
		t.Errorf("an unusual name: %+v, %v", a, err)
	}
	if a, err := advert("refs/heads/a", "refs/../../../etc/hosts"); err != nil || a.Head != "" {
		t.Errorf("a head elsewhere: %+v, %v", a, err)
	}
}
