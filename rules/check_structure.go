package rules

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// maxDecoded bounds what a structure check decodes: longer values are Unknown.
const maxDecoded = 64 << 10

// verifyJWT wants three segments, a header that is a JSON object with "alg",
// and claims that are a JSON object. https://www.rfc-editor.org/rfc/rfc7519
func verifyJWT(value string) Validity {
	parts := strings.Split(value, ".")
	if len(parts) != 3 || len(value) > maxDecoded {
		return Unknown
	}
	var header struct{ Alg string }
	var claims map[string]any
	return validIf(decodeJSON(parts[0], &header) && header.Alg != "" && decodeJSON(parts[1], &claims))
}

func completeJWT(prefix string) (string, error) {
	claims := fmt.Sprintf(`{"sub":"%010d","name":"example"}`, crc32.ChecksumIEEE([]byte(prefix)))
	return encodeURL(`{"alg":"HS256","typ":"JWT"}`) + "." + encodeURL(claims) + "." + filler(prefix, 43), nil
}

// verifyKubernetes wants a JWT that a cluster signed for a service account.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
func verifyKubernetes(value string) Validity {
	if v := verifyJWT(value); v != Valid {
		return v
	}
	var claims struct {
		Iss, Sub string
	}
	ok := decodeJSON(strings.Split(value, ".")[1], &claims)
	return validIf(ok && strings.HasPrefix(claims.Sub, "system:serviceaccount:"))
}

func completeKubernetes(prefix string) (string, error) {
	claims := `{"iss":"kubernetes/serviceaccount","kubernetes.io/serviceaccount/namespace":"default",` +
		`"sub":"system:serviceaccount:default:example"}`
	return encodeURL(`{"alg":"RS256","kid":"example"}`) + "." + encodeURL(claims) + "." + filler(prefix, 86), nil
}

// verifySentry wants the JSON document between "sntrys_" and the last "_".
// https://docs.sentry.io/account/auth-tokens/ and
// https://github.com/getsentry/rfcs/blob/main/text/0091-ci-upload-tokens.md
func verifySentry(value string) Validity {
	body, ok := strings.CutPrefix(value, "sntrys_")
	i := strings.LastIndexByte(body, '_')
	if !ok || i < 0 || len(body) > maxDecoded {
		return Unknown
	}
	var facts struct {
		Iat float64
		URL string
		Org string
	}
	return validIf(decodeJSON(body[:i], &facts) && facts.Iat > 0 && facts.Org != "")
}

func completeSentry(prefix string) (string, error) {
	facts := `{"iat":1700000000.5,"url":"https://sentry.io","region_url":"https://us.sentry.io","org":"example"}`
	return base64.StdEncoding.EncodeToString([]byte(facts)) + "_" + filler(prefix, 43), nil
}

// verifyMapbox wants JSON with the account's name in the second segment.
// https://docs.mapbox.com/api/accounts/tokens/#token-format
func verifyMapbox(value string) Validity {
	parts := strings.Split(value, ".")
	if len(parts) != 3 || len(value) > maxDecoded {
		return Unknown
	}
	var facts struct{ U, A string }
	return validIf(decodeJSON(parts[1], &facts) && facts.U != "")
}

func completeMapbox(prefix string) (string, error) {
	facts := fmt.Sprintf(`{"u":"example","a":"%s"}`, strings.ToLower(filler(prefix, 25)))
	return encodeURL(facts) + "." + filler(prefix, 22), nil
}

// verifyBedrock wants the name that Amazon puts before the secret part.
// https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html
func verifyBedrock(value string) Validity {
	body, ok := strings.CutPrefix(value, "ABSK")
	if !ok || len(body) > maxDecoded {
		return Unknown
	}
	text, ok := decodeBase64(body)
	return validIf(ok && strings.HasPrefix(text, "BedrockAPIKey-") && strings.Contains(text, ":"))
}

func completeBedrock(prefix string) (string, error) {
	text := "BedrockAPIKey-" + strings.ToLower(filler(prefix, 4)) + "-at-123456789012:" + filler(prefix, 61)
	return base64.RawStdEncoding.EncodeToString([]byte(text)), nil
}

// Discord's bot tokens begin with the bot's id in base64. An id is a decimal
// number whose upper 42 bits are milliseconds since 2015, 17 to 20 digits long.
// https://discord.com/developers/docs/reference#snowflakes
const discordShift = 22

func verifyDiscord(value string) Validity {
	first, _, ok := strings.Cut(value, ".")
	if !ok {
		return Unknown
	}
	id, ok := decodeBase64(first)
	if !ok || len(id) < 17 || len(id) > 20 {
		return Invalid
	}
	_, err := strconv.ParseUint(id, 10, 64)
	return validIf(err == nil)
}

func completeDiscord(prefix string) (string, error) {
	id := uint64(200000000000)<<discordShift | uint64(crc32.ChecksumIEEE([]byte(prefix)))&(1<<discordShift-1)
	return encodeURL(strconv.FormatUint(id, 10)) + "." + filler(prefix, 6) + "." + filler(prefix+".", 38), nil
}

// verifyPyPI wants a version 2 macaroon whose location is PyPI's.
// https://github.com/pypi/warehouse/blob/main/warehouse/macaroons/services.py
// https://github.com/rescrv/libmacaroons/blob/master/doc/format.txt
func verifyPyPI(value string) Validity {
	body, ok := strings.CutPrefix(value, "pypi-")
	if !ok || len(body) > maxDecoded {
		return Unknown
	}
	m, ok := decodeBase64(body)
	if !ok {
		return Invalid
	}
	for _, host := range []string{"pypi.org", "test.pypi.org"} {
		if rest, ok := strings.CutPrefix(m, "\x02\x01"+string(rune(len(host)))+host+"\x02"); ok {
			return validIf(len(rest) > 1+1+2+32 && rest[len(rest)-34:len(rest)-32] == "\x06\x20")
		}
	}
	return Invalid
}

func completePyPI(prefix string) (string, error) {
	m := "\x02\x01\x08pypi.org\x02\x24" + "00000000-0000-4000-8000-" + strings.ToLower(filler(prefix, 12)) + "\x00"
	m += "\x02\x2c[1,[\"" + filler(prefix, 38) + "\"]]" + "\x00\x00\x06\x20" + filler(prefix+"s", 32)
	return encodeURL(m), nil
}

// verifyBasicAuth wants base64 of printable "user:password".
// https://www.rfc-editor.org/rfc/rfc7617
func verifyBasicAuth(value string) Validity {
	if len(value) > maxDecoded {
		return Unknown
	}
	text, ok := decodeBase64(value)
	user, password, colon := strings.Cut(text, ":")
	printable := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	return validIf(ok && colon && user != "" && password != "" && printable)
}

func completeBasicAuth(prefix string) (string, error) {
	return base64.StdEncoding.EncodeToString([]byte("deploy:" + filler(prefix, 20))), nil
}

// decodeBase64 accepts both alphabets, with and without padding.
func decodeBase64(text string) (string, bool) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	data, err := base64.RawURLEncoding.DecodeString(text)
	return string(data), err == nil
}

func decodeJSON(text string, into any) bool {
	decoded, ok := decodeBase64(text)
	return ok && json.Unmarshal([]byte(decoded), into) == nil
}

func encodeURL(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// filler is n letters and digits that depend on the text before them, so that
// two examples are not the same value.
func filler(text string, n int) string {
	seed, out := crc32.ChecksumIEEE([]byte(text)), make([]byte, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = base62[(seed>>24)%62]
	}
	return string(out)
}
