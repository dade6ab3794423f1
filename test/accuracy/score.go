package main

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/leakgate/leakgate/rules"
)

// generic are the dataset's types that say nothing of the value's form: a
// password, or a random text beside a telling name. They count for the recall
// of all tiers and not for that of the block tier.
var generic = names(`API Auth CMD_ConvertTo-SecureString CMD_Password CMD_Secret CMD_Token CURL_User_Password Credential
	Key Nonce Other Password SQL_Password Salt Secret Token UUID URL_Credentials Basic_Authorization Bearer_Authorization
	OTP_/_2FA_Secret`)

// public are types that name something and open nothing.
var public = names(`AWS_S3_Bucket Firebase_Domain Tencent_WeChat_API_App_ID`)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for _, n := range strings.Fields(list) {
		set[strings.ReplaceAll(n, "_", " ")] = true
	}
	return set
}

// tally counts labels: those that are credentials and those that are not, all
// of them and those found, by anything and by the block tier.
type tally struct {
	secrets, found, blocked int
	others, noise, barred   int
}

// score adds up the labels of a dataset.
type score struct {
	all, structured tally
	tiers           [3]tally // labels whose best hit has this confidence
	kinds           map[string]*tally
	rules           map[string]*tally
	unlabelled      map[string]int // hits on lines without a label, by rule
	places          map[string][]string
}

func newScore() *score {
	return &score{kinds: map[string]*tally{}, rules: map[string]*tally{}, unlabelled: map[string]int{}, places: map[string][]string{}}
}

// add counts one file. A hit meets a label when they share a line.
func (s *score) add(f labelled, hits []hit) {
	met := make([]bool, len(hits))
	for _, l := range merge(f.labels) {
		if onlyPublic(l.kinds) {
			markMet(l, hits, met)
			continue
		}
		best := rules.Confidence(-1)
		for i, h := range hits {
			if h.from <= l.to && h.to >= l.from {
				met[i] = true
				best = max(best, h.tier)
				s.countRule(f, l, h)
			}
		}
		s.countLabel(f, l, best)
	}
	for i, h := range hits {
		if !met[i] {
			s.unlabelled[h.rule]++
			s.place("unlabelled "+h.rule, f.path, h.from)
		}
	}
}

func markMet(l label, hits []hit, met []bool) {
	for i, h := range hits {
		met[i] = met[i] || h.from <= l.to && h.to >= l.from
	}
}

// merge makes one label of those on the same lines: a line is a credential's
// when any of its values is.
func merge(labels []label) []label {
	at := map[[2]int]int{}
	var merged []label
	for _, l := range labels {
		key := [2]int{l.from, l.to}
		i, ok := at[key]
		switch {
		case !ok:
			at[key] = len(merged)
			merged = append(merged, l)
		case l.secret && !merged[i].secret:
			merged[i] = l
		case l.secret == merged[i].secret:
			merged[i].kinds = append(merged[i].kinds[:len(merged[i].kinds):len(merged[i].kinds)], l.kinds...)
		}
	}
	return merged
}

func (s *score) countLabel(f labelled, l label, best rules.Confidence) {
	s.all.count(l.secret, best)
	if structured(l.kinds) {
		s.structured.count(l.secret, best)
	}
	if best >= 0 {
		s.tiers[best].count(l.secret, best)
	}
	for _, k := range unique(l.kinds) {
		if s.kinds[k] == nil {
			s.kinds[k] = &tally{}
		}
		s.kinds[k].count(l.secret, best)
		if l.secret && best < rules.Likely {
			s.place("missed "+k, f.path, l.from)
		}
	}
}

func (s *score) countRule(f labelled, l label, h hit) {
	if s.rules[h.rule] == nil {
		s.rules[h.rule] = &tally{}
	}
	s.rules[h.rule].count(l.secret, h.tier)
	if !l.secret {
		s.place("false "+h.rule, f.path, h.from)
	}
}

func (s *score) place(what, path string, line int) {
	s.places[what] = append(s.places[what], fmt.Sprintf("%s:%d", path, line))
}

func (t *tally) count(secret bool, best rules.Confidence) {
	found, blocked := 0, 0
	if best >= rules.Possible {
		found = 1
	}
	if best >= rules.Likely {
		blocked = 1
	}
	if secret {
		t.secrets++
		t.found += found
		t.blocked += blocked
		return
	}
	t.others++
	t.noise += found
	t.barred += blocked
}

// structured reports whether a type names a provider or a verifiable form.
func structured(kinds []string) bool {
	for _, k := range kinds {
		if !generic[k] && !public[k] {
			return true
		}
	}
	return false
}

func onlyPublic(kinds []string) bool {
	for _, k := range kinds {
		if !public[k] {
			return false
		}
	}
	return true
}

func unique(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, v := range list {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// print writes the tables.
func (s *score) print(out io.Writer, d *dataset, perRule bool) {
	fmt.Fprintf(out, "%d labelled lines (%d credentials, %d others) in %d files of %d repositories; %d labelled files are not there\n\n",
		s.all.secrets+s.all.others, s.all.secrets, s.all.others, len(d.files), d.repos, d.missing)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "tier\tTP\tFP\tFN\tprecision\trecall\t")
	for c := rules.Certain; c >= rules.Possible; c-- {
		t := s.tiers[c]
		fmt.Fprintf(w, "%v\t%d\t%d\t\t%s\t\t\n", c, t.found, t.noise, percent(t.found, t.found+t.noise))
	}
	fmt.Fprintf(w, "block\t%d\t%d\t%d\t%s\t%s\t\n", s.all.blocked, s.all.barred, s.structured.secrets-s.structured.blocked,
		percent(s.all.blocked, s.all.blocked+s.all.barred), percent(s.structured.blocked, s.structured.secrets))
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%s\t%s\t\n", s.all.found, s.all.noise, s.all.secrets-s.all.found,
		percent(s.all.found, s.all.found+s.all.noise), percent(s.all.found, s.all.secrets))
	w.Flush()
	fmt.Fprintf(out, "\nFN and recall of block: the %d lines whose type names a provider or a form.\n\n", s.structured.secrets)
	s.printTallies(out, "type", s.kinds)
	if perRule {
		fmt.Fprintln(out)
		s.printTallies(out, "rule", s.rules)
	}
}

func (s *score) printTallies(out io.Writer, title string, tallies map[string]*tally) {
	keys := make([]string, 0, len(tallies))
	for k := range tallies {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := tallies[keys[i]], tallies[keys[j]]
		if a.secrets != b.secrets {
			return a.secrets > b.secrets
		}
		return a.others > b.others || a.others == b.others && keys[i] < keys[j]
	})
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tcredentials\tfound\tblocked\tothers\tfound\tblocked\t\n", title)
	for _, k := range keys {
		t := tallies[k]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", k, t.secrets, t.found, t.blocked, t.others, t.noise, t.barred)
	}
	w.Flush()
}

// show prints places only, never a value.
func (s *score) show(out io.Writer, what string) {
	for _, kind := range []string{"missed ", "false ", "unlabelled "} {
		for _, p := range s.places[kind+what] {
			fmt.Fprintf(out, "%s%s %s\n", kind, what, p)
		}
	}
}

func percent(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}
