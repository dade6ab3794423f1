package seal_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/seal"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sealed(t *testing.T, key secret.Key, to age.Recipient) ([]byte, remediate.Case) {
	t.Helper()
	value := secret.New("a-leaked-value-of-some-length")
	c := remediate.Case{Credential: key.ID(value), Value: value, Rule: "some-rule", Preview: "a-le…(29)", Repository: "acme/app",
		Exposure: remediate.Private, Seen: time.Unix(1700000000, 0).UTC(), Companions: map[string]secret.Secret{"secret_key": secret.New("its companion")}}
	var b bytes.Buffer
	must(t, seal.Write(&b, seal.Evidence{Made: time.Unix(1700000001, 0).UTC(), Cases: []remediate.Case{c}}, []age.Recipient{to}))
	for _, form := range append(secret.Forms(value), secret.Forms(c.Companions["secret_key"])...) {
		if strings.Contains(b.String(), form) {
			t.Error("the evidence shows a value")
		}
	}
	return b.Bytes(), c
}

func TestEvidenceIsReadByItsRecipientOnly(t *testing.T) {
	key, err := secret.NewKey()
	must(t, err)
	mine, err := age.GenerateX25519Identity()
	must(t, err)
	other, err := age.GenerateX25519Identity()
	must(t, err)
	text, c := sealed(t, key, mine.Recipient())
	ev, err := seal.Read(bytes.NewReader(text), key, mine)
	must(t, err)
	got := ev.Cases[0]
	if !got.Value.Equal(c.Value) || !got.Companions["secret_key"].Equal(c.Companions["secret_key"]) || got.Credential != c.Credential || got.Exposure != c.Exposure || !got.Seen.Equal(c.Seen) {
		t.Errorf("read back: %+v", got)
	}
	if _, err := seal.Read(bytes.NewReader(text), key, other); err == nil || !strings.Contains(err.Error(), "sealed to other keys") {
		t.Errorf("another key: %v", err)
	}
	foreign, err := secret.NewKey()
	must(t, err)
	if _, err := seal.Read(bytes.NewReader(text), foreign, mine); err == nil || !strings.Contains(err.Error(), "installation's key") {
		t.Errorf("another installation: %v", err)
	}
}

func TestEvidenceThatWasCutOrChangedGivesNothing(t *testing.T) {
	key, err := secret.NewKey()
	must(t, err)
	mine, err := age.GenerateX25519Identity()
	must(t, err)
	text, _ := sealed(t, key, mine.Recipient())
	for n := range text {
		if ev, err := seal.Read(bytes.NewReader(text[:n]), key, mine); err == nil || len(ev.Cases) > 0 {
			t.Fatalf("cut to %d bytes, it is read", n)
		}
		changed := bytes.Clone(text)
		changed[n] ^= 1
		if ev, err := seal.Read(bytes.NewReader(changed), key, mine); err == nil || len(ev.Cases) > 0 {
			t.Fatalf("changed at %d, it is read", n)
		}
	}
	if _, err := seal.Read(io.LimitReader(nil, 0), key, mine); err == nil {
		t.Error("nothing is read as evidence")
	}
}

func TestSharesMakeTheKey(t *testing.T) {
	recipient, parts, err := seal.Split(5, 3)
	must(t, err)
	for _, pick := range [][]int{{0, 1, 2}, {4, 2, 0}, {1, 3, 4}, {0, 1, 2, 3, 4}} {
		var some []secret.Secret
		for _, n := range pick {
			some = append(some, parts[n])
		}
		identity, err := seal.Combine(some)
		must(t, err)
		if identity.Recipient().String() != recipient {
			t.Errorf("%v make another key", pick)
		}
	}
	_, others, err := seal.Split(5, 3)
	must(t, err)
	changed := strings.Split(parts[2].Reveal(), " ")
	changed[3] = strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return 'A'
	}, changed[3][:4]) + changed[3][4:]
	for name, some := range map[string][]secret.Secret{
		"too few":     parts[:2],
		"none":        nil,
		"one twice":   {parts[0], parts[0], parts[1]},
		"another key": {parts[0], parts[1], others[2]},
		"changed":     {parts[0], parts[1], secret.New(strings.Join(changed, " "))},
		"no share":    {parts[0], parts[1], secret.New("hello")},
	} {
		if _, err := seal.Combine(some); err == nil {
			t.Errorf("%s: made a key", name)
		}
	}
}

func TestSharesThatMakeNoSenseAreRefused(t *testing.T) {
	for _, c := range [][2]int{{5, 1}, {2, 3}, {0, 0}, {256, 3}, {5, -1}} {
		if _, _, err := seal.Split(c[0], c[1]); err == nil {
			t.Errorf("%d shares, %d needed", c[0], c[1])
		}
	}
	if _, err := seal.Recipients(nil); err == nil {
		t.Error("sealed to nobody")
	}
	if _, err := seal.Recipients([]string{"age1nonsense"}); err == nil {
		t.Error("a recipient that is none")
	}
}
