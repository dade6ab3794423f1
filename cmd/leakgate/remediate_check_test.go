package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/revoke/revoketest"
)

// TestRemediateCheckTellsTheThreeStates runs the command against the fake of a
// provider with each answer that its documentation knows.
func TestRemediateCheckTellsTheThreeStates(t *testing.T) {
	transcripts, err := revoketest.Transcripts()
	if err != nil {
		t.Fatal(err)
	}
	fake, err := revoketest.NewFake(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	script := transcripts["fastly-token"]
	codes := map[string]int{"live": exitBlocked, "dead": exitClean}
	for _, a := range script.Check.Answers {
		fake.Expect(script, script.CheckExchange(a))
		code, out := remediateCheck(fake, script, "fastly-token")
		if fault := fake.Fault(); fault != nil {
			t.Error(fault)
		}
		if code != codes[a.Expect] || !strings.Contains(strings.Join(strings.Fields(out), " "), "state "+a.Expect) {
			t.Errorf("%s: exit %d\n%s", a.Name, code, out)
		}
		if a.Expect == "live" && !strings.Contains(out, "scopes") {
			t.Errorf("%s: no scopes\n%s", a.Name, out)
		}
	}
	fake.Expect(script) // nothing is expected, so what comes is refused
	if code, out := remediateCheck(fake, script, "fastly-token"); code != exitUndecided || !strings.Contains(out, "unknown") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

// remediateCheck runs the command with the transcript's value on standard input.
func remediateCheck(fake *revoketest.Fake, script *revoketest.Transcript, kind string) (int, string) {
	var out bytes.Buffer
	value := script.Input().Secret
	w := &world{
		stdin: strings.NewReader(value.Reveal() + "\n"), stdout: &out, stderr: &out, env: func(string) string { return "" },
		now: time.Now, issuer: fake.Client,
	}
	code := w.run(context.Background(), []string{"remediate", "check", "--kind", kind})
	for _, form := range secret.Forms(value) {
		if strings.Contains(out.String(), form) {
			return -1, "the value is visible"
		}
	}
	return code, out.String()
}
