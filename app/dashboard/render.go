package dashboard

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// frame is what every page has around its own.
type frame struct {
	Title string
	Login string // of who signed in; "" for nobody
	Here  string // the path of the page
	Read  time.Time
	Now   time.Time
	Body  any
}

// Style is the address of the style.
func (frame) Style() string { return stylePath }

// Age is how old what is known of somebody's access is.
func (f frame) Age() string { return span(f.Now.Sub(f.Read)) }

// pages are the templates, each with the frame around it.
var pages = parse("welcome", "away", "fault", "incidents", "incident", "health")

func parse(names ...string) map[string]*template.Template {
	out := map[string]*template.Template{}
	for _, name := range names {
		out[name] = template.Must(template.New("frame.html").Funcs(words).ParseFS(files, "pages/frame.html", "pages/parts.html", "pages/"+name+".html"))
	}
	return out
}

func render(to io.Writer, name string, f frame) error { return pages[name].Execute(to, f) }

// show renders a page for somebody, whole or not at all.
func (s *server) show(name, title, here string, v viewer, body any) ([]byte, error) {
	var out bytes.Buffer
	err := render(&out, name, frame{Title: title, Login: v.session.Login, Here: here, Read: v.access.At, Now: s.Now(), Body: body})
	return out.Bytes(), err
}

// words are what templates can say. Text that came from a repository goes through line.
var words = template.FuncMap{
	"line":  report.Line,
	"short": func(text string) string { return text[:min(len(text), 10)] },
	"day":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006") },
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"clock": func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") },
	"span":  span,
	"count": func(n int, one, many string) string { return fmt.Sprintf("%s %s", thousands(n), plural(n, one, many)) },
	"n":     thousands,
	"state": stateName,
	"lower": strings.ToLower,
	"percent": func(share float64) int {
		return int(math.Round(100 * min(max(share, 0), 1)))
	},
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u2009" + text[i:]
	}
	return text
}

// span is a length of time, as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d, 0).Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// states are those of an incident in the order of its life, as people call them.
var states = []struct {
	State      store.State
	Name, Says string
}{
	{store.Detected, "Detected", "Found, and nobody has looked at it."},
	{store.Triaged, "Triaged", "Somebody looked at it, and it is real."},
	{store.Revoked, "Revoked", "Its issuer documents that it is dead."},
	{store.Rotated, "Rotated", "Those who need it have a new one."},
	{store.Purged, "Purged", "It is out of the history."},
	{store.Closed, "Closed", "Nothing is left to do."},
	{store.Dismissed, "Dismissed", "Somebody answers for it, until a day."},
}

func stateName(s store.State) string {
	for _, known := range states {
		if known.State == s {
			return known.Name
		}
	}
	return string(s)
}

// severities are those of a rule, the worst first.
var severities = []string{"critical", "high", "medium", "low"}
