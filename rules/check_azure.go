package rules

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"
	"strings"
)

// Azure's keys carry a fixed signature and a Marvin32 checksum. Formats, seeds
// and signatures are published by Microsoft in
// https://github.com/microsoft/security-utilities (IdentifiableMetadata.cs,
// IdentifiableSecrets.cs and the classes of each pattern).

// Common annotated security keys: 52 random characters, "JQQJ99" (or 9D, 9H),
// the month of making, platform and provider data, the provider's signature
// and the checksum of these 80 characters.
const (
	annotatedBody  = 80
	annotatedShort = 84
	annotatedLong  = 88
	annotatedSeed  = 0x44656661756c7430 // "Default0"
)

var annotatedKey = lazy(`^[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9][A-L][A-Za-z0-9]{24}(?:[A-Za-z0-9]{2}==)?$`)

// azureSeeds are the checksum seeds of the older identifiable keys, by the
// signature that stands before the checksum.
var azureSeeds = map[string][]uint64{
	"+ABa": {0x4162416363743030},
	"+ACR": {0x41435244666c7430},
	"+AEh": {0x53656e6430303030, 0x4c697374656e3030, 0x4d616e6167653030, 0x53797374656d3030, 0x556e6b6e6f776e30},
	"+AMC": {0x436c617373696330},
	"+ARm": {0x53656e6430303030, 0x4c697374656e3030, 0x4d616e6167653030, 0x53797374656d3030, 0x556e6b6e6f776e30},
	"+ASb": {0x53656e6430303030, 0x4c697374656e3030, 0x4d616e6167653030, 0x53797374656d3030, 0x556e6b6e6f776e30},
	"+ASt": {0x44656661756c7430},
	"ACDb": {0x537973416c6c3030, 0x5265736f75723030, 0x4d617374524f3030, 0x53797374524f3030, 0x456e637279703030, 0x4d61737452573030, 0x5379737452573030},
	"AIoT": {0x496f544875623030, 0x4470734b65793030, 0x4465766963653030},
	"APIM": {0x54656e616e743030, 0x496f544875623030, 0x4761746577793030, 0x4769744b65793030},
	"AzCa": {0x4163636573733030},
	"AzFu": {0x4d61737465723030, 0x53797374656d3030, 0x46756e6374693030},
	"AzSe": {0x5175657279303030, 0x5041646d696e3030},
}

// verifyAzureKey covers annotated keys and the older identifiable ones. No
// match is Unknown: services have more seeds than the published ones, some
// replace characters in the encoded key, and Microsoft's own libraries differ
// in how they write the checksum.
func verifyAzureKey(value string) Validity {
	if annotatedKey().MatchString(value) {
		if annotatedHolds(value) {
			return Valid
		}
		return Unknown
	}
	body := strings.TrimRight(value, "=")
	if len(body) < 42 || len(body) > 86 {
		return Unknown
	}
	seeds, ok := azureSeeds[body[len(body)-10:len(body)-6]]
	data, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(body))
	if !ok || err != nil {
		return Unknown
	}
	return identifiable(data, seeds)
}

// identifiable compares the last four bytes with the checksum of the others.
func identifiable(data []byte, seeds []uint64) Validity {
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	for _, seed := range seeds {
		if marvin32(body, seed) == sum {
			return Valid
		}
	}
	return Unknown
}

func annotatedHolds(value string) bool {
	data, err := base64.StdEncoding.DecodeString(value[:annotatedBody])
	if err != nil {
		return false
	}
	sum := binary.LittleEndian.AppendUint32(nil, marvin32(data, annotatedSeed))
	given := strings.TrimRight(value[annotatedBody:], "=")
	plain := base64.RawStdEncoding.EncodeToString(sum)
	return strings.HasPrefix(annotatedSum(sum), given) || strings.HasPrefix(plain, given)
}

// annotatedSum writes the checksum in base62, filled up to six characters and
// cut to the bits that four bytes of base64 hold.
func annotatedSum(sum []byte) string {
	text := base62Bytes(sum)
	text += strings.Repeat("0", 6-len(text))
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return text
	}
	return base64.RawStdEncoding.EncodeToString(data)
}

// base62Bytes reads four bytes as one big-endian number and keeps one digit
// for each leading zero byte.
func base62Bytes(data []byte) string {
	var zeros int
	for zeros < len(data)-1 && data[zeros] == 0 {
		zeros++
	}
	var digits string
	n := binary.BigEndian.Uint32(data)
	for ok := true; ok; ok = n > 0 {
		digits = string(base62[n%62]) + digits
		n /= 62
	}
	return strings.Repeat("0", zeros) + digits
}

