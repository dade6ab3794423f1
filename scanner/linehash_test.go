package scanner

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// The figures are those of
// https://github.com/github/codeql-action/blob/main/src/fingerprints.test.ts
func TestLineHashesAreThoseOfGitHub(t *testing.T) {
	greetings := []string{
		"e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1",
		"b3edc88f2938467e:1", "c8e28b0b4002a3a0:1", "c129715d7a2bc9a3:1",
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{"c129715d7a2bc9a3:1"}},
		{" a\nb\n  \t\tc\n d", []string{"271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"}},
		{" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End", []string{
			"8b7cf3e952e7aeb2:1", "b1ae1287ec4718d9:1", "bff680108adb0fcc:1",
			"c6805c5e1288b612:1", "b86d3392aea1be30:1", "e6ceba753e1a442:1",
		}},
		{" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", greetings},
		{" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", greetings},
		{" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", greetings},
		{" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", greetings},
		{strings.Repeat("Lorem ipsum dolor sit amet.\n", 10), []string{
			"a7f2ff13bc495cf2:1", "a7f2ff13bc495cf2:2", "a7f2ff13bc495cf2:3", "a7f2ff13bc495cf2:4",
			"a7f2ff13bc495cf2:5", "a7f2ff13bc495cf2:6", "a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1",
			"55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1",
		}},
	} {
		want, all := map[int]string{}, []int{}
		for i, hash := range c.want {
			want[i+1] = hash
			all = append(all, i+1)
		}
		if diff := cmp.Diff(want, LineHashes([]byte(c.text), append(all, len(all)+1))); diff != "" {
			t.Errorf("line hashes of %q (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestLineHashesReadOnlyToTheLastLineAskedFor(t *testing.T) {
	text := strings.Repeat("Lorem ipsum dolor sit amet.\n", 10)
	got := LineHashes([]byte(text), []int{2, 7})
	want := map[int]string{2: "a7f2ff13bc495cf2:2", 7: "a7f2ff1481e87703:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := LineHashes([]byte(text), nil); len(got) != 0 {
		t.Errorf("no line was asked for, got %v", got)
	}
}

// Node's TextDecoder gives these characters for these bytes.
func TestInvalidUTF8IsReadAsTheWHATWGDecoderReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		"a\xe2\x82b":               "a\ufffdb",
		"\xed\xa0\x80":             "\ufffd\ufffd\ufffd",
		"\xf0\x9f\x92":             "\ufffd",
		"\xf0\x80\x80":             "\ufffd\ufffd\ufffd",
		"\xff\xc0\x80":             "\ufffd\ufffd\ufffd",
		"\xe2\x82\xf0\x9f\x92\xa9": "\ufffd\U0001F4A9",
		"\xf4\x90\xc3":             "\ufffd\ufffd\ufffd",
	} {
		if diff := cmp.Diff(LineHashes([]byte(want), []int{1}), LineHashes([]byte(text), []int{1})); diff != "" {
			t.Errorf("%x is not read as %+q:\n%s", text, want, diff)
		}
	}
}

// FuzzLineHash: the rolling hash equals the sum written out for every line.
func FuzzLineHash(f *testing.F) {
	f.Add("")
	f.Add("a\r\n\tb\r \nc")
	f.Add(strings.Repeat("x", 250) + "\n\n" + strings.Repeat("\U0001F511 ", 70))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		text = strings.ToValidUTF8(text, "?")
		want := slowLineHashes(text)
		all := make([]int, len(want))
		for i := range all {
			all[i] = i + 1
		}
		if diff := cmp.Diff(want, LineHashes([]byte(text), all)); diff != "" {
			t.Errorf("line hashes of %q (-slow +rolling):\n%s", text, diff)
		}
		if len(all) > 1 {
			some := all[len(all)/2]
			if got := LineHashes([]byte(text), []int{some})[some]; got != want[some] {
				t.Errorf("line %d alone has %q, with all others %q", some, got, want[some])
			}
		}
	})
}

func slowLineHashes(text string) map[int]string {
	text = strings.NewReplacer(" ", "", "\t", "").Replace(crThenLF(text))
	text = strings.NewReplacer("\r", "\n").Replace(text)
	hashes, seen := map[int]string{}, map[uint64]int{}
	lines := strings.Split(text, "\n")
	for i := range lines {
		units := append(utf16.Encode([]rune(strings.Join(lines[i:], "\n"))), lineHashEOF)
		var sum uint64
		for j := range lineHashWindow {
			sum *= lineHashMultiplier
			if j < len(units) {
				sum += uint64(units[j])
			}
		}
		seen[sum]++
		hashes[i+1] = fmt.Sprintf("%x:%d", sum, seen[sum])
	}
	return hashes
}

// crThenLF makes CRLF one line end, before blanks between the two are dropped.
func crThenLF(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
