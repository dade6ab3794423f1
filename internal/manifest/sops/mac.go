package sops

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/getsops/sops/v3/shamir"
	"gopkg.in/yaml.v3"

	"github.com/leakgate/leakgate/internal/secret"
)

// The outcomes of [VerifyMAC] but for nil.
var (
	// ErrNoKey means that none of the keys opens the document, so nothing is known.
	ErrNoKey = errors.New("none of the given keys opens the document")
	// ErrMAC means that the document is not what was encrypted: a value was
	// changed, moved, added or taken away.
	ErrMAC = errors.New("the MAC does not fit the document")
)

// Identities reads age identities, one a line, as in SOPS_AGE_KEY, and private
// keys of SSH in PEM. Lines that are empty or start with "#" are passed over, and
// so are identities of plugins, which would be programs to run; errors quote nothing.
func Identities(keys secret.Secret) (ids []age.Identity, err error) {
	// They open documents here and nowhere else.
	lines := strings.Split(keys.Reveal(), "\n")
	for n := 0; n < len(lines); n++ {
		line := strings.TrimSpace(lines[n])
		var id age.Identity
		switch {
		case line == "" || line[0] == '#' || strings.HasPrefix(line, "AGE-PLUGIN-"):
			continue
		case strings.HasPrefix(line, "-----BEGIN "):
			end := n
			for end < len(lines)-1 && !strings.HasPrefix(lines[end], "-----END ") {
				end++
			}
			id, err = agessh.ParseIdentity([]byte(strings.Join(lines[n:end+1], "\n")))
			if err != nil {
				return nil, fmt.Errorf("line %d begins no private key of SSH without a passphrase", n+1)
			}
			n = end
		default:
			if id, err = age.ParseX25519Identity(line); err != nil {
				id, err = age.ParseHybridIdentity(line)
			}
			if err != nil {
				return nil, fmt.Errorf("line %d is no age identity (AGE-SECRET-KEY-…)", n+1)
			}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// An Opener decrypts the document's key, or its group's part, for one recipient of
// another kind than age, and reports whether it could.
type Opener func(r Recipient) ([]byte, bool)

// VerifyMAC decrypts the documents of one file, given as YAML or JSON, and
// compares the MAC of what is in them. The metadata are those of the first. Who
// no identity opens the file for is asked of the openers.
func VerifyMAC(docs [][]byte, m Metadata, ids []age.Identity, others ...Opener) (err error) {
	defer func() {
		if recover() != nil { // the YAML parser panics on its own mistakes
			err = ErrMAC
		}
	}()
	key, err := m.dataKey(ids, others)
	if err != nil {
		return err
	}
	h := &hasher{m: m, key: key, sum: sha512.New()}
	if m.OnlyMAC {
		h.sum.Write(OnlyEncrypted)
	}
	for _, text := range docs {
		var doc yaml.Node
		if err := yaml.Unmarshal(text, &doc); err != nil {
			return ErrMAC
		}
		if err := h.node(&doc, nil, nil); err != nil {
			return err
		}
	}
	v, ok := ParseValue(m.MAC)
	if !ok {
		return ErrMAC
	}
	mac, err := v.open(key, m.LastModified.Format(time.RFC3339))
	if err != nil || !hmac.Equal(mac, fmt.Appendf(nil, "%X", h.sum.Sum(nil))) {
		return ErrMAC
	}
	return nil
}

// OnlyEncrypted starts a MAC of mac_only_encrypted
// (https://github.com/getsops/sops/blob/main/sops.go).
var OnlyEncrypted = []byte{0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0xb, 0xb, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69}

// dataKey opens the document's key: by any recipient of one group, or by the
// threshold's number of groups.
func (m Metadata) dataKey(ids []age.Identity, others []Opener) ([]byte, error) {
	var parts [][]byte
	for _, g := range m.Groups {
		part, ok := g.open(ids)
		if !ok {
			part, ok = g.openBy(others)
		}
		if ok {
			parts = append(parts, part)
		}
	}
	need := len(m.Groups)
	if m.Threshold > 0 {
		need = min(need, m.Threshold)
	}
	if len(parts) == 0 || len(parts) < need {
		return nil, ErrNoKey
	}
	if len(m.Groups) == 1 {
		return parts[0], nil
	}
	key, err := shamir.Combine(parts)
	if err != nil {
		return nil, ErrMAC
	}
	return key, nil
}

func (g Group) open(ids []age.Identity) ([]byte, bool) {
	for _, r := range g {
		if r.Kind != "age" || len(ids) == 0 {
			continue
		}
		plain, err := age.Decrypt(armor.NewReader(strings.NewReader(r.Enc)), ids...)
		if err != nil {
			continue
		}
		if key, err := io.ReadAll(io.LimitReader(plain, maxEnc)); err == nil {
			return key, true
		}
	}
	return nil, false
}

// openBy asks the openers about every recipient that is none of age's.
func (g Group) openBy(others []Opener) ([]byte, bool) {
	for _, r := range g {
		for _, open := range others {
			if r.Kind == "age" || r.Enc == "" || len(r.Enc) > maxEnc {
				continue
			}
			if key, ok := open(r); ok && len(key) > 0 {
				return key, true
			}
		}
	}
	return nil, false
}

// open decrypts a value; the path of keys is authenticated with it.
func (v Value) open(key []byte, with string) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, ErrMAC
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(v.iv))
	if err != nil {
		return nil, ErrMAC
	}
	return gcm.Open(nil, v.iv, append(bytes.Clone(v.data), v.tag...), []byte(with))
}
