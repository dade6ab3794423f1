package unpack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// shown is what the tests compare of the views, the blob's own left out.
func shown(t *testing.T, data []byte, limits Limits) (map[string]string, []Skip) {
	t.Helper()
	out := map[string]string{}
	first := true
	skips, err := Views(t.Context(), "dir/file.ext", data, limits, func(v View) error {
		if first {
			first = false
			if v.Name != "" || v.Offset != nil || v.Via != nil || !bytes.Equal(v.Text, data) {
				t.Error("the first view is not the blob itself")
			}
			return nil
		}
		out[v.Name+" "+strings.Join(v.Via, ",")] = string(v.Text)
		if v.Offset != nil {
			checkOffsets(t, v, data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, skips
}

func checkOffsets(t *testing.T, v View, data []byte) {
	t.Helper()
	last := 0
	for i := range v.Text {
		at := v.Offset(i)
		if at < last || at >= len(data) {
			t.Fatalf("offset %d of %s maps to %d after %d in %d bytes", i, v.Name, at, last, len(data))
		}
		last = at
	}
}

func expect(t *testing.T, data []byte, limits Limits, want map[string]string, wantSkips []Skip) {
	t.Helper()
	got, skips := shown(t, data, limits)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantSkips, skips); diff != "" {
		t.Error(diff)
	}
}

func wideBytes(order binary.ByteOrder, mark bool, text string) []byte {
	var out []byte
	if mark {
		out = binary.BigEndian.AppendUint16(nil, order.Uint16([]byte{0xfe, 0xff}))
	}
	for _, u := range utf16.Encode([]rune(text)) {
		b := make([]byte, 2)
		order.PutUint16(b, u)
		out = append(out, b...)
	}
	return out
}

func TestUTF16IsReadWithAndWithoutMark(t *testing.T) {
	text := "token = é😀 value\r\n" + strings.Repeat("long line 字\n", 2000)
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		name := map[bool]string{true: " utf-16le", false: " utf-16be"}[order == binary.LittleEndian]
		for _, mark := range []bool{true, false} {
			expect(t, wideBytes(order, mark, text), Limits{}, map[string]string{name: text}, nil)
		}
	}
}

func TestUTF16PlacesAreExact(t *testing.T) {
	text := strings.Repeat("aé字😀", 3000)
	data := wideBytes(binary.LittleEndian, true, text)
	_, err := Views(t.Context(), "", data, Limits{}, func(v View) error {
		if v.Offset == nil {
			return nil
		}
		raw := 2
		for i, r := range text {
			if got := v.Offset(i); got != raw {
				return fmt.Errorf("%d maps to %d, want %d", i, got, raw)
			}
			raw += 2 * len(utf16.Encode([]rune{r}))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUTF16InPartIsRead(t *testing.T) {
	ascii := strings.Repeat("plain line\n", 200) // too much for the file to count as UTF-16
	text := "token = a value\r\n"
	le, be := string(wideBytes(binary.LittleEndian, false, text)), string(wideBytes(binary.BigEndian, false, text))
	chinese := strings.Repeat("字", 400)
	wideChinese := string(wideBytes(binary.LittleEndian, false, chinese))
	for name, c := range map[string]struct{ data, want string }{
		"appended":            {ascii + le, ascii + text},
		"at an odd place":     {ascii + "x" + le + ascii, ascii + "x" + text + ascii},
		"big endian":          {ascii + be, ascii + text},
		"both":                {ascii + le + be, ascii + text + "\x00" + text},
		"among Chinese":       {wideChinese + le + wideChinese, wideChinese + text + wideChinese},
		"odd text before":     {"x" + le, "x" + text},
		"shifted behind mark": {"\xff\xfe" + le + "odd" + le, "\xff\xfe" + text + "odd" + text},
	} {
		t.Run(name, func(t *testing.T) {
			got, skips := shown(t, []byte(c.data), Limits{})
			if got[" utf-16 in part"] != c.want || skips != nil {
				t.Errorf("%q %v", got, skips)
			}
		})
	}
	short := string(wideBytes(binary.LittleEndian, false, "fifteen letters"))
	expect(t, []byte(ascii[:len(ascii)-1]+"字"+short), Limits{}, map[string]string{}, nil)
}

func TestPlacesOfUTF16InPartAreExact(t *testing.T) {
	front := strings.Repeat("a line\n", 200)
	data := []byte(front + string(wideBytes(binary.LittleEndian, false, "sixteen letters, more")) + front)
	views := 0
	_, err := Views(t.Context(), "", data, Limits{}, func(v View) error {
		if v.Offset == nil {
			return nil
		}
		views++
		for i := range v.Text {
			if data[v.Offset(i)] != v.Text[i] {
				return fmt.Errorf("%d maps to %d", i, v.Offset(i))
			}
		}
		blank := len(front) + len("sixteen")
		if want := len(front) + 2*len("sixteen"); v.Offset(blank) != want {
			return fmt.Errorf("the blank maps to %d, want %d", v.Offset(blank), want)
		}
		return nil
	})
	if err != nil || views != 1 {
		t.Errorf("%d views, %v", views, err)
	}
}

func TestUTF32IsReadWithMark(t *testing.T) {
	var le, be []byte
	for _, r := range "\ufeffab😀" {
		le, be = binary.LittleEndian.AppendUint32(le, uint32(r)), binary.BigEndian.AppendUint32(be, uint32(r))
	}
	expect(t, le, Limits{}, map[string]string{" utf-32le": "ab😀"}, nil)
	expect(t, be, Limits{}, map[string]string{" utf-32be": "ab😀"}, nil)
}

func TestBinaryIsNoUTF16(t *testing.T) {
	var b []byte
	for i := range 4000 {
		b = append(b, byte(i%7), 0, byte(i*31), 0)
	}
	expect(t, b, Limits{}, map[string]string{}, nil)
}

// file is a member of the archives that the tests make.
type file struct{ name, text string }

func zipOf(files ...file) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: uint16(i % 2 * 8)}
		m, _ := w.CreateHeader(h)
		_, _ = io.WriteString(m, f.text)
	}
	_ = w.Close()
	return out.Bytes()
}

func tarOf(format tar.Format, files ...file) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.text)), Mode: 0o644, Format: format, Typeflag: tar.TypeReg}); err != nil {
			panic(err)
		}
		_, _ = io.WriteString(w, f.text)
	}
	_ = w.Close()
	return out.Bytes()
}

