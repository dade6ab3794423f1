package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"math/big"
	"strings"
)

// age's secret keys are 32 bytes in Bech32, whose last six characters are a
// checksum over the human-readable part and the data.
// https://github.com/C2SP/C2SP/blob/main/age.md
// https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki
const (
	ageHuman       = "age-secret-key-"
	bech32Alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	ageData        = 52 // characters of the 32 bytes
	bech32Sum      = 6
)

func verifyAge(value string) Validity {
	text := strings.ToLower(value)
	data, ok := strings.CutPrefix(text, ageHuman+"1")
	if !ok || len(data) != ageData+bech32Sum {
		return Unknown
	}
	sum, ok := bech32Checksum(ageHuman, data[:ageData])
	return validIf(ok && sum == data[ageData:])
}

func completeAge(prefix string) (string, error) {
	run := strings.ToLower(lastRun(prefix, "-"))
	i := strings.LastIndexByte(run, '1')
	if i < 0 || len(run)-i-1 < ageData {
		return strings.ToUpper(ageBody(prefix)), nil
	}
	sum, ok := bech32Checksum(ageHuman, run[i+1:])
	if !ok {
		return "", errors.New("the age check follows characters of Bech32")
	}
	return strings.ToUpper(sum), nil
}

// ageBody is data with its checksum.
func ageBody(prefix string) string {
	data := []byte(filler(prefix, ageData))
	for i, c := range data {
		data[i] = bech32Alphabet[int(c)%len(bech32Alphabet)]
	}
	data[ageData-1] = 'q' // the last character holds one bit of data: the rest is zero
	sum, _ := bech32Checksum(ageHuman, string(data))
	return string(data) + sum
}

func bech32Checksum(human, data string) (string, bool) {
	values := make([]byte, 0, 2*len(human)+1+len(data)+bech32Sum)
	for i := range len(human) {
		values = append(values, human[i]>>5)
	}
	values = append(values, 0)
	for i := range len(human) {
		values = append(values, human[i]&31)
	}
	for i := range len(data) {
		v := strings.IndexByte(bech32Alphabet, data[i])
		if v < 0 {
			return "", false
		}
		values = append(values, byte(v))
	}
	sum := bech32Polymod(append(values, make([]byte, bech32Sum)...)) ^ 1
	out := make([]byte, bech32Sum)
	for i := range out {
		out[i] = bech32Alphabet[sum>>(5*(bech32Sum-1-i))&31]
	}
	return string(out), true
}

func bech32Polymod(values []byte) uint32 {
	generator := [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3}
	sum := uint32(1)
	for _, v := range values {
		top := sum >> 25
		sum = (sum&0x1ffffff)<<5 ^ uint32(v)
		for i, g := range generator {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	return sum
}

// Bitcoin's private keys: base58 of a version, the key and the first four
// bytes of a double SHA-256.
// https://github.com/bitcoin/bips/blob/master/bip-0032.mediawiki#serialization-format
// https://en.bitcoin.it/wiki/Base58Check_encoding
const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// extendedKeySize is version, depth, parent, number, chain code and key.
const extendedKeySize = 78

func verifyBase58(value string) Validity {
	if len(value) > 256 {
		return Unknown
	}
	n := new(big.Int)
	for i := range len(value) {
		d := strings.IndexByte(base58Alphabet, value[i])
		if d < 0 {
			return Invalid
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(d)))
	}
	data := n.Bytes()
	if len(data) < 5 {
		return Invalid
	}
	body := data[:len(data)-4]
	return validIf(bytes.Equal(doubleSHA(body), data[len(data)-4:]))
}

// completeBase58 makes a whole extended private key.
func completeBase58(prefix string) (string, error) {
	body := append([]byte{0x04, 0x88, 0xad, 0xe4}, []byte(filler(prefix, extendedKeySize-4))...)
	n := new(big.Int).SetBytes(append(body, doubleSHA(body)...))
	var out []byte
	for rest := new(big.Int); n.Sign() > 0; {
		n.DivMod(n, big.NewInt(58), rest)
		out = append([]byte{base58Alphabet[rest.Int64()]}, out...)
	}
	return string(out), nil
}

func doubleSHA(data []byte) []byte {
	first := sha256.Sum256(data)
	second := sha256.Sum256(first[:])
	return second[:4]
}

// Stellar's secret seeds: base32 of a version byte, 32 bytes and their CRC-16
// (XModem, little endian).
// https://github.com/stellar/stellar-protocol/blob/master/ecosystem/sep-0023.md
const (
	stellarLength = 56
	stellarSeed   = 18 << 3 // the version byte that makes the text begin with "S"
)

func verifyStellar(value string) Validity {
	if len(value) != stellarLength {
		return Unknown
	}
	data, err := base32.StdEncoding.DecodeString(value)
	if err != nil {
		return Invalid
	}
	sum := crc16(data[:33])
	return validIf(data[0] == stellarSeed && data[33] == byte(sum) && data[34] == byte(sum>>8))
}

// completeStellar makes a whole seed.
func completeStellar(prefix string) (string, error) {
	data := append([]byte{stellarSeed}, []byte(filler(prefix, 32))...)
	sum := crc16(data)
	return base32.StdEncoding.EncodeToString(append(data, byte(sum), byte(sum>>8))), nil
}

// NATS' seeds: base32 of two bytes of kind, 32 bytes and their CRC-16.
// https://github.com/nats-io/nkeys/blob/main/strkey.go
const (
	nkeyLength = 58
	nkeySeed   = 18 << 3
	nkeyUser   = 20 << 3
)

var nkeyBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

func verifyNKey(value string) Validity {
	if len(value) != nkeyLength {
		return Unknown
	}
	data, err := nkeyBase32.DecodeString(value)
	if err != nil || len(data) != 36 {
		return Invalid
	}
	sum := crc16(data[:34])
	return validIf(data[0]&0xf8 == nkeySeed && data[34] == byte(sum) && data[35] == byte(sum>>8))
}

// completeNKey makes a whole user seed.
func completeNKey(prefix string) (string, error) {
	data := append([]byte{nkeySeed | nkeyUser>>5, nkeyUser & 31 << 3}, []byte(filler(prefix, 32))...)
	sum := crc16(data)
	return nkeyBase32.EncodeToString(append(data, byte(sum), byte(sum>>8))), nil
}

func crc16(data []byte) uint16 {
	var sum uint16
	for _, b := range data {
		sum ^= uint16(b) << 8
		for range 8 {
			carry := sum >> 15
			sum = sum<<1 ^ carry*0x1021
		}
	}
	return sum
}
