package trail

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/leakgate/leakgate/internal/store"
)

// Numbers of RFC 5424: facility "log audit" and severity "notice", and the enterprise
// number that RFC 5612 keeps for documentation, since leakgate has none of its own.
const (
	syslogPriority  = 13*8 + 5
	syslogData      = "leakgate@32473"
	maxSequence     = 2147483647 // of the registered element meta
	maxParameter    = 255        // bytes that every receiver takes
	syslogTimestamp = "2006-01-02T15:04:05.000000Z07:00"
)

// syslog is an event as RFC 5424 has it (https://www.rfc-editor.org/rfc/rfc5424):
// structured data for what one filters by, and the whole event as ASCII JSON.
func (w Writer) syslog(e store.Event) (string, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sequence := (e.Seq-1)%maxSequence + 1
	return fmt.Sprintf(`<%d>1 %s - leakgate - audit [meta sequenceId="%d"][origin software="leakgate" swVersion=%s][%s seq="%d" actor=%s action=%s subject=%s hash=%s] %s`,
		syslogPriority, e.At.In(time.UTC).Format(syslogTimestamp), sequence, parameter(w.Version, 32), syslogData,
		e.Seq, parameter(e.Actor, maxParameter), parameter(e.Action, maxParameter), parameter(e.Subject, maxParameter), parameter(e.Hash, maxParameter), ascii(string(body))), nil
}

// parameter is a value of structured data. Quotes, backslashes and closing brackets
// are escaped as the RFC asks for, control characters as JSON does.
func parameter(text string, most int) string {
	var b strings.Builder
	for _, r := range text {
		piece := string(r)
		switch {
		case r == '"' || r == '\\' || r == ']':
			piece = `\` + piece
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			piece = fmt.Sprintf(`\\u%04x`, r)
		}
		if b.Len()+len(piece) > most {
			break
		}
		b.WriteString(piece)
	}
	return `"` + b.String() + `"`
}