func gzipOf(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(data)
	_ = w.Close()
	return out.Bytes()
}

func zstdOf(data []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	return w.EncodeAll(data, nil)
}

func TestArchivesAreKnownByTheirContent(t *testing.T) {
	a, b := file{"a.txt", "text of a"}, file{"dir/b.txt", "text of b"}
	for name, c := range map[string]struct {
		data []byte
		want map[string]string
	}{
		"zip":                {zipOf(a, b), map[string]string{"!a.txt zip": a.text, "!dir/b.txt zip": b.text}},
		"zip behind program": {append([]byte("\x7fELF\x00\x01 stub"), zipOf(a, b)...), map[string]string{"!a.txt zip": a.text, "!dir/b.txt zip": b.text}},
		"ustar":              {tarOf(tar.FormatUSTAR, a, b), map[string]string{"!a.txt tar": a.text, "!dir/b.txt tar": b.text}},
		"pax":                {tarOf(tar.FormatPAX, file{strings.Repeat("é", 90), "x"}), map[string]string{"!" + strings.Repeat("é", 90) + " tar": "x"}},
		"gnu":                {tarOf(tar.FormatGNU, file{strings.Repeat("n", 200), "x"}), map[string]string{"!" + strings.Repeat("n", 200) + " tar": "x"}},
		"gzip":               {gzipOf([]byte(a.text)), map[string]string{"!file gzip": a.text}},
		"two gzip members":   {append(gzipOf([]byte("one ")), gzipOf([]byte("two"))...), map[string]string{"!file gzip": "one two"}},
		"zstd":               {zstdOf([]byte(a.text)), map[string]string{"!file zstd": a.text}},
		"padded gzip":        {append(gzipOf([]byte("one ")), make([]byte, 512)...), map[string]string{"!file gzip": "one "}},
		"padding between":    {slices.Concat(gzipOf([]byte("one ")), make([]byte, 5), gzipOf([]byte("two"))), map[string]string{"!file gzip": "one two"}},
		"tar.gz":             {gzipOf(tarOf(tar.FormatUSTAR, a, b)), map[string]string{"!a.txt gzip,tar": a.text, "!dir/b.txt gzip,tar": b.text}},
		"tar.zst":            {zstdOf(tarOf(tar.FormatUSTAR, a)), map[string]string{"!a.txt zstd,tar": a.text}},
		"bzip2":              {bzip2Sample, map[string]string{"!file bzip2": "text in bzip2\n"}},
		"bzip2 in zip":       {zipOfBzip2(t), map[string]string{"!b zip": "text in bzip2\n"}},
		"xz":                 {xzSample, map[string]string{"!file xz": "text in xz\n"}},
		"utf-16 in zip":      {zipOf(file{"w", string(wideBytes(binary.LittleEndian, true, "wide"))}), map[string]string{"!w zip": string(wideBytes(binary.LittleEndian, true, "wide")), "!w zip,utf-16le": "wide"}},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.data, Limits{}, c.want, nil) })
	}
}

