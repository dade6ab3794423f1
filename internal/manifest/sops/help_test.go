package sops_test

import (
	"regexp"
	"slices"

	"filippo.io/age"
)

type sopstestKey = age.X25519Identity

var encrypted = regexp.MustCompile(`ENC\[[^\]]*\]`)

// sameValues reports whether two files have the same encrypted values, in order.
func sameValues(a, b string) bool {
	return slices.Equal(encrypted.FindAllString(a, -1), encrypted.FindAllString(b, -1))
}
