package main

import (
	"testing"

	"github.com/leakgate/leakgate/internal/gittest"
)

func TestAnOriginIsAPlainName(t *testing.T) {
	for address, want := range map[string]string{
		"https://user:word@github.com/acme/app.git":  "github.com/acme/app",
		"git@github.com:acme/app.git":                "github.com/acme/app",
		"https://github.com@evil.example/acme/app":   "evil.example/acme/app",
		"https://github.com/acme/app%0aTo%20do%20it": "",
		"https://github.com/acme/%1b[2Japp":          "",
		"https://github.com/acme/%E2%80%AEppa":       "",
		"https://github.com/acme/%ff":                "",
		"/github.com/acme/app":                       "",
	} {
		repo := gittest.New(t)
		repo.Git("remote", "add", "origin", address)
		if got, _ := originOf(repo.Dir); got != want {
			t.Errorf("%s is %q, want %q", address, got, want)
		}
	}
}
