package action

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"
)

func TestCommandsAreEscaped(t *testing.T) {
	for _, c := range []struct {
		message    string
		properties []Property
		want       string
	}{
		{"plain", nil, "::error::plain\n"},
		{"100%\r\n::error::x", nil, "::error::100%25%0D%0A::error::x\n"},
		{"m", []Property{{"file", "a:b,c%d\ne"}, {"line", "3"}}, "::error file=a%3Ab%2Cc%25d%0Ae,line=3::m\n"},
		{"m", []Property{{"file", ""}, {"title", "t"}}, "::error title=t::m\n"},
		{"m\u2028n\x00o\x1b[1m", []Property{{"title", "a\u0085b\xff"}}, "::error title=a b\uFFFD::m n o [1m\n"},
	} {
		var out bytes.Buffer
		NewLog(&out).Command("error", c.message, c.properties...)
		if out.String() != c.want {
			t.Errorf("%q %q: %q, want %q", c.message, c.properties, out.String(), c.want)
		}
	}
}

func TestTextCannotCommand(t *testing.T) {
	for text, want := range map[string]string{
		"hello\n":                    "hello\n",
		"::set-output name=a::b\n":   ":\\:set-output name=a::b\n",
		"\t  ::error::x\n":           "\t  :\\:error::x\n",
		"a ::error::x\n":             "a ::error::x\n",
		"é::error::x\n":              "é:\\:error::x\n",
		"x ##[command]y\n":           "x #\\#[command]y\n",
		"x ##vso[task.x]y\n":         "x #\\#vso[task.x]y\n",
		"#\u00ad#[command]\n":        "# \\#[command]\n",
		"a\r::error::x\n":            "a ::error::x\n",
		"\r::error::x\n":             " :\\:error::x\n",
		"path.go:3:1: # heading #\n": "path.go:3:1: # heading #\n",
		"no end":                     "no end\n",
	} {
		var out bytes.Buffer
		log := NewLog(&out)
		for i := range len(text) { // byte by byte, as a writer may do
			if _, err := log.Write([]byte{text[i]}); err != nil {
				t.Fatal(err)
			}
		}
		log.Flush()
		if out.String() != want {
			t.Errorf("%q: %q, want %q", text, out.String(), want)
		}
	}
}

func TestALineBegunBeforeACommandIsEnded(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out)
	log.Write([]byte("begun"))
	log.Command("notice", "x")
	if got := out.String(); got != "begun\n::notice::x\n" {
		t.Errorf("%q", got)
	}
}

func TestALineWithoutEndIsBrokenAndStaysHarmless(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out)
	log.Write([]byte(strings.Repeat("a", maxLine) + "::error::x"))
	log.Flush()
	for line := range strings.Lines(out.String()) {
		if commands(line) {
			t.Errorf("%.40q", line)
		}
	}
	if len(log.line) != 0 || out.Len() < maxLine {
		t.Errorf("%d bytes were written, %d kept", out.Len(), len(log.line))
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestALogThatCannotBeWrittenSaysSo(t *testing.T) {
	log := NewLog(broken{})
	log.Command("error", "x")
	if log.Err() == nil {
		t.Error("no error")
	}
}

// commands reports whether a runner could take a line for a command: it trims
// white space, and its comparisons may skip what is not ASCII.
func commands(line string) bool {
	ascii := strings.Map(func(r rune) rune {
		if r >= 0x80 || unicode.IsControl(r) {
			return -1
		}
		return r
	}, line)
	return strings.HasPrefix(strings.TrimSpace(ascii), "::") || strings.Contains(ascii, "##")
}

// FuzzLog holds that text never becomes a command, however it is cut into
// writes, and that a command stays one line which says what it was given.
func FuzzLog(f *testing.F) {
	f.Add("::add-path::/tmp\n##[group]x", "a,b:c", "100%\n", 3)
	f.Add("\u2028 :\u00ad: \r\n\x85::", "\x00", "##[error]", 1)
	f.Add("# # [", "%3A", "%250A", 2)
	f.Fuzz(func(t *testing.T, text, property, message string, step int) {
		var out bytes.Buffer
		log := NewLog(&out)
		step = 1 + max(0, step)%64
		for rest := text; rest != ""; {
			n := min(step, len(rest))
			log.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		log.Flush()
		for line := range strings.SplitSeq(out.String(), "\n") {
			if commands(line) || strings.ContainsAny(line, "\r\v\f\u0085\u2028\u2029") {
				t.Errorf("%q became %q", text, line)
			}
		}
		out.Reset()
		log.Command("error", message, Property{"file", property}, Property{"title", "t"})
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsAny(line, "\r\n") {
			t.Fatalf("a command of several lines: %q", line)
		}
		head, data, _ := strings.Cut(strings.TrimPrefix(line, "::"), "::")
		if unescape(data) != oneTextLine(message) {
			t.Errorf("message %q is read as %q", message, unescape(data))
		}
		got := map[string]string{}
		_, list, _ := strings.Cut(head, " ")
		for each := range strings.SplitSeq(list, ",") {
			name, value, _ := strings.Cut(each, "=")
			got[name] = unescape(value)
		}
		if got["title"] != "t" || got["file"] != oneTextLine(property) {
			t.Errorf("property %q is read as %q", property, got)
		}
	})
}

// unescape undoes the escapes as the runner does.
func unescape(text string) string {
	return strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(text)
}