// completeAzureKey appends the checksum to 80 characters of an annotated key.
func completeAzureKey(prefix string) (string, error) {
	run := lastRun(prefix, "")
	if len(run) < annotatedBody {
		return "", errors.New("the azure check follows 80 letters and digits")
	}
	data, err := base64.StdEncoding.DecodeString(run[len(run)-annotatedBody:])
	if err != nil {
		return "", err
	}
	sum := binary.LittleEndian.AppendUint32(nil, marvin32(data, annotatedSeed))
	return annotatedSum(sum)[:annotatedShort-annotatedBody], nil
}

// completeAzureStorage makes a whole key of a storage account.
func completeAzureStorage(prefix string) (string, error) {
	body, err := base64.StdEncoding.DecodeString(filler(prefix, 76) + "+ASt")
	if err != nil {
		return "", err
	}
	key := binary.LittleEndian.AppendUint32(body, marvin32(body, azureSeeds["+ASt"][0]))
	return base64.StdEncoding.EncodeToString(key), nil
}

// Entra client secrets of the current form: three characters, "8Q~", 31
// characters and the first three of the checksum's base-66 digits.
const (
	entraAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890.-_~"
	entraSeed     = 0x4161645077643030 // "AadPwd00"
	entraLength   = 40
)

// verifyAzureSecret covers the secrets with "8Q~"; those with "7Q~" have no checksum.
func verifyAzureSecret(value string) Validity {
	if len(value) != entraLength || value[3:6] != "8Q~" {
		return Unknown
	}
	return validIf(entraSum(value[:entraLength-3]) == value[entraLength-3:])
}

func completeAzureSecret(prefix string) (string, error) {
	run := lastRun(prefix, "-_.~")
	if len(run) != entraLength-3 {
		return "", errors.New("the azuresecret check follows 37 characters")
	}
	return entraSum(run), nil
}

func entraSum(text string) string {
	n, base := marvin32([]byte(text), entraSeed), uint32(len(entraAlphabet))
	var digits [6]byte
	for i := range digits {
		digits[len(digits)-1-i] = entraAlphabet[n%base]
		n /= base
	}
	return string(digits[:3])
}

// Azure DevOps tokens before 2024: 52 characters of base32, 32 bytes, four of
// which are a CRC-32 of the others, combined with a constant of user or
// application tokens.
const (
	devopsLength = 52
	devopsUser   = 0xE0B9692D
	devopsApp    = 0x1019F92E
)

var devopsBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func verifyAzureDevOps(value string) Validity {
	if len(value) == annotatedShort || len(value) == annotatedLong {
		return verifyAzureKey(value)
	}
	data, err := devopsBase32.DecodeString(value)
	if err != nil || len(value) != devopsLength || len(data) != 32 {
		return Unknown
	}
	found := uint32(data[22]) | uint32(data[8])<<8 | uint32(data[7])<<16 | uint32(data[2])<<24
	sum := devopsSum(data)
	return validIf(found == sum^devopsUser || found == sum^devopsApp)
}

func devopsSum(data []byte) uint32 {
	sum := crc32.ChecksumIEEE(data[:2])
	sum = crc32.Update(sum, crc32.IEEETable, data[3:7])
	sum = crc32.Update(sum, crc32.IEEETable, data[9:22])
	return crc32.Update(sum, crc32.IEEETable, data[23:32])
}

// completeAzureDevOps makes a whole token, because the checksum stands in the
// middle: the text before it only decides which one.
func completeAzureDevOps(prefix string) (string, error) {
	data := make([]byte, 32)
	seed := crc32.ChecksumIEEE([]byte(prefix))
	for i := range data {
		seed = seed*1664525 + 1013904223
		data[i] = byte(seed >> 24)
	}
	sum := devopsSum(data) ^ devopsUser
	data[22], data[8], data[7], data[2] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	return devopsBase32.EncodeToString(data), nil
}

// marvin32 is the Marvin hash of data, its two halves combined.
// https://github.com/microsoft/SymCrypt/blob/main/lib/marvin32.c
func marvin32(data []byte, seed uint64) uint32 {
	lo, hi := uint32(seed), uint32(seed>>32)
	for ; len(data) >= 4; data = data[4:] {
		lo += binary.LittleEndian.Uint32(data)
		lo, hi = marvinMix(lo, hi)
	}
	last := [4]byte{}
	last[copy(last[:], data)] = 0x80
	lo += binary.LittleEndian.Uint32(last[:])
	lo, hi = marvinMix(lo, hi)
	lo, hi = marvinMix(lo, hi)
	return lo ^ hi
}

func marvinMix(lo, hi uint32) (uint32, uint32) {
	hi ^= lo
	lo = bits.RotateLeft32(lo, 20) + hi
	hi = bits.RotateLeft32(hi, 9) ^ lo
	lo = bits.RotateLeft32(lo, 27) + hi
	return lo, bits.RotateLeft32(hi, 19)
}
