package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/leakgate/leakgate/remediate/revoke"
)

// faked is the command with issuers that live in the folder $ISSUERS: a file for
// each value (by a hash of it) that holds a line for each deed.
func faked() {
	w := newWorld()
	w.issuer = issuers(os.Getenv("ISSUERS"))
	os.Exit(w.run(context.Background(), os.Args[1:]))
}

type issuers string

func (f issuers) file(in revoke.Input) string {
	sum := sha256.Sum256([]byte(in.Secret.Reveal()))
	return filepath.Join(string(f), hex.EncodeToString(sum[:]))
}

func (f issuers) Check(_ context.Context, _ *revoke.Provider, in revoke.Input) revoke.Report {
	text, err := os.ReadFile(f.file(in))
	if err != nil || strings.HasSuffix(string(text), "undo\n") {
		return revoke.Report{Status: revoke.Live, Why: "the issuer knows it", Identity: map[string]string{"owner": "octocat"}, Scopes: []string{"repo"}}
	}
	return revoke.Report{Status: revoke.Dead, Why: "the issuer does not know it"}
}

func (f issuers) Locate(_ context.Context, p *revoke.Provider, _ revoke.Input, _ revoke.Report) (revoke.Target, error) {
	return revoke.Target{Provider: p.ID, Proof: revoke.ProofValue}, nil
}

func (f issuers) Act(_ context.Context, _ *revoke.Provider, in revoke.Input, _ revoke.Target, d revoke.Deed) revoke.Outcome {
	file, err := os.OpenFile(f.file(in), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return revoke.Outcome{Why: err.Error()}
	}
	defer file.Close()
	fmt.Fprintln(file, d)
	return revoke.Outcome{Result: revoke.Done, Why: "the issuer did it"}
}