func TestNestingStopsAtTheDepth(t *testing.T) {
	inner := gzipOf(tarOf(tar.FormatUSTAR, file{"c", "deep"}))
	middle := zipOf(file{"", ""}, file{"b.tgz", string(inner)})
	outer := zipOf(file{"", ""}, file{"a.zip", string(middle)})
	got, skips := shown(t, outer, Limits{})
	if got["!a.zip!b.tgz!c zip,zip,gzip,tar"] != "deep" || skips != nil {
		t.Errorf("three levels: %v %v", got, skips)
	}
	four := zipOf(file{"", ""}, file{"z.zip", string(outer)})
	_, skips = shown(t, four, Limits{})
	if diff := cmp.Diff([]Skip{{"!z.zip!a.zip!b.tgz", "a gzip below 3 other archives was not opened", true, false}}, skips); diff != "" {
		t.Error(diff)
	}
	expect(t, outer, Limits{Depth: -1}, map[string]string{}, nil)
}

func TestMembersOfAPlainTarKeepTheirPlace(t *testing.T) {
	data := tarOf(tar.FormatUSTAR, file{"a", "first"}, file{"b", "second"})
	var found string
	_, err := Views(t.Context(), "", data, Limits{}, func(v View) error {
		if v.Name == "!b" {
			at := v.Offset(0)
			found = string(data[at : at+len(v.Text)])
		}
		return nil
	})
	if err != nil || found != "second" {
		t.Errorf("at the place stands %q, %v", found, err)
	}
}

func TestTextBehindTheEndOfATarIsShown(t *testing.T) {
	data := append(tarOf(tar.FormatUSTAR, file{"a", "x"}), "left over"...)
	got, _ := shown(t, gzipOf(data), Limits{})
	if got["!(after the end) gzip,tar"] != "left over" {
		t.Errorf("%v", got)
	}
}

