package gitrepo

import (
	"net/url"
	"strings"
)

// Remote is where a remote of the repository is, as its config says; "" for none.
func (r *Repo) Remote(name string) string { return r.config["remote."+name+".url"] }

// RemoteName is the host and path of a remote's address, as in
// "github.com/octo/shop", whatever way it is spelled; "" for one that names no
// host. A port that is not the usual one of its scheme is part of it, as in
// "example.org:8443/octo/shop": what answers there may be of somebody else. See https://git-scm.com/docs/git-clone#_git_urls.
func RemoteName(address string) string {
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil {
			return ""
		}
		host := u.Hostname()
		if port := u.Port(); port != "" && port != usualPorts[u.Scheme] {
			host += ":" + port
		}
		return hostAndPath(host, u.Path)
	}
	before, path, ok := strings.Cut(address, ":")
	if !ok || strings.Contains(before, "/") || len(before) < 2 { // a path, or a drive of Windows
		return ""
	}
	return hostAndPath(before[strings.LastIndex(before, "@")+1:], path)
}

var usualPorts = map[string]string{"https": "443", "http": "80", "ssh": "22", "git": "9418"}

func hostAndPath(host, path string) string {
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if host == "" || path == "" {
		return ""
	}
	return strings.ToLower(host) + "/" + path
}
