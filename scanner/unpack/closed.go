package unpack

import "strings"

// closedForms are archives that are known by the bytes that they start with,
// and not opened. Sources: https://www.garykessler.net/library/file_sigs.html,
// https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md.
var closedForms = []struct{ name, magic string }{
	{"7z archive", "7z\xbc\xaf\x27\x1c"},
	{"rar archive", "Rar!\x1a\x07"},
	{"cab archive", "MSCF\x00\x00\x00\x00"},
	{"xar archive", "xar!\x00"},
	{"deb package", "!<arch>\ndebian-binary"},
	{"rpm package", "\xed\xab\xee\xdb"},
	{"lz4 file", "\x04\x22\x4d\x18"},
	{"lz4 file", "\x02\x21\x4c\x18"},
	{"lzip file", "LZIP\x01"},
	{"lzop file", "\x89LZO\x00\r\n\x1a\n"},
	{"snappy file", "\xff\x06\x00\x00sNaPpY"},
	{"compress file", "\x1f\x9d\x90"},
}

// closedForm names the archive that data is and that cannot be opened, or "".
func closedForm(data []byte) string {
	front := string(data[:min(len(data), 24)])
	for _, f := range closedForms {
		if strings.HasPrefix(front, f.magic) {
			return f.name
		}
	}
	return ""
}
