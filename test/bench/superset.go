//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// place is what a finding is compared by. No value is read from either report.
type place struct {
	Rule   string
	Path   string
	Commit string
	Line   int
}

func (p place) String() string {
	return fmt.Sprintf("%s %s:%d at %.12s", p.Rule, p.Path, p.Line, p.Commit)
}

type leakgateReport struct {
	Findings []place
	Coverage struct{ Complete bool }
}

func readLeakgate(file string) (leakgateReport, error) {
	var raw struct {
		Findings []struct {
			Rule, Path, Commit string
			StartLine          int
		}
		Coverage struct{ Complete bool }
	}
	if err := readJSON(file, &raw); err != nil {
		return leakgateReport{}, err
	}
	report := leakgateReport{Coverage: raw.Coverage}
	for _, f := range raw.Findings {
		report.Findings = append(report.Findings, place{f.Rule, f.Path, f.Commit, f.StartLine})
	}
	return report, nil
}

func readGitleaks(file string) ([]place, error) {
	var raw []struct {
		RuleID, File, Commit string
		StartLine            int
	}
	if err := readJSON(file, &raw); err != nil {
		return nil, err
	}
	var places []place
	for _, f := range raw {
		places = append(places, place{f.RuleID, f.File, f.Commit, f.StartLine})
	}
	return places, nil
}

func readJSON(file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// generic are gitleaks' rules that know a value by the words around it only. Where
// a rule that knows the value itself reports the same line, theirs says no more.
var generic = []string{"generic-api-key", "curl-auth-header", "curl-auth-user", "kubernetes-secret-yaml"}

// compare says which findings of gitleaks leakgate lacks, and fails on those that
// no finding of another rule on the same line explains.
func compare(ours, theirs []place) error {
	have := map[place]bool{}
	rules := map[place][]string{} // by place without the rule
	for _, p := range ours {
		have[p] = true
		at := place{Path: p.Path, Commit: p.Commit, Line: p.Line}
		rules[at] = append(rules[at], p.Rule)
	}
	explained, lacking := map[string]int{}, []string{}
	distinct := map[place]bool{}
	for _, p := range theirs {
		if distinct[p] || have[p] {
			distinct[p] = true
			continue
		}
		distinct[p] = true
		others := rules[place{Path: p.Path, Commit: p.Commit, Line: p.Line}]
		if slices.Contains(generic, p.Rule) && len(others) > 0 {
			slices.Sort(others)
			explained[p.Rule+" is reported there as "+strings.Join(slices.Compact(others), ", ")]++
			continue
		}
		lacking = append(lacking, p.String())
	}
	fmt.Fprintf(os.Stdout, "\nOf %d places that gitleaks reports, leakgate lacks %d.\n\n", len(distinct), len(lacking))
	for _, reason := range slices.Sorted(maps.Keys(explained)) {
		fmt.Fprintf(os.Stdout, "- %d: %s\n", explained[reason], reason)
	}
	for _, p := range lacking {
		fmt.Fprintf(os.Stdout, "- lacking: %s\n", p)
	}
	if len(lacking) > 0 {
		return fmt.Errorf("leakgate lacks %d findings of gitleaks", len(lacking))
	}
	return nil
}
