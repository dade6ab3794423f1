// Package trail writes the audit trail for other systems and for people who judge
// it: as JSON lines, OCSF and syslog, and as a signed bundle of evidence that can be
// verified without the database. It reads events and decides nothing.
package trail

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/leakgate/leakgate/internal/store"
)

// Formats are the names of the formats of single events.
var Formats = []string{"jsonl", "ocsf", "syslog"}

// Writer gives an event as one line. Version is that of this program.
type Writer struct{ Version string }

// Line is an event in one of the [Formats], without a line end.
func (w Writer) Line(format string, e store.Event) (string, error) {
	switch format {
	case "jsonl":
		line, err := json.Marshal(e)
		return string(line), err
	case "ocsf":
		line, err := json.Marshal(w.ocsf(e))
		return ascii(string(line)), err
	case "syslog":
		return w.syslog(e)
	}
	return "", fmt.Errorf("there is no format %q", format)
}

// ascii spells what is not printable ASCII as JSON does, so that no line of another
// system is steered by it.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
