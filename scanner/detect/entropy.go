package detect

import "math"

// entropy is the Shannon entropy of a value as gitleaks computes it (detect/utils.go):
// counts of characters over the length in bytes, so that a value beyond ASCII
// has less than its true entropy.
func entropy(value string) float64 {
	var ascii [128]int
	var other map[rune]int
	for _, r := range value {
		if r < 128 {
			ascii[r]++
			continue
		}
		if other == nil {
			other = map[rune]int{}
		}
		other[r]++
	}
	sum, scale := 0.0, 1/float64(len(value))
	add := func(n int) {
		if n > 0 {
			f := float64(n) * scale
			sum -= f * math.Log2(f)
		}
	}
	for _, n := range ascii {
		add(n)
	}
	for _, n := range other {
		add(n)
	}
	return sum
}
