package gitrepo

import "testing"

func TestARemoteHasOneName(t *testing.T) {
	for address, want := range map[string]string{
		"https://github.com/octo/shop.git":              "github.com/octo/shop",
		"https://user:word@GitHub.com/octo/shop":        "github.com/octo/shop",
		"ssh://git@github.com:22/octo/shop.git":         "github.com/octo/shop",
		"git@github.com:octo/shop.git":                  "github.com/octo/shop",
		"github.com:octo/shop/":                         "github.com/octo/shop",
		"https://gitlab.example.com/group/sub/shop.git": "gitlab.example.com/group/sub/shop",
		"https://github.com:443/octo/shop":              "github.com/octo/shop",
		"https://github.com:8443/octo/shop":             "github.com:8443/octo/shop",
		"ssh://git@github.com:2222/octo/shop":           "github.com:2222/octo/shop",
		"ssh://git@github.com:443/octo/shop":            "github.com:443/octo/shop",
		"/srv/git/shop.git":                             "",
		"../shop":                                       "",
		"./a:b":                                         "",
		`C:\repos\shop`:                                 "",
		"file:///srv/git/shop.git":                      "",
		"":                                              "",
		"https://github.com":                            "",
	} {
		if got := RemoteName(address); got != want {
			t.Errorf("%s is called %q, want %q", address, got, want)
		}
	}
}
