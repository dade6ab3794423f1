package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

var (
	started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	patRule = &rules.Rule{
		ID: "github-pat", Description: "GitHub personal access token", Provider: "GitHub",
		Severity: rules.Critical, Confidence: rules.Certain, Prefix: "ghp_", Tags: []string{"token", "github"}, Origin: "leakgate",
		Advice: "Revoke it under [Settings > Developer settings](https://github.com/settings/tokens), then give the job a fine-grained token that expires.",
	}
	keyRule = &rules.Rule{
		ID: "private-key", Description: "Private key.", Severity: rules.High, Confidence: rules.Likely, Origin: "gitleaks",
		Advice: "Make a new pair of keys and take the old public key off every server that trusts it.",
	}
	genericRule = &rules.Rule{ID: "generic-api-key", Description: "Generic API key", Severity: rules.Medium, Confidence: rules.Possible, Origin: "gitleaks"}
	userRule    = &rules.Rule{
		ID: "acme-internal", Description: "Acme <internal> | key", Severity: rules.Low, Confidence: rules.Likely, Origin: ".gitleaks.toml:3",
		Advice: "Tell @acme/security <img src=x> `now` | or [never](javascript:alert(1)).",
	}
)

func commit(n int, author string) scanner.Commit {
	return scanner.Commit{
		ID: strings.Repeat(fmt.Sprint(n), 40), Author: author, Email: strings.ToLower(author) + "@example.org",
		Date: time.Date(2026, 1, n, 9, 30, 0, 0, time.FixedZone("CET", 3600)),
	}
}

func place(path string, line, column, length int) scanner.Place {
	return scanner.Place{
		Kind: scanner.InContent, Origin: scanner.FromCommit, Path: path, Blob: strings.Repeat("b", 40),
		Span: [2]int{100, 100 + length}, StartLine: line, EndLine: line, StartColumn: column, EndColumn: column + length,
	}
}

// blocked is a report with one finding of every sort and hostile names.
func blocked() *Report {
	pat := secret.New("ghp_" + strings.Repeat("a1B2", 9))
	key := secret.New("-----BEGIN " + "PRIVATE KEY-----\n" + strings.Repeat("q7Zx", 40) + "\n-----END " + "PRIVATE KEY-----")
	head := place("config/app.env", 12, 8, 40)
	head.AtHead = true
	pem := place("deploy keys/|`<b>@org\n\x1b[31m.pem", 1, 1, 20)
	pem.EndLine, pem.EndColumn = 3, 26
	staged := place("src/größe.go", 7, 20, 24)
	staged.Origin, staged.DecodedFrom = scanner.FromStaged, []string{"base64", "percent"}
	manifest := place("k8s/secret.yaml", 4, 13, 16)
	manifest.Kind, manifest.Field, manifest.AtHead = scanner.InManifest, "data.password", true
	message := scanner.Place{Kind: scanner.InMessage, Origin: scanner.FromCommit, StartLine: 3, EndLine: 3, StartColumn: 1, EndColumn: 41, Span: [2]int{40, 80}}
	name := scanner.Place{Kind: scanner.InPath, Origin: scanner.FromCommit, Path: "dump/" + strings.Repeat("zQ4r", 6) + ".txt", Blob: strings.Repeat("c", 40)}

	find := func(r *rules.Rule, s secret.Secret, at scanner.Place, c scanner.Commit, id string, d gate.Decision, why string) gate.Judged {
		return gate.Judged{
			Finding: scanner.Finding{
				Rule: r, Secret: s, Confidence: r.Confidence, Severity: r.Severity, At: at, Commit: c,
				Fingerprint: "v1:" + r.ID + ":" + id, LineHash: "c129715d7a2bc9a3:1",
			},
			Credential: "LG-" + strings.Repeat(id, 16), Decision: d, Reason: why, Severity: r.Severity,
		}
	}
	findings := []gate.Judged{
		find(patRule, pat, head, commit(1, "Ada"), "A", gate.Block, "certain confidence blocks"),
		find(patRule, pat, message, commit(2, "Ada"), "A", gate.Warn, "older than the range"),
		find(keyRule, key, pem, commit(3, "Mallory\x1b[2J|@everyone"), "B", gate.Block, ""),
		find(genericRule, secret.New(strings.Repeat("k9Lm", 6)), staged, scanner.Commit{}, "C", gate.Warn, "possible confidence warns"),
		find(genericRule, secret.New(strings.Repeat("p3Wv", 4)), manifest, commit(4, "Bo"), "D", gate.Allow, "exception: test fixture"),
		find(userRule, secret.New(strings.Repeat("zQ4r", 6)), name, commit(5, "Cy"), "E", gate.Undecided, ""),
	}
	findings[1].Older, findings[1].LineHash = true, ""
	findings[2].Context = "checksum does not match"
	findings[4].Exception, findings[4].Environment = "v1:generic-api-key:D", "dev"
	return &Report{
		Tool: Tool{"leakgate", "1.2.3"}, Started: started, Finished: started.Add(3250 * time.Millisecond),
		RunID: "77", Repository: "https://github.com/octo/shop", Ref: "refs/heads/main",
		Result: scanner.Result{
			Range: scanner.Range{Text: "main..HEAD", Base: strings.Repeat("1", 40), Head: strings.Repeat("5", 40)},
			Credentials: []scanner.Credential{{
				ID: findings[0].Credential, Secret: pat, Rules: []string{"github-pat"}, Occurrences: 2, AtHead: true,
				FirstCommit: commit(1, "").ID, LastCommit: commit(2, "").ID, FirstSeen: commit(1, "").Date, LastSeen: commit(2, "").Date,
				Paths: []string{"config/app.env"},
			}},
			Coverage: scanner.Coverage{
				Commits: 1412, Blobs: 20931, Bytes: 123456789,
				Excluded: []scanner.Skip{
					{Path: "vendor/x", Reason: "path excluded by the policy", Count: 812},
					{Path: "lib", Reason: "submodule", Count: 1},
					{Path: "vendor/y", Reason: "path excluded by the policy", Count: 3},
				},
				Missed: []scanner.Skip{{Path: "big.bin\r::error::x", Commit: strings.Repeat("4", 40), Reason: "object is missing"}},
			},
		},
		Verdict: gate.Verdict{
			Decision: gate.Block, Findings: findings, Err: errors.New("1 item was missed"),
			Notices: []gate.Notice{
				{Text: "exception expired on 2026-02-01", Path: ".leakgate.yaml", Line: 9},
				{Text: "the change loosens the policy | <b>", Path: ".leakgate.yaml", Block: true},
			},
		},
	}
}

// clean is a report of a scan that found nothing.
func clean() *Report {
	return &Report{
		Tool: Tool{"leakgate", "1.2.3"}, Started: started, Finished: started.Add(time.Second), RunID: "78",
		Result: scanner.Result{
			Range: scanner.Range{Text: "all refs"}, StableIDs: true, Coverage: scanner.Coverage{Commits: 1, Blobs: 1, Bytes: 12},
		},
		Verdict: gate.Verdict{Decision: gate.Allow},
	}
}

// write is the report in a format, as a string.
func write(t testing.TB, format string, r *Report) string {
	t.Helper()
	var out strings.Builder
	if err := Write(&out, format, r); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return out.String()
}
