package rules

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// GitHub's and npm's tokens: 30 random characters and the CRC-32 of them in
// base62, padded to six.
// https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
// https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/
const (
	githubRandom = 30
	githubSum    = 6
)

var (
	githubToken = lazy(`^(?:gh[pousr]|npm)_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$`)
	// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
	githubStateless = lazy(`^ghs_[0-9]+_(ey[\w-]+\.ey[\w-]+\.[\w-]+)$`)
)

// verifyGitHub covers the 40-character tokens and the installation tokens that
// carry a JWT. Fine-grained tokens have a checksum whose input is not published.
func verifyGitHub(value string) Validity {
	if m := githubToken().FindStringSubmatch(value); m != nil {
		ok := crcBase62(m[1]) == m[2]
		if !ok && strings.HasPrefix(value, "ghr_") {
			return Unknown // refresh tokens are longer; this is the beginning of one
		}
		return validIf(ok)
	}
	if m := githubStateless().FindStringSubmatch(value); m != nil {
		return verifyJWT(m[1])
	}
	return Unknown
}

func completeGitHub(prefix string) (string, error) {
	run := lastRun(prefix, "")
	if len(run) < githubRandom {
		return "", errors.New("the github check follows 30 letters and digits")
	}
	return crcBase62(run[len(run)-githubRandom:]), nil
}

func crcBase62(text string) string {
	n := crc32.ChecksumIEEE([]byte(text))
	out := []byte("000000")
	for i := githubSum - 1; n > 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out)
}

// GitLab's routable tokens: prefix, base64url payload, ".", (version, ".",)
// payload length in two digits of base 36 and the CRC-32 of all before it in
// seven digits of base 36.
// https://handbook.gitlab.com/handbook/engineering/architecture/design-documents/cells/routable_tokens/
const gitlabSum = 7

var gitlabRoutable = lazy(`^[\w-]*?-([\w-]{27,300})\.(?:[0-9a-z]{2}\.)?([0-9a-z]{2})([0-9a-z]{7})$`)

// verifyGitLab covers the routable tokens; the older ones have no checksum.
func verifyGitLab(value string) Validity {
	m := gitlabRoutable().FindStringSubmatch(value)
	if m == nil {
		return Unknown
	}
	return validIf(crcBase36(value[:len(value)-gitlabSum]) == m[3])
}

// completeGitLab appends version, payload length and checksum to a prefix that
// ends with "glpat-" (or a sibling) and the payload.
func completeGitLab(prefix string) (string, error) {
	token := lastRun(prefix, "-_")
	_, payload, ok := strings.Cut(token, "-")
	if !ok || len(payload) < 27 || len(payload) > 300 {
		return "", errors.New("the gitlab check follows a prefix such as glpat- and 27 to 300 characters")
	}
	size := strconv.FormatInt(int64(len(payload)), 36)
	rest := ".01." + strings.Repeat("0", 2-len(size)) + size
	return rest + crcBase36(token+rest), nil
}

func crcBase36(text string) string {
	sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(text))), 36)
	return strings.Repeat("0", gitlabSum-len(sum)) + sum
}

// Grafana's service account tokens: "glsa_", 32 random characters, "_" and the
// CRC-32 (little endian, hexadecimal) of all before that underscore.
// https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/satokengen.go
var grafanaToken = lazy(`^(glsa_[0-9A-Za-z]{32})_([0-9a-f]{8})$`)

func verifyGrafana(value string) Validity {
	m := grafanaToken().FindStringSubmatch(value)
	if m == nil {
		return Unknown
	}
	return validIf(crcHex(m[1]) == m[2])
}

func completeGrafana(prefix string) (string, error) {
	token := strings.TrimSuffix(lastRun(prefix, "_"), "_")
	if len(token) != len("glsa_")+32 {
		return "", errors.New("the grafana check follows glsa_ and 32 letters and digits")
	}
	return crcHex(token), nil
}

func crcHex(text string) string {
	return hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
}

// lazy compiles a pattern of this package at its first use.
func lazy(source string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(source) })
}
