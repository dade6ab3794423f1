//go:build unix

package main

import (
	"testing"
	"time"
)

func TestAFindingOfGitleaksIsHadExplainedOrLacking(t *testing.T) {
	theirs := place{"generic-api-key", "a.env", "c1", 3}
	for name, test := range map[string]struct {
		ours []place
		ok   bool
	}{
		"the same place":                {[]place{theirs}, true},
		"another rule on the same line": {[]place{{"github-pat", "a.env", "c1", 3}}, true},
		"another line":                  {[]place{{"generic-api-key", "a.env", "c1", 4}}, false},
		"another commit":                {[]place{{"generic-api-key", "a.env", "c2", 3}}, false},
		"another path":                  {[]place{{"generic-api-key", "b.env", "c1", 3}}, false},
		"nothing":                       {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := compare(test.ours, []place{theirs}); (err == nil) != test.ok {
				t.Errorf("compare: %v", err)
			}
		})
	}
	if err := compare([]place{theirs}, []place{{"github-pat", "a.env", "c1", 3}}); err == nil {
		t.Error("a generic finding explains away a particular one")
	}
}

func TestMedianTakesEachQuantityForItself(t *testing.T) {
	got := median([]sample{{3 * time.Second, 1, 20, 5}, {time.Second, 3, 10, 6}, {2 * time.Second, 2, 30, 4}})
	if got != (sample{2 * time.Second, 2, 20, 5}) {
		t.Errorf("median is %v", got)
	}
}
