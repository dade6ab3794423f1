package hub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-github/v89/github"
)

// About is what GitHub knows of the App.
type About struct {
	Slug, URL   string
	Permissions Permissions
	Events      []string
	Hook        string // where deliveries go
	HookJSON    bool   // as serve reads them
	HookTLS     bool   // GitHub verifies the certificate
}

// About asks GitHub for the App's own settings.
func (a *App) About(ctx context.Context) (About, error) {
	var out About
	var app struct { // go-github's type has the permissions field by field
		Slug        string      `json:"slug"`
		URL         string      `json:"html_url"`
		Permissions Permissions `json:"permissions"`
		Events      []string    `json:"events"`
	}
	if err := a.ask(ctx, "app", &app); err != nil {
		return out, fmt.Errorf("ask GitHub for the App: %w", err)
	}
	hook, _, err := a.client.Apps.GetHookConfig(ctx)
	if err != nil {
		return out, fmt.Errorf("ask GitHub for the webhook: %w", err)
	}
	slices.Sort(app.Events)
	return About{app.Slug, app.URL, app.Permissions, app.Events, hook.GetURL(), hook.GetContentType() == "json", hook.GetInsecureSSL() != "1"}, nil
}

// Placed is an installation of the App.
type Placed struct {
	ID          int64
	Account     string
	URL         string // its settings page
	Permissions Permissions
	Suspended   bool
	All         bool // every repository of the account
}

// Installations lists where the App is installed.
func (a *App) Installations(ctx context.Context) ([]Placed, error) {
	var all []Placed
	for page := 1; page != 0; {
		var list []struct {
			ID          int64                  `json:"id"`
			Account     struct{ Login string } `json:"account"`
			URL         string                 `json:"html_url"`
			Permissions Permissions            `json:"permissions"`
			Suspended   *github.Timestamp      `json:"suspended_at"`
			Selection   string                 `json:"repository_selection"`
		}
		resp, err := a.list(ctx, fmt.Sprintf("app/installations?per_page=100&page=%d", page), &list)
		if err != nil {
			return nil, fmt.Errorf("list installations: %w", err)
		}
		for _, i := range list {
			all = append(all, Placed{i.ID, i.Account.Login, i.URL, i.Permissions, i.Suspended != nil, i.Selection == "all"})
		}
		page = resp.NextPage
	}
	return all, nil
}

// Listed is a repository that an installation reaches.
type Listed struct {
	ID       int64
	Account  int64  // the number of its owner
	Name     string // OWNER/NAME
	Private  bool   // not to be seen by everybody
	Size     int64  // in bytes, as GitHub measured it last
	Archived bool
	Fork     bool
	Pushed   time.Time // when anybody pushed last; zero: nobody knows
}

// Repositories lists all that an installation reaches, archived ones and forks too.
func (a *App) Repositories(ctx context.Context, installation int64) ([]Listed, error) {
	s, err := a.anywhere(ctx, installation, Permissions{"metadata": "read"})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close(ctx) }() // it only reads, and ends within the hour
	var all []Listed
	seen := map[int64]bool{} // what is made meanwhile moves the pages
	for o := (&github.ListOptions{PerPage: 100}); ; {
		page, resp, err := s.GitHub.Apps.ListRepos(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("list the repositories of installation %d: %w", installation, err)
		}
		for _, r := range page.Repositories {
			if !seen[r.GetID()] {
				seen[r.GetID()] = true
				all = append(all, Listed{r.GetID(), r.GetOwner().GetID(), r.GetFullName(), r.GetPrivate(), int64(r.GetSize()) << 10, r.GetArchived(), r.GetFork(), r.GetPushedAt().Time})
			}
		}
		if o.Page = resp.NextPage; o.Page == 0 && len(all) < page.GetTotalCount() {
			return nil, fmt.Errorf("list the repositories of installation %d: GitHub listed %d of %d; they change, and are to be listed again", installation, len(all), page.GetTotalCount())
		}
		if o.Page == 0 {
			return all, nil
		}
	}
}

func (a *App) ask(ctx context.Context, path string, into any) error {
	_, err := a.list(ctx, path, into)
	return err
}

func (a *App) list(ctx context.Context, path string, into any) (*github.Response, error) {
	req, err := a.client.NewRequest(ctx, "GET", path, nil)
	if err != nil {
		return nil, err
	}
	return a.client.Do(req, into)
}

// Delivered is the newest try of GitHub to deliver anything.
type Delivered struct {
	At     time.Time
	Event  string
	Status int // 0: no answer
}

// LastDelivery is the newest try, false where there is none that GitHub still knows.
func (a *App) LastDelivery(ctx context.Context) (Delivered, bool, error) {
	list, _, err := a.client.Apps.ListHookDeliveries(ctx, &github.ListCursorOptions{PerPage: 1})
	if err != nil {
		return Delivered{}, false, fmt.Errorf("list deliveries: %w", err)
	}
	if len(list) == 0 {
		return Delivered{}, false, nil
	}
	return Delivered{list[0].GetDeliveredAt().Time, list[0].GetEvent(), list[0].GetStatusCode()}, true, nil
}

// Skew is how far this machine's clock is ahead of GitHub's, as far as its answers tell.
func (a *App) Skew() time.Duration { return time.Duration(a.skew.ahead.Load()) }

// Time is GitHub's, as the Date of its last answer tells; where none told yet it is asked.
func (a *App) Time(ctx context.Context) (time.Time, error) {
	if !a.skew.known.Load() {
		var any struct{}
		if err := a.ask(ctx, "app", &any); err != nil {
			return time.Time{}, fmt.Errorf("ask GitHub for the time: %w", err)
		}
	}
	return a.now().Add(-a.skew.get()), nil
}

// Rates asks what an installation has left of its hourly limit. That counts nothing. The
// zero Budget is no limit, as on a server of one's own.
func (a *App) Rates(ctx context.Context, installation int64) (Budget, error) {
	s, err := a.anywhere(ctx, installation, Permissions{"metadata": "read"})
	if err != nil {
		return Budget{}, err
	}
	defer func() { _ = s.Close(ctx) }() // it only reads, and ends within the hour
	limits, resp, err := s.GitHub.RateLimit.Get(ctx)
	if resp != nil && resp.StatusCode == 404 { // a server whose limits are off
		return Budget{}, nil
	}
	if err != nil {
		return Budget{}, fmt.Errorf("ask for the limits of installation %d: %w", installation, err)
	}
	core := limits.GetCore()
	return Budget{core.Limit, core.Remaining, core.Reset.Time}, nil
}

// Standing is how an installation stands.
type Standing int

// The standings.
const (
	Installed Standing = iota + 1
	Suspended
	Gone
)

// Stands is how an installation stands, and of whom it is.
type Stands struct {
	Standing
	Account string    // "" of one that is gone
	Since   time.Time // it is suspended, in GitHub's time
}

// Installed asks how an installation stands now.
func (a *App) Installed(ctx context.Context, id int64) (Stands, error) {
	var i struct {
		Account   struct{ Login string } `json:"account"`
		Suspended *github.Timestamp      `json:"suspended_at"`
	}
	resp, err := a.list(ctx, fmt.Sprintf("app/installations/%d", id), &i)
	switch {
	case resp != nil && resp.StatusCode == 404:
		return Stands{Standing: Gone}, nil
	case err != nil:
		return Stands{}, fmt.Errorf("ask for installation %d: %w", id, err)
	case i.Suspended != nil:
		return Stands{Suspended, i.Account.Login, i.Suspended.Time}, nil
	}
	return Stands{Standing: Installed, Account: i.Account.Login}, nil
}
