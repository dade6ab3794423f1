package trail

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/store"
)

func signer(t testing.TB, seed string) ssh.Signer {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	key, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(sum[:]))
	check(t, err)
	return key
}

// bundled is a bundle of the story, as bytes.
func bundled(t testing.TB) []byte {
	t.Helper()
	events, _ := chained(t, story)
	var out bytes.Buffer
	check(t, Bundle{Tool: "leakgate test", Made: made, By: "ann", Events: events, Files: map[string][]byte{"incidents/INC-0001.md": []byte("# Incident\n")}}.Write(&out, signer(t, "ours")))
	return out.Bytes()
}

func verify(t testing.TB, text []byte) (*Verified, error) {
	t.Helper()
	return Verify(bytes.NewReader(text), int64(len(text)), []ssh.PublicKey{signer(t, "another").PublicKey(), signer(t, "ours").PublicKey()})
}

// rewritten is a bundle whose files were changed by somebody without the key.
func rewritten(t testing.TB, text []byte, change func(files map[string][]byte)) []byte {
	t.Helper()
	files, err := unpack(bytes.NewReader(text), int64(len(text)))
	check(t, err)
	change(files)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		check(t, err)
		_, err = w.Write(files[name])
		check(t, err)
	}
	check(t, z.Close())
	return out.Bytes()
}

func TestABundleVerifiesAlone(t *testing.T) {
	v, err := verify(t, bundled(t))
	check(t, err)
	events, head := chained(t, story)
	if len(v.Faults) > 0 || v.Head != head || v.Events != len(events) || v.Signer != ssh.FingerprintSHA256(signer(t, "ours").PublicKey()) {
		t.Errorf("%+v", v)
	}
	if !v.Holds(head) || !v.Holds(store.Head{Seq: 1, Hash: events[0].Hash}) || v.Holds(store.Head{Seq: 2, Hash: events[0].Hash}) || v.Holds(store.Head{Seq: 0}) || v.Holds(store.Head{Seq: 99}) {
		t.Error("what it holds")
	}
	if !bytes.Equal(bundled(t), bundled(t)) {
		t.Error("two bundles of the same differ")
	}
}

func TestEveryChangeOfABundleIsShownWithItsPlace(t *testing.T) {
	lines := func(files map[string][]byte) []string {
		return strings.SplitAfter(string(files[eventsFile]), "\n")
	}
	set := func(files map[string][]byte, lines []string) {
		files[eventsFile] = []byte(strings.Join(lines, ""))
	}
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		want   []string
	}{
		"an edited event": {func(f map[string][]byte) {
			l := lines(f)
			l[4] = strings.Replace(l[4], `"ann"`, `"eve"`, 1)
			set(f, l)
		}, []string{`"events.jsonl" is not what was signed`, "events.jsonl, line 5: audit event 5: it is not what was written"}},
		"an event taken out": {func(f map[string][]byte) { l := lines(f); set(f, append(l[:2:2], l[3:]...)) }, []string{"was cut: it has", "line 3: audit event 3: it is missing"}},
		"cut at the end":     {func(f map[string][]byte) { l := lines(f); set(f, l[:len(l)-3]) }, []string{"was cut: it has", "the trail was cut at audit event 10; it went to 11"}},
		"cut within a line":  {func(f map[string][]byte) { f[eventsFile] = f[eventsFile][:len(f[eventsFile])-20] }, []string{"line 11: audit event 11 does not parse"}},
		"two swapped":        {func(f map[string][]byte) { l := lines(f); l[0], l[1] = l[1], l[0]; set(f, l) }, []string{"line 1: audit event 1: it is missing"}},
		"one put in":         {func(f map[string][]byte) { l := lines(f); set(f, append(l, l[len(l)-2])) }, []string{"line 12: audit event 12: it is missing"}},
		"a document edited":  {func(f map[string][]byte) { f["incidents/INC-0001.md"] = []byte("# Incidenz\n") }, []string{`"incidents/INC-0001.md" is not what was signed`}},
		"a document removed": {func(f map[string][]byte) { delete(f, "incidents/INC-0001.md") }, []string{`"incidents/INC-0001.md" was taken out`}},
		"a document added":   {func(f map[string][]byte) { f["incidents/INC-0009.md"] = nil }, []string{`"incidents/INC-0009.md" was put in`}},
		"controls edited": {func(f map[string][]byte) {
			f[controlsFile] = bytes.ReplaceAll(f[controlsFile], []byte("missing"), []byte("shown!!"))
		}, []string{`"controls.json" is not what was signed`}},
		"an edited manifest": {func(f map[string][]byte) {
			f[manifestFile] = bytes.Replace(f[manifestFile], []byte(`"ann"`), []byte(`"eve"`), 1)
		}, []string{"manifest.json: none of the signers made its signature, or it was changed since"}},
		"no signature": {func(f map[string][]byte) { f[signatureFile] = []byte("x") }, []string{"manifest.json: its signature does not parse"}},
		"events gone":  {func(f map[string][]byte) { delete(f, eventsFile) }, []string{`"events.jsonl" was taken out`, "the trail was cut at audit event 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := verify(t, rewritten(t, bundled(t), c.change))
			check(t, err)
			said := strings.Join(v.Faults, "\n")
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("not said: %s\nsaid:\n%s", want, said)
				}
			}
		})
	}
}

