package manifest

import (
	"encoding/base64"
	"strings"
)

// secrets is v1/Secret. A Secret without an apiVersion counts too: patches and
// templates need none.
var secrets = family{
	name: "Secret",
	has: func(o object) bool {
		g := group(o.apiVersion)
		return strings.TrimSpace(o.kind) == "Secret" && (g == "" || g == "core")
	},
	// A key in the wrong case is none for an API server, and as readable in git.
	read: func(path []step, text string) reading {
		switch {
		case len(path) > 0 && strings.EqualFold(path[0].key, "data"):
			return decodeData(text)
		case len(path) > 0 && strings.EqualFold(path[0].key, "stringData"):
			return reading{value: text, sensitive: true}
		}
		return reading{value: text}
	},
	judge: judgeSecret,
}

// decodeData reads a value of Secret.data, which is base64 in which line breaks
// count for nothing. Text that is no base64 is kept as it is: whoever wrote it
// mistook data for stringData, and the value is just as plain.
func decodeData(text string) reading {
	value, ok := decodeBase64(text)
	if !ok {
		return reading{value: text, sensitive: true, undecoded: true}
	}
	return reading{value: value, sensitive: true, decoded: text != ""}
}

// decodeBase64 also reads the URL alphabet and text without padding, which the
// API server refuses: what is wrong for it can be read by a thief.
func decodeBase64(text string) (string, bool) {
	solid := strings.Map(func(r rune) rune {
		if r < 0x80 && isSpace(byte(r)) {
			return -1
		}
		return r
	}, text)
	bare := strings.TrimRight(solid, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if value, err := enc.DecodeString(bare); err == nil && len(solid)-len(bare) <= 2 {
			return string(value), true
		}
	}
	return text, false
}
