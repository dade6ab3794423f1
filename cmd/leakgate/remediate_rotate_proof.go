package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
)

// proofs asks the operator's commands whether consumers use a new value.
type proofs struct{}

// maxProof is the longest that a command may take, and maxProofText the most
// that is kept of what it prints, in bytes.
const (
	maxProof     = 10 * time.Minute
	maxProofText = 300
)

// Follow runs the command of a place. The value goes to its standard input, and
// to nothing that others can see.
func (proofs) Follow(ctx context.Context, place remediate.Place, value secret.Secret, _ time.Time) (string, error) {
	if len(place.Proof) == 0 {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxProof)
	defer cancel()
	cmd := exec.CommandContext(ctx, place.Proof[0], place.Proof[1:]...)
	cmd.WaitDelay = time.Second // of children that keep the output open
	var said bounded
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(value.Reveal()), &said, &said // the command compares it with what consumers use
	err := cmd.Run()
	line := said.line(value)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return "", fmt.Errorf("%s ends with %d: %s", place.Proof[0], exit.ExitCode(), line)
	case err != nil:
		return "", fmt.Errorf("%s: %w", place.Proof[0], err)
	}
	return place.Proof[0] + " says so: " + line, nil
}

// bounded keeps the first of what a command prints.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(text []byte) (int, error) {
	if room := 64<<10 - b.Len(); room > 0 {
		b.Buffer.Write(text[:min(room, len(text))])
	}
	return len(text), nil
}

// line is the first line without the value and without marks that steer a terminal.
func (b *bounded) line(value secret.Secret) string {
	var r secret.Redactor
	r.Add(value)
	line, _, _ := strings.Cut(strings.TrimSpace(r.Redact(b.String())), "\n")
	line = r.Redact(strings.Map(func(c rune) rune { // without the marks it may be the value
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, line))
	return strings.ToValidUTF8(line[:min(maxProofText, len(line))], "")
}