// Somebody who signs an edited bundle with a key of his own is no signer, and one
// whose events do not chain signs nothing.
func TestABundleOfAStrangerIsNone(t *testing.T) {
	events, _ := chained(t, story)
	var out bytes.Buffer
	check(t, Bundle{Made: made, Events: events[:3]}.Write(&out, signer(t, "eve")))
	v, err := verify(t, out.Bytes())
	check(t, err)
	if len(v.Faults) != 1 || !strings.Contains(v.Faults[0], "none of the signers") || v.Holds(v.Head) {
		t.Errorf("%q", v.Faults)
	}
	if err := (Bundle{Made: made, Events: events[1:]}).Write(io.Discard, signer(t, "ours")); err == nil {
		t.Error("events that do not chain were signed")
	}
}

func TestWhatIsNoBundleIsSaid(t *testing.T) {
	whole := bundled(t)
	two := func(name string) []byte {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		for range 2 {
			if w, err := z.Create(name); err == nil {
				_, _ = w.Write([]byte("x"))
			}
		}
		check(t, z.Close())
		return out.Bytes()
	}
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"text":            {[]byte("hello"), "no zip file, or cut off"},
		"nothing":         {nil, "no zip file, or cut off"},
		"cut off":         {whole[:len(whole)-30], "no zip file, or cut off"},
		"two of one name": {two(manifestFile), `two files "manifest.json"`},
		"no manifest":     {rewritten(t, whole, func(f map[string][]byte) { delete(f, manifestFile) }), "no bundle of evidence"},
		"unknown field":   {rewritten(t, whole, func(f map[string][]byte) { f[manifestFile] = []byte(`{"other":1}`) }), "does not parse"},
		"another version": {rewritten(t, whole, func(f map[string][]byte) { f[manifestFile] = []byte(`{"version":9}`) }), "of version 9"},
	} {
		if _, err := verify(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Whichever byte of a bundle changes: it is noticed, or nothing that counts changed.
func TestNoByteOfABundleChangesUnnoticed(t *testing.T) {
	whole := bundled(t)
	want, err := unpack(bytes.NewReader(whole), int64(len(whole)))
	check(t, err)
	noticed := 0
	for at := 0; at < len(whole); at += 5 { // a fifth of them, the others are alike
		changed := bytes.Clone(whole)
		changed[at] ^= 0x40
		v, err := verify(t, changed)
		if err != nil || len(v.Faults) > 0 {
			noticed++
			continue
		}
		got, err := unpack(bytes.NewReader(changed), int64(len(changed)))
		if err != nil || !maps.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("byte %d changes what is read, and nobody says so: %v", at, err)
		}
	}
	if noticed < len(whole)/10 {
		t.Errorf("only %d of %d changes are noticed", noticed, len(whole)/5)
	}
}

func TestSignersAreRead(t *testing.T) {
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer(t, "ours").PublicKey())))
	keys, err := Signers([]byte("# ours\n" + line + " ann\n\nann@example.com " + line + "\n"))
	if err != nil || len(keys) != 2 {
		t.Errorf("%d keys: %v", len(keys), err)
	}
	for _, text := range []string{"", "# nobody", "ssh-ed25519 AAAA", "hello world again"} {
		if _, err := Signers([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestTheManifestIsPlainJSON(t *testing.T) {
	text := bundled(t)
	files, err := unpack(bytes.NewReader(text), int64(len(text)))
	check(t, err)
	var m Manifest
	check(t, json.Unmarshal(files[manifestFile], &m))
	if m.Base != "0:" || m.By != "ann" || len(m.Files) != 4 || !strings.HasPrefix(string(files[signatureFile]), "-----BEGIN SSH SIGNATURE-----") {
		t.Errorf("%+v", m)
	}
}
