// Package checkup looks an installed App over: whether GitHub knows it, lets it do what it
// needs, and reaches it. It changes nothing.
package checkup

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/register"
)

// Grade is how bad a finding is.
type Grade int

// The grades.
const (
	Fine Grade = iota
	Odd        // it works, but somebody should know
	Broken
)

// String is the word that is printed.
func (g Grade) String() string { return []string{"ok", "note", "broken"}[g] }

// Finding is what one look came to, and what to do about it.
type Finding struct {
	Grade Grade
	About string
	Text  string
	Fix   string // "" for nothing to do
}

// Patient is what is looked over.
type Patient struct {
	Hub *hub.App
	Web *http.Client // asks the webhook's address; nil: not asked
	Now func() time.Time
	// Database looks at the database; nil: not looked at.
	Database func(context.Context) (string, error)
	// Queue is for how long the oldest question waits, 0 for none; nil: not looked at.
	Queue func(context.Context) (time.Duration, error)
	// Read is up to when deliveries were read from GitHub; nil: they come to the webhook,
	// which is then asked.
	Read func(context.Context) (time.Time, error)
	// SignIn looks whether people can sign in to the dashboard; nil: there is none.
	SignIn func(context.Context) (string, error)
}

// Look looks everything over. What cannot be found out is broken, too.
func (p Patient) Look(ctx context.Context) []Finding {
	about, err := p.Hub.About(ctx)
	if later, is := hub.AsLater(err); is {
		return append([]Finding{{Broken, "github", later.Error(), "ask again then; nothing else can be told before"}}, p.database(ctx)...)
	}
	if err != nil {
		return append([]Finding{{Broken, "key", err.Error(), "compare --app-id and --key-file with the App's settings page, which also makes a new key"}}, p.database(ctx)...)
	}
	out := []Finding{{Fine, "key", "GitHub knows the App " + about.Slug + " by it", ""}}
	out = append(out, p.clock(), p.permissions(about), p.events(about))
	out = append(out, p.installations(ctx)...)
	out = append(out, p.webhook(ctx, about)...)
	out = append(out, p.deliveries(ctx)...)
	out = append(out, p.signIn(ctx)...)
	return append(out, p.database(ctx)...)
}

// maxSkew is what an unsigned time of a second's grain and a slow answer make up.
const maxSkew = 10 * time.Second

func (p Patient) clock() Finding {
	skew := p.Hub.Skew().Round(time.Second)
	if skew.Abs() > maxSkew {
		return Finding{Odd, "clock", fmt.Sprintf("this machine is %s ahead of GitHub; requests are signed in GitHub's time", skew), "have it set by NTP"}
	}
	return Finding{Fine, "clock", "agrees with GitHub's", ""}
}

// lacking lists what of the needs is not granted, as "checks: write (the check run)".
func lacking(granted hub.Permissions) []string {
	level := func(l string) int { return slices.Index([]string{"", "read", "write", "admin"}, l) }
	var out []string
	for _, name := range slices.Sorted(maps.Keys(register.Permissions)) {
		if need := register.Permissions[name]; level(granted[name]) < level(need.Level) {
			out = append(out, fmt.Sprintf("%s: %s (%s)", name, need.Level, need.Why))
		}
	}
	return out
}

func (p Patient) permissions(a hub.About) Finding {
	if missing := lacking(a.Permissions); len(missing) > 0 {
		return Finding{Broken, "permissions", "the App does not ask for " + strings.Join(missing, ", "), "add them on the App's settings page, then have every installation accept them"}
	}
	return Finding{Fine, "permissions", "the App asks for all it needs", ""}
}

func (p Patient) events(a hub.About) Finding {
	missing := slices.DeleteFunc(slices.Clone(register.Events), func(e string) bool { return slices.Contains(a.Events, e) })
	if len(missing) > 0 {
		return Finding{Broken, "events", "the App does not listen to " + strings.Join(missing, ", "), "tick them on the App's settings page"}
	}
	return Finding{Fine, "events", "the App listens to all it needs", ""}
}

// fewRequests is when an hourly limit is nearly used up: a tenth.
const fewRequests = 10

func (p Patient) installations(ctx context.Context) []Finding {
	all, err := p.Hub.Installations(ctx)
	if err != nil {
		return []Finding{{Broken, "installations", err.Error(), ""}}
	}
	if len(all) == 0 {
		return []Finding{{Broken, "installations", "the App is installed nowhere", "open its page on GitHub and install it"}}
	}
	var out []Finding
	for _, i := range all {
		out = append(out, p.installation(ctx, i))
	}
	return out
}

func (p Patient) installation(ctx context.Context, i hub.Placed) Finding {
	about := "installation " + i.Account
	if i.Suspended {
		return Finding{Odd, about, "suspended: nothing of it is judged", "an owner ends that at " + i.URL}
	}
	if missing := lacking(i.Permissions); len(missing) > 0 {
		return Finding{Broken, about, "has not accepted " + strings.Join(missing, ", "), "an owner accepts them at " + i.URL}
	}
	b, err := p.Hub.Rates(ctx, i.ID)
	switch {
	case err != nil:
		return Finding{Broken, about, err.Error(), ""}
	case b.Limit == 0:
		return Finding{Fine, about, "has all permissions; requests are not limited", ""}
	case b.Remaining*fewRequests < b.Limit:
		return Finding{Odd, about, fmt.Sprintf("has %d of %d requests left until %s; jobs wait then", b.Remaining, b.Limit, b.Reset.UTC().Format(time.TimeOnly)), ""}
	}
	return Finding{Fine, about, fmt.Sprintf("has all permissions, and %d of %d requests left in this hour", b.Remaining, b.Limit), ""}
}