// rawEntry writes a stored member with both records as told.
func zipOfBzip2(t *testing.T) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	const text = "text in bzip2\n"
	raw, err := w.CreateRaw(&zip.FileHeader{Name: "b", Method: 12, CRC32: crc32.ChecksumIEEE([]byte(text)),
		CompressedSize64: uint64(len(bzip2Sample)), UncompressedSize64: uint64(len(text))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Write(bzip2Sample); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type rawEntry struct {
	name, text       string
	method, flags    uint16
	localMethod      uint16
	hidden, sizeless bool // no central record; no sizes in the local one
}

func rawZip(entries ...rawEntry) []byte {
	var out, dir []byte
	le := binary.LittleEndian
	u16 := func(b []byte, v ...uint16) []byte {
		for _, v := range v {
			b = le.AppendUint16(b, v)
		}
		return b
	}
	for _, e := range entries {
		at, size, crc := uint32(len(out)), uint32(len(e.text)), crc32.ChecksumIEEE([]byte(e.text))
		out = u16(append(out, localMagic...), 20, e.flags, e.localMethod, 0, 0)
		if e.sizeless {
			out = append(out, make([]byte, 12)...)
		} else {
			out = le.AppendUint32(le.AppendUint32(le.AppendUint32(out, crc), size), size)
		}
		out = append(append(u16(out, uint16(len(e.name)), 0), e.name...), e.text...)
		if !e.hidden {
			dir = u16(append(dir, centralMagic...), 20, 20, e.flags, e.method, 0, 0)
			dir = le.AppendUint32(le.AppendUint32(le.AppendUint32(dir, crc), size), size)
			dir = append(le.AppendUint32(u16(dir, uint16(len(e.name)), 0, 0, 0, 0, 0, 0), at), e.name...)
		}
	}
	start := len(out)
	out = append(out, dir...)
	out = u16(append(out, "PK\x05\x06"...), 0, 0, 1, 1)
	return u16(le.AppendUint32(le.AppendUint32(out, uint32(len(dir))), uint32(start)), 0)
}

func TestZipMembersAreShownWhicheverRecordNamesThem(t *testing.T) {
	stored := func(name, text string) rawEntry { return rawEntry{name: name, text: text} }
	hidden := stored("h", "hidden text")
	hidden.hidden = true
	expect(t, rawZip(stored("a", "text"), hidden), Limits{}, map[string]string{"!a zip": "text", "!h zip": "hidden text"}, nil)

	whole := rawZip(stored("a", "text"))
	cut := whole[:bytes.Index(whole, []byte(centralMagic))]
	expect(t, cut, Limits{}, map[string]string{"!a zip": "text"}, nil)

	sizeless := rawEntry{name: "s", text: "later PK size", flags: sizesLater, sizeless: true}
	expect(t, rawZip(sizeless), Limits{}, map[string]string{"!s zip": "later PK size"}, nil)

	lie := rawEntry{name: "l", text: "text behind a lie", localMethod: 8}
	got, skips := shown(t, rawZip(lie), Limits{})
	if got["!l zip"] != "text behind a lie" || len(skips) != 1 || skips[0].Limit {
		t.Errorf("%v %v", got, skips)
	}
}

func TestHeadersInsideAMemberAreItsText(t *testing.T) {
	inner := rawZip(rawEntry{name: "a", text: "text"})
	expect(t, rawZip(rawEntry{name: "in.zip", text: string(inner)}), Limits{},
		map[string]string{"!in.zip zip": string(inner), "!in.zip!a zip,zip": "text"}, nil)
}

func TestOverlappingMembersAreAllShown(t *testing.T) {
	// b stands in the stored data of a, and the directory names both.
	b := rawZip(rawEntry{name: "b", text: "text of b"})
	b = b[:bytes.Index(b, []byte(centralMagic))]
	a := rawZip(rawEntry{name: "a", text: string(b)})
	end := bytes.LastIndex(a, []byte(endMagic))
	start := bytes.Index(a, []byte(centralMagic))
	record := bytes.Clone(a[start:end])
	record[len(record)-1] = 'b'
	binary.LittleEndian.PutUint32(record[20:], uint32(len("text of b")))
	binary.LittleEndian.PutUint32(record[42:], uint32(bytes.Index(a, b)))
	tail := bytes.Clone(a[end:])
	binary.LittleEndian.PutUint32(tail[12:], uint32(2*len(record)))
	data := append(append(a[:end:end], record...), tail...)
	got, _ := shown(t, data, Limits{})
	if got["!b zip"] != "text of b" || got["!a zip"] != string(b) {
		t.Errorf("%v", got)
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	damaged := gzipOf([]byte(strings.Repeat("some text ", 100)))
	wrong := rawZip(rawEntry{name: "c", text: "text"})
	wrong[bytes.Index(wrong, []byte("text"))] = 'n'
	lost := rawZip(rawEntry{name: "d", text: "text"}, rawEntry{name: "e", text: "text"})
	lost[0] = 'X'
	far := rawZip(rawEntry{name: "f", text: "text"})
	far = far[bytes.Index(far, []byte(centralMagic)):]
	binary.LittleEndian.PutUint32(far[42:], 1<<20)
	for name, c := range map[string]struct {
		data []byte
		want Skip
	}{
		"encrypted":      {rawZip(rawEntry{name: "e", text: "x", flags: encrypted}), Skip{"!e", "encrypted", false, false}},
		"method":         {rawZip(rawEntry{name: "m", text: "x", method: 9, localMethod: 9}), Skip{"!m", "compression method 9 is not known", false, false}},
		"checksum":       {wrong, Skip{"!c", "damaged: its checksum is wrong", false, false}},
		"lost header":    {lost, Skip{"!d", "damaged zip: its header is not where the directory says", false, false}},
		"place too far":  {far, Skip{"!f", "damaged zip: its header is not where the directory says", false, false}},
		"truncated gzip": {damaged[:len(damaged)-12], Skip{"!file", "damaged: it ends too early", false, false}},
		"behind gzip":    {append(gzipOf([]byte("text")), "\x00\x00no header here"...), Skip{"!file", "damaged: gzip: invalid header", false, false}},
		"broken gzip":    {[]byte("\x1f\x8b\x08"), Skip{"", "damaged gzip: it ends too early", false, false}},
		"member":         {gzipOf(bytes.Repeat([]byte("x"), 300)), Skip{"!file", "only the first 100 bytes were unpacked", true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			_, skips := shown(t, c.data, Limits{Member: 100 << (20 * boolInt(name != "member"))})
			if diff := cmp.Diff([]Skip{c.want}, skips); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestArchivesThatAreNotOpenedAreNamed(t *testing.T) {
	for _, f := range closedForms {
		for _, rest := range []string{"", "\x00\x04 rest of the archive"} {
			data := []byte(f.magic + rest)
			_, skips := shown(t, data, Limits{})
			if diff := cmp.Diff([]Skip{{"", "a " + f.name + ": not opened", false, true}}, skips); diff != "" {
				t.Error(diff)
			}
			_, skips = shown(t, gzipOf(data), Limits{})
			if diff := cmp.Diff([]Skip{{"!file", "a " + f.name + ": not opened", false, true}}, skips); diff != "" {
				t.Error(diff)
			}
			_, skips = shown(t, data, Limits{Depth: -1})
			if skips != nil {
				t.Errorf("opening none was asked for, and %v was said", skips)
			}
		}
	}
	expect(t, []byte("Rar! is no archive, nor are MSCF and 7z"), Limits{}, map[string]string{}, nil)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestADamagedMemberIsShownUpToTheDamage(t *testing.T) {
	data := gzipOf([]byte(strings.Repeat("text ", 40)))
	got, _ := shown(t, data[:len(data)-8], Limits{}) // without its sum
	if got["!file gzip"] != strings.Repeat("text ", 40) {
		t.Errorf("%v", got)
	}
}

// unpacked sums up what a blob unpacks to.
func unpacked(t *testing.T, data []byte, limits Limits) (bytes int64, members int, skips []Skip) {
	t.Helper()
	skips, err := Views(t.Context(), "f", data, limits, func(v View) error {
		if v.Name != "" {
			bytes += int64(len(v.Text))
			members++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes, members, skips
}

func limited(skips []Skip) bool {
	for _, s := range skips {
		if s.Limit {
			return true
		}
	}
	return false
}

func TestBombsMeetALimit(t *testing.T) {
	zeros := string(make([]byte, 20<<20))
	one := zipOf(file{"", ""}, file{"z", zeros})
	var many []file
	for i := range 16 {
		many = append(many, file{fmt.Sprint(i), string(one)})
	}
	nested := zipOf(many...)

	// Many records that all name the same data.
	same := rawEntry{name: "s", text: strings.Repeat("x", 100_000)}
	overlap := rawZip(same)
	record := overlap[bytes.Index(overlap, []byte(centralMagic)):bytes.Index(overlap, []byte("PK\x05\x06"))]
	overlap = append(overlap, bytes.Repeat(record, 1000)...)

	// Headers in front of empty blocks that go on to the end, each in the other's data.
	var quadratic []byte
	blocks := bytes.Repeat([]byte("\x00\x00\x00\xff\xff"), 200_000)
	for i := range 2000 {
		head := rawZip(rawEntry{name: "q", localMethod: 8, method: 8})[:31]
		binary.LittleEndian.PutUint16(head[28:], uint16((1999-i)*31)) // what follows up to the blocks
		quadratic = append(quadratic, head...)
	}
	quadratic = append(quadratic, blocks...)

	tiny := make([]file, 300)
	for i := range tiny {
		tiny[i] = file{fmt.Sprint(i), "x"}
	}
	for name, c := range map[string]struct {
		data   []byte
		limits Limits
	}{
		"zeros":          {one, Limits{}},
		"zeros in gzip":  {gzipOf([]byte(zeros)), Limits{}},
		"zeros in tar":   {gzipOf(tarOf(tar.FormatUSTAR, file{"z", zeros})), Limits{}},
		"nested":         {nested, Limits{}},
		"nested gzip":    {gzipOf(gzipOf([]byte(zeros))), Limits{}},
		"cut archive":    {zipOf(file{"", ""}, file{"a.gz", string(gzipOf([]byte(zeros[:5<<20]))) + strings.Repeat("x", 1<<20)}, file{"b", "x"}), Limits{Bytes: 1 << 10}},
		"total":          {zipOf(file{"a", zeros[:3<<20]}), Limits{Bytes: 2 << 20}},
		"many members":   {tarOf(tar.FormatUSTAR, tiny...), Limits{Members: 100}},
		"empty blocks":   {quadratic, Limits{Bytes: 1 << 20}},
		"tar of nothing": {gzipOf(bytes.Repeat(tarOf(tar.FormatUSTAR, file{"e", ""})[:512], 300_000)), Limits{Members: 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			n, members, skips := unpacked(t, c.data, c.limits)
			l := c.limits.orDefaults()
			if most := min(l.Bytes, freeRatio+l.Ratio*int64(len(c.data))); n > most {
				t.Errorf("%d bytes were unpacked of at most %d", n, most)
			}
			if members > l.Members || !limited(skips) {
				t.Errorf("%d members, skips %v", members, skips[:min(3, len(skips))])
			}
			if len(skips) > maxSkips+1 {
				t.Errorf("%d skips", len(skips))
			}
		})
	}
	if n, members, _ := unpacked(t, overlap, Limits{}); members != 1 || n != 100_000 {
		t.Errorf("one member that many records name was opened %d times", members)
	}
}

func TestNotebookStringsAreDecoded(t *testing.T) {
	data := []byte(`{"cells":[{"cell_type":"code","source":["a = \"va\\lue\"\n","b = '\u00e9\ud83d\ude00'"],
"outputs":[{"data":{"image/png":"iVBORw0KGgo=","text/plain":["out"]}}]},{"source":"one \"two\""}],"nbformat":4}`)
	var text string
	_, err := Views(t.Context(), "n.ipynb", data, Limits{}, func(v View) error {
		if v.Offset == nil {
			return nil
		}
		text = string(v.Text)
		checkOffsets(t, v, data)
		for _, w := range []struct{ text, raw string }{{`"va\`, `\"va\\lue`}, {"b = '", "b = '"}, {"é", `\u00e9`}, {"😀", `\ud83d`}, {"one", "one "}, {`two"`, `two\"`}} {
			if at := v.Offset(strings.Index(text, w.text)); !bytes.HasPrefix(data[at:], []byte(w.raw)) {
				return fmt.Errorf("%q maps to %.12q", w.text, data[at:])
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	want := "code\na = \"va\\lue\"\nb = 'é😀'\nout\none \"two\"\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

func TestOrdinaryTextHasOneView(t *testing.T) {
	for _, text := range []string{"", "x", "package main\n", "{\"a\": 1}\n", "BZh is no archive", "PK\x03\x04 in text", "(text)"} {
		expect(t, []byte(text), Limits{}, map[string]string{}, nil)
	}
}

func TestTheVisitorsErrorEndsTheVisit(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	_, err := Views(t.Context(), "", zipOf(file{"a", "x"}, file{"b", "y"}), Limits{}, func(v View) error {
		if calls++; calls == 2 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Views(ctx, "", zipOf(file{"a", "x"}), Limits{}, func(View) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled visit ended with %v", err)
	}
}

func FuzzViews(f *testing.F) {
	f.Add(zipOf(file{"a", "x"}, file{"b.gz", string(gzipOf([]byte("y")))}))
	f.Add(tarOf(tar.FormatPAX, file{"a", "x"}))
	f.Add(gzipOf(tarOf(tar.FormatUSTAR, file{"a", "x"})))
	f.Add(wideBytes(binary.LittleEndian, false, "a😀 text"))
	f.Add([]byte(`{"nbformat":4,"cells":[{"source":["a\"\u00e9"]}]}`))
	f.Add(append([]byte("\xff\xfeodd"), wideBytes(binary.LittleEndian, false, "sixteen letters, more")...))
	f.Add(bzip2Sample)
	f.Add(xzSample)
	f.Add(zstdOf([]byte("x")))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{Depth: 3, Bytes: 1 << 20, Member: 1 << 18, Ratio: 50, Members: 50}
		var total int64
		members := 0
		_, err := Views(t.Context(), "f", data, limits, func(v View) error {
			if v.Offset != nil {
				checkOffsets(t, v, data)
			}
			if v.Name != "" {
				// A member may be shown three times: as it is, as UTF-8, which
				// is at most one and a half times as long, and as that in part.
				total += int64(len(v.Text))
				members++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if total > 4*limits.Bytes || members > 3*limits.Members {
			t.Errorf("%d bytes in %d members", total, members)
		}
	})
}
