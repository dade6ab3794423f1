package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/age"
	"github.com/getsops/sops/v3/shamir"

	"github.com/leakgate/leakgate/internal/secret"
)

// A share is one line: the name of the form, how many are needed, the recipient
// that the whole key opens, and the share itself.
const shareForm = "leakgate-share-v1"

// Split makes a new key and cuts it into shares; threshold of them make it whole
// again, and fewer say nothing of it. The key itself is kept nowhere.
func Split(shares, threshold int) (recipient string, parts []secret.Secret, err error) {
	if threshold < 2 || shares < threshold || shares > 255 {
		return "", nil, errors.New("the threshold is at least 2, and not more than the shares, of which there are at most 255")
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return "", nil, fmt.Errorf("make key: %w", err)
	}
	cut, err := shamir.Split([]byte(identity.String()), shares, threshold)
	if err != nil {
		return "", nil, fmt.Errorf("cut key: %w", err)
	}
	recipient = identity.Recipient().String()
	for _, c := range cut {
		parts = append(parts, secret.New(strings.Join([]string{shareForm, strconv.Itoa(threshold), recipient, base64.RawStdEncoding.EncodeToString(c)}, " ")))
	}
	return recipient, parts, nil
}

// Combine makes the key whole. Shares of different keys, too few, or one that
// was changed give an error.
func Combine(parts []secret.Secret) (*age.X25519Identity, error) {
	var cut [][]byte
	recipient, need := "", 0
	for i, p := range parts {
		fields := strings.Fields(p.Reveal()) // it is made part of the key
		if len(fields) != 4 || fields[0] != shareForm {
			return nil, fmt.Errorf("share %d is none", i+1)
		}
		n, err := strconv.Atoi(fields[1])
		c, err2 := base64.RawStdEncoding.DecodeString(fields[3])
		if err != nil || err2 != nil || len(c) < 2 {
			return nil, fmt.Errorf("share %d is damaged", i+1)
		}
		if recipient != "" && recipient != fields[2] || need != 0 && need != n {
			return nil, fmt.Errorf("share %d is of another key", i+1)
		}
		recipient, need, cut = fields[2], n, append(cut, c)
	}
	if len(cut) < need || need == 0 {
		return nil, fmt.Errorf("%d of the %d shares that are needed were given", len(cut), need)
	}
	return whole(cut, recipient)
}

func whole(cut [][]byte, recipient string) (*age.X25519Identity, error) {
	text, err := shamir.Combine(cut)
	if err != nil {
		return nil, errors.New("the shares do not fit together: is one given twice?")
	}
	identity, err := age.ParseX25519Identity(string(text))
	if err != nil || identity.Recipient().String() != recipient {
		return nil, errors.New("the shares do not make the key: one of them was changed")
	}
	return identity, nil
}
