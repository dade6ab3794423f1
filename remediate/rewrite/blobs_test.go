package rewrite

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBlobs has values in files of every kind.
func TestBlobs(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		v := g.value
		quoted, _ := json.Marshal(v + "\n" + v)
		std, uri := base64.StdEncoding.EncodeToString, base64.URLEncoding.EncodeToString
		files := map[string][2]string{ // before, after
			"plain":     {"a = " + v + "\nb\n", "a = " + Placeholder + "\nb\n"},
			"no-end":    {"a = " + v, "a = " + Placeholder},
			"crlf":      {"a = " + v + "\r\nb\r\n", "a = " + Placeholder + "\r\nb\r\n"},
			"twice":     {v + v + g.other + "x", Placeholder + Placeholder + Placeholder + "x"},
			"binary":    {"\x00\x01" + v + "\x00end", "\x00\x01" + mask(len(v)) + "\x00end"},
			"late-nul":  {strings.Repeat("x", 9000) + v + "\x00", strings.Repeat("x", 9000) + Placeholder + "\x00"},
			"utf16le":   {"\xff\xfe" + string(encodeWide("key="+v+"\r\n", false)), "\xff\xfe" + string(encodeWide("key="+Placeholder+"\r\n", false))},
			"utf16be":   {"\xfe\xff" + string(encodeWide("key="+v+"\n", true)), "\xfe\xff" + string(encodeWide("key="+Placeholder+"\n", true))},
			"utf16bare": {string(encodeWide("key="+v+" and more text", false)), string(encodeWide("key="+Placeholder+" and more text", false))},
			"base64-0":  {"d: " + std([]byte(v)) + "\n", "d: " + std([]byte(mask(len(v)))) + "\n"},
			"base64-1":  {"d: " + std([]byte("u"+v+"zz")) + "\n", "d: " + std([]byte("u"+mask(len(v))+"zz")) + "\n"},
			"base64-2":  {"d: " + std([]byte("uu"+v)) + "\n", "d: " + std([]byte("uu"+mask(len(v)))) + "\n"},
			"base64-3":  {"d: " + uri([]byte("uuu"+v+"z")) + "\n", "d: " + uri([]byte("uuu"+mask(len(v))+"z")) + "\n"},
			"hex":       {hex.EncodeToString([]byte(v)) + "\n", hex.EncodeToString([]byte(mask(len(v)))) + "\n"},
			"HEX":       {strings.ToUpper(hex.EncodeToString([]byte(v))), strings.ToUpper(hex.EncodeToString([]byte(mask(len(v)))))},
			"url":       {"https://h/?p=" + url.QueryEscape(v) + "&q", "https://h/?p=" + url.QueryEscape(Placeholder) + "&q"},
			"json":      {string(quoted), `"` + Placeholder + `\n` + Placeholder + `"`},
		}
		for name, f := range files {
			g.Write(name, f[0])
		}
		g.Commit("All kinds of files")
		if err := os.Symlink("/srv/"+v, filepath.Join(g.Dir, "link")); err != nil {
			t.Fatal(err)
		}
		g.Commit("A link")
		g.holdsLaw()
		for name, f := range files {
			if got, err := os.ReadFile(filepath.Join(g.Dir, name)); err != nil || string(got) != f[1] {
				t.Errorf("%s becomes %q, not %q (%v)", name, hide(string(got), v), f[1], err)
			}
		}
		if to, _ := os.Readlink(filepath.Join(g.Dir, "link")); to != "/srv/"+Placeholder {
			t.Error("the link leads elsewhere")
		}
	})
}

// hide keeps a value from the log of a test that fails.
func hide(text, v string) string { return strings.ReplaceAll(text, v, "[value]") }

// TestSeveralLines has a value of several lines, with both ends of lines.
func TestSeveralLines(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		g.value = "-----BEGIN KEY\n" + strings.Repeat("abcdefgh/+", 6) + "\n" + strings.Repeat("ijklmnop/+", 6) + "\n-----END"
		g.other = "another " + g.value
		g.spec = Spec{Literals: []Literal{lit(g.value), lit(g.other)}}
		g.File("unix", "x\n"+g.value+"\ny\n")
		g.File("dos", "x\r\n"+strings.ReplaceAll(g.value, "\n", "\r\n")+"\r\ny\r\n")
		g.File("manifest", "tls.key: "+base64.StdEncoding.EncodeToString([]byte(g.value))+"\n")
		dos := strings.ReplaceAll(g.value, "\n", "\r\n")
		quoted, _ := json.Marshal(dos)
		g.File("dos-manifest", "tls.key: "+base64.StdEncoding.EncodeToString([]byte(dos))+"\n")
		g.File("dos-wide", "\xff\xfe"+string(encodeWide("key = "+dos+"\r\n", false)))
		g.File("dos.json", string(quoted))
		g.File("dos-hex", hex.EncodeToString([]byte(dos)))
		g.holdsLaw()
		if got, _ := os.ReadFile(filepath.Join(g.Dir, "dos")); string(got) != "x\r\n"+Placeholder+"\r\ny\r\n" {
			t.Errorf("the file with CRLF becomes %q", got)
		}
		for _, name := range []string{"dos-manifest", "dos-wide", "dos.json", "dos-hex"} {
			got, err := os.ReadFile(filepath.Join(g.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range spellings(dos) {
				if strings.Contains(string(got), form) {
					t.Errorf("%s still holds the value", name)
				}
			}
		}
	})
}

// TestDeltas has a file of many versions, in one pack of deltas, in which the value comes and goes.
func TestDeltas(t *testing.T) {
	formats(t, func(t *testing.T, g *ground) {
		var lines []string
		for i := range 400 {
			lines = append(lines, strings.Repeat(string(rune('a'+i%26)), 40))
		}
		for i := range 40 {
			lines[i*9%400] = strings.Repeat("new", i)
			if i%5 == 3 {
				lines[i*7%400] = "key = " + g.value
			}
			if i%5 == 0 {
				lines[(i-2+400)*7%400] = "gone"
			}
			// halves on both sides of a copied stretch
			lines[200] = g.value[:9]
			lines[201] = g.value[9:]
			g.File("dir/sub/file", strings.Join(lines, "\n"))
			if i == 20 {
				g.Git("repack", "-adq", "--depth=50", "--window=50")
			}
		}
		g.File("dir/sub/file", strings.Join(lines[:200], "\n")+g.value+strings.Join(lines[202:], "\n"))
		g.Git("repack", "-adfq", "--depth=50", "--window=50")
		g.holdsLaw()
	})
}
