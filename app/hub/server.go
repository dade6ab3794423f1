package hub

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// Server is a GitHub. Both addresses end in a slash.
type Server struct {
	API string // https://api.github.com/, https://HOST/api/v3/, https://api.SUB.ghe.com/
	Web string // https://github.com/: of people and of git
}

// ParseServer reads the name of a GitHub as people give it: github.com (also for ""), a
// host with data residency as SUB.ghe.com, or the host of a GitHub Enterprise Server.
// Plain http is taken for this very machine only.
// https://docs.github.com/enterprise-cloud@latest/admin/data-residency/about-github-enterprise-cloud-with-data-residency
func ParseServer(text string) (Server, error) {
	if text == "" {
		text = "github.com"
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return Server{}, fmt.Errorf("the address of GitHub is a host, as github.com, SUB.ghe.com or github.example.com")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return Server{}, fmt.Errorf("GitHub is spoken to by https only: the App's tokens travel with every request")
	}
	web := u.Scheme + "://" + strings.ToLower(u.Host) + "/"
	switch host := strings.ToLower(u.Hostname()); {
	case host == "github.com" || host == "api.github.com" || host == "www.github.com":
		return Server{API: "https://api.github.com/", Web: "https://github.com/"}, nil
	case strings.HasSuffix(host, ".ghe.com"):
		sub := strings.TrimPrefix(host, "api.")
		return Server{API: "https://api." + sub + "/", Web: "https://" + sub + "/"}, nil
	}
	return Server{API: web + "api/v3/", Web: web}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// host is the one that credentials go to.
func (s Server) host() string {
	u, err := url.Parse(s.API)
	if err != nil {
		return ""
	}
	return u.Host
}

// namePattern is what GitHub takes for an owner or a repository; a name of only dots is none.
var namePattern = regexp.MustCompile(`^(?:[A-Za-z0-9_.-]{1,100})$`)

// Clone is where git fetches a repository. The address comes from the server that was
// configured and never from a payload, so that nobody can have a token sent elsewhere.
func (s Server) Clone(owner, name string) (string, error) {
	for _, part := range []string{owner, name} {
		if !namePattern.MatchString(part) || strings.Trim(part, ".") == "" || strings.HasPrefix(part, "-") {
			return "", fmt.Errorf("%q is no name of a repository on GitHub", owner+"/"+name)
		}
	}
	return s.Web + owner + "/" + name + ".git", nil
}
