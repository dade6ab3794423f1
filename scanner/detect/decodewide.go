package detect

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// minPrintable is the share of printable characters, in percent, that text
// beyond ASCII must have to be believed.
const minPrintable = 95

// foreign reads decoded bytes as UTF-16 or as UTF-8 beyond ASCII, with or
// without a byte order mark. gitleaks leaves these encoded, so PowerShell's
// -EncodedCommand and files saved by Windows editors hide from it.
func (d *decoder) foreign(raw []byte) []byte {
	if !d.extended {
		return nil
	}
	out := fromUTF16(raw)
	if out == nil {
		out = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	}
	if len(out) == 0 || !mostlyPrintable(out) {
		return nil
	}
	d.used = true
	return out
}

// fromUTF16 converts UTF-16 that has a byte order mark or is mostly ASCII.
func fromUTF16(raw []byte) []byte {
	if len(raw)%2 != 0 || len(raw) < 4 {
		return nil
	}
	var order binary.ByteOrder
	switch zeros := zeroShare(raw); {
	case raw[0] == 0xff && raw[1] == 0xfe:
		order, raw = binary.LittleEndian, raw[2:]
	case raw[0] == 0xfe && raw[1] == 0xff:
		order, raw = binary.BigEndian, raw[2:]
	case zeros[1] >= 90 && zeros[0] == 0:
		order = binary.LittleEndian
	case zeros[0] >= 90 && zeros[1] == 0:
		order = binary.BigEndian
	default:
		return nil
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// zeroShare is the percentage of zero bytes at even and at odd offsets.
func zeroShare(raw []byte) (share [2]int) {
	for i, c := range raw {
		if c == 0 {
			share[i%2]++
		}
	}
	share[0] = share[0] * 200 / len(raw)
	share[1] = share[1] * 200 / len(raw)
	return share
}

func mostlyPrintable(text []byte) bool {
	good, all := 0, 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return false
		}
		if unicode.IsPrint(r) || unicode.IsSpace(r) {
			good++
		}
		all++
		i += size
	}
	return good*100 >= all*minPrintable
}
