package manifest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func zipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A manifest that is packed into a field of another object is judged as a document.
func TestPackedManifestsAreJudged(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2Zq8v}\n"
	sealed := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\ndata: {host: db.example.com}\n"
	object := func(value string) string {
		return "apiVersion: example.com/v1\nkind: Bundle\nmetadata: {name: a}\nspec: {content: " + strconv.Quote(value) + "}\n"
	}
	cutOff := zipped(t, secret+strings.Repeat("# "+letters(60)+"\n", 2000))
	twice := base64Of(base64Of(secret))
	for name, value := range map[string]string{
		"base64":                base64Of(secret),
		"base64 twice":          twice,
		"base64 four times":     base64Of(base64Of(twice)),
		"base64 for URLs":       base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"gzip":                  base64Of(zipped(t, secret)),
		"Helm's release":        base64Of(base64Of(zipped(t, `{"name":"a","manifest":`+strconv.Quote("---\n"+secret)+`}`))),
		"gzip of base64":        base64Of(zipped(t, base64Of(zipped(t, secret)))),
		"a data URL":            "data:text/yaml;charset=utf-8;base64," + base64Of(secret),
		"a percent-encoded one": "data:," + url.PathEscape(secret),
		"one in capitals":       "DATA:text/yaml;BASE64," + base64Of(secret),
		"an object within":      base64Of(object(base64Of(secret))),
		"two objects within":    base64Of(object(base64Of(object(base64Of(secret))))),
		"a list in JSON":        base64Of(`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","data":{"a":"` + base64Of("hunter2Zq8v") + `"}}]}`),
		"the second document":   base64Of(sealed + "---\n" + secret),
		"cut off":               base64Of(cutOff[:len(cutOff)/2]),
	} {
		want(t, name, Checker{}, object(value), RulePlainSecret, true)
	}
	for name, value := range map[string]string{
		"another kind":  base64Of(sealed),
		"a certificate": base64Of(strings.Repeat("certificate ", 50)),
		"nothing":       base64Of(zipped(t, "")),
		"no gzip":       base64Of("\x1f\x8bnot gzip at all, but longer than needed"),
		"a digest":      strings.Repeat("0a1b2c3d", 8),
		"a sealed one":  base64Of("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a}\nspec: {encryptedData: {a: " + sealValue(t, 16, 256) + "}}\n"),
	} {
		legitimate(t, name, object(value))
	}
}

// What is packed to be large, or packed many times, meets a limit and is no clean one.
func TestPackedBombsMeetALimit(t *testing.T) {
	bomb := base64Of(zipped(t, strings.Repeat("a: b\n", maxUnpacked/4)))
	many := "[" + strings.Repeat(strconv.Quote(base64Of(zipped(t, strings.Repeat("x", 1<<20))))+", ", 20) + "]"
	layers, within := "kind: Secret\ndata: {a: aHVudGVyMlpxOHY=}\n", "kind: Secret\ndata: {a: aHVudGVyMlpxOHY=}\n"
	for range maxPacked + 1 {
		layers = base64Of(layers)
		within = "kind: List\nmetadata: {}\napiVersion: v1\nof: Secret\nspec: " + strconv.Quote(within) + "\nkind2: {kind: Secret}\n"
	}
	for name, text := range map[string]string{
		"layers":    "apiVersion: v1\nkind: Bundle\nspec: {a: " + layers + "}\n",
		"within":    "apiVersion: v1\nkind: Bundle\nspec: {a: " + strconv.Quote(within) + "}\n",
		"a bomb":    "apiVersion: v1\nkind: ConfigMap\ndata: {a: " + bomb + "}\n",
		"many":      "apiVersion: v1\nkind: Bundle\nspec: " + many + "\n",
		"in a bomb": "apiVersion: v1\nkind: ConfigMap\ndata: {a: " + base64Of(zipped(t, bomb)) + "}\n",
	} {
		if _, err := Parse("a.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "packed") && !strings.Contains(err.Error(), "within") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
