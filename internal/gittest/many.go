package gittest

import "os"

// ManyRefs is how many refs a test of many moves at once: 20,000, or 100,000 with
// LEAKGATE_MANY_REFS set. Nearly all of its time is git's, which makes a lock and a
// file for each.
func ManyRefs() int {
	if os.Getenv("LEAKGATE_MANY_REFS") != "" {
		return 100_000
	}
	return 20_000
}
