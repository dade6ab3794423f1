package manifest

import (
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/manifest/sopstest"
)

// sopsLeaf is one value of sops, as it stands in any of its formats.
func sopsLeaf(t *testing.T) string {
	t.Helper()
	file := sopstest.File{Rule: sopstest.DataRule}.Encrypt(t, plainSecret)
	return file[strings.Index(file, "ENC["):][:strings.Index(file[strings.Index(file, "ENC["):], "]")+1]
}

// plainIn counts the plain values of Secrets that a file of a role makes.
func plainIn(t *testing.T, text string, role Role) int {
	t.Helper()
	docs, err := ParseAs("file", []byte(text), role)
	if err != nil {
		t.Error(err)
	}
	return len(PlainSecrets(docs))
}

func TestFilesOfGeneratorsAreEncryptedLineByLine(t *testing.T) {
	enc := sopsLeaf(t)
	whole := "A=" + enc + "\nB=" + enc + "\nsops_version=3.13.3\nsops_mac=" + enc + "\n"
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"encrypted":          {whole, 0},
		"one line plain":     {strings.Replace(whole, "B="+enc, "B="+letters(20), 1), 1},
		"MAC alone":          {"A=" + letters(20) + "\nsops_mac=" + enc + "\n", 1},
		"text behind":        {strings.Replace(whole, "A="+enc, "A="+enc+letters(8), 1), 1},
		"MAC is no value":    {"A=" + letters(20) + "\nsops_mac=ENC[none]\n", 1},
		"no MAC but all ENC": {"A=" + enc + "\n", 0},
		"a name like theirs": {strings.Replace(whole, "B="+enc, "sops_password="+letters(20), 1), 1},
	} {
		if got := plainIn(t, c.text, SecretEnv); got != c.want {
			t.Errorf("%s: %d plain values, want %d", name, got, c.want)
		}
	}
}

// A value of a Secret may be a whole file that sops has encrypted, which Flux
// decrypts; one with a readable leaf is none.
func TestAValueThatIsAnEncryptedFileIsNotPlain(t *testing.T) {
	enc := sopsLeaf(t)
	meta := `"sops": {"mac": "` + enc + `", "version": "3.13.3", "lastmodified": "2026-01-01T00:00:00Z"}`
	for name, c := range map[string]struct {
		value string
		plain bool
	}{
		"binary":            {`{"data": "` + enc + `", ` + meta + `}`, false},
		"YAML":              {"a:\n  b: " + enc + "\nlist:\n- " + enc + "\n- ''\nsops: {mac: \"" + enc + "\"}\n", false},
		"lines":             {"A=" + enc + "\nsops_mac=" + enc + "\n", false},
		"a leaf is plain":   {`{"data": "` + enc + `", "more": "` + letters(20) + `", ` + meta + `}`, true},
		"a number":          {`{"data": "` + enc + `", "pin": 83172645091, ` + meta + `}`, true},
		"no MAC":            {`{"data": "` + enc + `", "sops": {"version": "3.13.3"}}`, true},
		"no metadata":       {`{"data": "` + enc + `"}`, true},
		"a second document": {"a: " + enc + "\nsops: {mac: \"" + enc + "\"}\n---\nb: " + letters(20) + "\n", true},
		"an alias":          {"a: &x\n- " + enc + "\nb: *x\nsops: {mac: \"" + enc + "\"}\n", true},
	} {
		manifest := "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  f: |\n    " + strings.ReplaceAll(strings.TrimSpace(c.value), "\n", "\n    ") + "\n"
		if got := plainIn(t, manifest, Documents) > 0; got != c.plain {
			t.Errorf("%s: plain is %v", name, got)
		}
		if !c.plain && plainIn(t, c.value, SecretFile) > 0 {
			t.Errorf("%s, as a file: plain", name)
		}
	}
}
