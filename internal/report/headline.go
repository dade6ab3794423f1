package report

import (
	"fmt"
	"strings"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/scanner"
)

// headline is the outcome in one sentence, without colour and not escaped.
func (v *view) headline() string {
	switch {
	case v.Verdict.Decision == gate.Block:
		text := "Blocked: " + v.amount(gate.Block)
		if v.count(gate.Block) == 0 {
			text = "Blocked by a notice of the policy"
		}
		if !v.complete() {
			text += "; the scan is incomplete"
		}
		return text
	case !v.complete():
		return "Could not decide: " + v.whyIncomplete()
	case v.lookedAtNothing():
		return "Nothing was looked at"
	case v.count(gate.Warn) > 0:
		return "Passed with warnings: " + v.amount(gate.Warn)
	case len(v.Verdict.Findings) > 0:
		return "Passed: " + v.amount(gate.Allow) + " allowed by the policy"
	}
	return "Clean: no secrets found"
}

func (v *view) lookedAtNothing() bool {
	c := v.Result.Coverage
	return c.Commits == 0 && c.Blobs == 0 && c.Bytes == 0 && len(v.Verdict.Findings) == 0
}

func (v *view) whyIncomplete() string {
	if why := v.errText(); why != "" {
		return why
	}
	if n := len(v.missed); n > 0 {
		return "missed " + plural(n, "item")
	}
	return "the gate gave no decision"
}

// amount is "2 credentials in 5 places" for one decision.
func (v *view) amount(d gate.Decision) string {
	ids, places := map[string]bool{}, 0
	for i := range v.Verdict.Findings {
		if f := &v.Verdict.Findings[i]; f.Decision == d {
			places++
			ids[groupKey(f)] = true
		}
	}
	return fmt.Sprintf("%s in %s", plural(len(ids), "credential"), plural(places, "place"))
}

// groupKey tells credentials apart; a finding without one stands for itself.
func groupKey(f *gate.Judged) string {
	if f.Credential != "" {
		return f.Credential
	}
	return "\x00" + uuid("group", f)
}

// exitMeaning says what the exit code tells the caller.
func (v *view) exitMeaning() string {
	code := v.Verdict.ExitCode()
	meaning := map[int]string{0: "nothing blocks", 1: "something blocks", 3: "could not decide"}[code]
	return fmt.Sprintf("exit %d: %s", code, meaning)
}

// looked is the coverage in one line.
func (v *view) looked() string {
	c := v.Result.Coverage
	parts := []string{plural(c.Commits, "commit"), plural(c.Blobs, "blob"), bytesOf(c.Bytes)}
	text := strings.Join(parts, ", ")
	if c.KnownCommits+c.KnownBlobs > 0 {
		text += fmt.Sprintf(" (%s and %s of them by an earlier scan)", plural(c.KnownCommits, "commit"), plural(c.KnownBlobs, "blob"))
	}
	return text
}

// reasonCount is how many items were left out for one reason.
type reasonCount struct {
	reason string
	count  int
}

// byReason sums the skips of one reason up, in the order of the list, which is sorted.
func byReason(skips []scanner.Skip) []reasonCount {
	var sums []reasonCount
	for _, s := range skips {
		if n := len(sums); n == 0 || sums[n-1].reason != s.Reason {
			sums = append(sums, reasonCount{reason: s.Reason})
		}
		sums[len(sums)-1].count += max(1, s.Count)
	}
	return sums
}