func (p Patient) webhook(ctx context.Context, a hub.About) []Finding {
	u, err := url.Parse(a.Hook)
	switch {
	case err != nil || u.Host == "":
		return []Finding{{Broken, "webhook", "the App has no address for deliveries", "set it on the App's settings page to https://HOST/hook"}}
	case !a.HookJSON:
		return []Finding{{Broken, "webhook", "deliveries are not sent as application/json", "choose that content type on the App's settings page"}}
	case !a.HookTLS:
		return []Finding{{Broken, "webhook", "GitHub does not verify the certificate of " + u.Host, "enable SSL verification on the App's settings page"}}
	case p.Web == nil || p.Read != nil:
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Hook, http.NoBody)
	if err != nil {
		return []Finding{{Broken, "webhook", "its address cannot be asked", "set it on the App's settings page to https://HOST/hook"}}
	}
	resp, err := p.Web.Do(req)
	if err != nil {
		return []Finding{{Broken, "webhook", u.Host + " cannot be reached from here", "see that it is served, and that its name and certificate are right"}}
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 4 || resp.StatusCode == http.StatusNotFound {
		return []Finding{{Broken, "webhook", fmt.Sprintf("%s answers a delivery without a signature with %d: that is not leakgate-app serve", a.Hook, resp.StatusCode), "compare the address with the App's settings page"}}
	}
	return []Finding{{Fine, "webhook", a.Hook + " is served, and refuses what is not signed", ""}}
}

// recent is how far back deliveries are looked at. GitHub keeps them for three days.
const recent = 24 * time.Hour

func (p Patient) deliveries(ctx context.Context) []Finding {
	last, any, err := p.Hub.LastDelivery(ctx)
	if err != nil {
		return []Finding{{Broken, "deliveries", err.Error(), ""}}
	}
	if !any {
		return []Finding{{Odd, "deliveries", "GitHub knows of none in the last days", "push something to a repository of an installation"}}
	}
	if p.Read != nil {
		return p.read(ctx, last)
	}
	text := fmt.Sprintf("the last was %s at %s", last.Event, last.At.UTC().Format(time.RFC3339))
	failed, err := p.Hub.FailedDeliveries(ctx, p.Now().Add(-recent))
	if err != nil {
		return []Finding{{Broken, "deliveries", err.Error(), ""}}
	}
	if last.Status/100 != 2 {
		return []Finding{{Broken, "deliveries", fmt.Sprintf("%s and failed with %d; %d failed in a day", text, last.Status, len(failed)), "see that serve runs, and that its webhook secret is the App's"}}
	}
	if len(failed) > 0 {
		return []Finding{{Odd, "deliveries", fmt.Sprintf("%s; %d failed in a day, and serve has them sent again", text, len(failed)), ""}}
	}
	return []Finding{{Fine, "deliveries", text + "; none failed in a day", ""}}
}

// late is for how long a delivery that GitHub lists may be unread, and a question wait.
const late = 15 * time.Minute

// read judges deliveries by how far they were read.
func (p Patient) read(ctx context.Context, last hub.Delivered) []Finding {
	upTo, err := p.Read(ctx)
	switch {
	case err != nil:
		return []Finding{{Broken, "deliveries", err.Error(), ""}}
	case last.At.Sub(upTo) > late:
		return []Finding{{Broken, "deliveries", fmt.Sprintf("GitHub has one of %s, and they were read up to %s", stamp(last.At), stamp(upTo)), "see that serve --pull runs, and what its log says"}}
	}
	return []Finding{{Fine, "deliveries", "they were read up to " + stamp(upTo), ""}}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format(time.RFC3339)
}

// queue judges by its age: jobs that nobody works off, or that fail again and again.
func (p Patient) queue(ctx context.Context) []Finding {
	if p.Queue == nil {
		return nil
	}
	age, err := p.Queue(ctx)
	switch {
	case err != nil:
		return []Finding{{Broken, "queue", err.Error(), ""}}
	case age > late:
		return []Finding{{Broken, "queue", "the oldest question waits for " + age.Round(time.Second).String(), "see that serve runs with --scans, and what its log says of jobs that are tried again"}}
	case age > 0:
		return []Finding{{Fine, "queue", "the oldest question waits for " + age.Round(time.Second).String(), ""}}
	}
	return []Finding{{Fine, "queue", "nothing waits", ""}}
}

func (p Patient) database(ctx context.Context) []Finding {
	if p.Database == nil {
		return nil
	}
	text, err := p.Database(ctx)
	if err != nil {
		return []Finding{{Broken, "database", err.Error(), ""}}
	}
	return append([]Finding{{Fine, "database", text, ""}}, p.queue(ctx)...)
}

func (p Patient) signIn(ctx context.Context) []Finding {
	if p.SignIn == nil {
		return nil
	}
	text, err := p.SignIn(ctx)
	if err != nil {
		return []Finding{{Broken, "dashboard", err.Error(), "compare the client id with the App's settings page, which also makes a new client secret"}}
	}
	return []Finding{{Fine, "dashboard", text, ""}}
}
