package main

import (
	"math"
	"sort"
	"strings"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
)

// hit is one match of a rule in a file.
type hit struct {
	rule     string
	from, to int // lines, from 1
	tier     rules.Confidence
}

// find applies every rule to a text in the simplest way: keywords, regex,
// entropy, allowlists, offline check. Speed does not matter here; what counts
// is that the rules are measured and not an engine.
func find(set *rules.Set, path, text string) []hit {
	lower := strings.ToLower(text)
	lines := lineStarts(text)
	var hits []hit
	for _, r := range set.Rules {
		if r.Regex == nil || r.SkipReport || !gate(r, path, lower) {
			continue
		}
		for _, span := range r.Regex.Regexp().FindAllStringIndex(text, -1) {
			match := strings.Trim(text[span[0]:span[1]], "\n")
			start := span[0] + strings.Index(text[span[0]:span[1]], match)
			from, to := lineOf(lines, start), lineOf(lines, start+max(len(match)-1, 0))
			value := valueOf(r, match)
			if r.Entropy > 0 && entropy(value) <= r.Entropy || allowed(set, r, path, value, match, lineText(text, lines, from, to)) {
				continue
			}
			tier := r.EffectiveConfidence(r.Verify(secret.New(value)))
			hits = append(hits, hit{r.ID, from, to, tier})
		}
	}
	return hits
}

func gate(r *rules.Rule, path, lower string) bool {
	if r.Path != nil && !r.Path.MatchString(path) {
		return false
	}
	for _, k := range r.Keywords {
		if strings.Contains(lower, k) {
			return true
		}
	}
	return len(r.Keywords) == 0
}

func valueOf(r *rules.Rule, match string) string {
	groups := r.Regex.Regexp().FindStringSubmatch(match)
	if r.SecretGroup > 0 && r.SecretGroup < len(groups) {
		return groups[r.SecretGroup]
	}
	for i, g := range groups {
		if i > 0 && g != "" {
			return g
		}
	}
	return match
}

func allowed(set *rules.Set, r *rules.Rule, path, value, match, line string) bool {
	for _, lists := range [][]*rules.Allowlist{set.Allowlists, r.Allowlists} {
		for _, a := range lists {
			if !a.AppliesTo(r) {
				continue
			}
			v := a.Content(value, match, line)
			if v == rules.Yes || v == rules.DependsOnPlace && a.Place(path, "", true) {
				return true
			}
		}
	}
	return false
}

func lineStarts(text string) []int {
	starts := []int{0}
	for i := range len(text) {
		if text[i] == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// lineOf is the number, from 1, of the line that holds the byte.
func lineOf(starts []int, at int) int { return sort.SearchInts(starts, at+1) }

func lineText(text string, starts []int, from, to int) string {
	end := len(text)
	if to < len(starts) {
		end = starts[to] - 1
	}
	return text[starts[from-1]:end]
}

func entropy(text string) float64 {
	counts := map[rune]int{}
	for _, c := range text {
		counts[c]++
	}
	var sum float64
	for _, n := range counts {
		p := float64(n) / float64(len(text))
		sum -= p * math.Log2(p)
	}
	return sum
}
