package work

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-github/v89/github"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/internal/report"
	"github.com/leakgate/leakgate/internal/store"
)

// externalID is by which the check run of an attempt is found again.
func externalID(tip store.Tip) string {
	return fmt.Sprintf("leakgate:%d:%s:%d", tip.Repository, tip.SHA, tip.Attempt)
}

// locks is how many check runs can be written at once.
const locks = 64

// report makes the check run of a head say what the questions about it came to. One job
// at a time does so for a head, and each reads what is to be said when it has the lock:
// the last one to change anything put a job in, which is among those that come.
func (e *Engine) report(ctx context.Context, id int64, attempt int) (err error) {
	lock := fmt.Sprintf("check %d", id%locks)
	release, err := e.Store.Exclusive(ctx, lock)
	if err != nil {
		return err
	}
	defer release()
	tip, said, err := e.saying(ctx, id)
	if err != nil {
		return err
	}
	digest := said.digest()
	if tip.Reported == digest {
		return nil
	}
	ctx, end := e.telling(ctx, tip, said, attempt)
	defer func() { end(err) }()
	if said.silent {
		return e.Store.Tx(ctx, func(t *store.Tx) error {
			claim, err := t.Claim(ctx, tip)
			if err != nil {
				return err
			}
			tip.Reported = digest
			return t.Settle(ctx, tip, claim)
		})
	}
	s, err := e.Hub.Open(ctx, tip.Installation, tip.Repository, said.needs())
	if err != nil {
		return err
	}
	defer e.close(ctx, s)
	return hopeless(e.write(ctx, s, tip, said, digest), attempt)
}

// Nobody can ask GitHub to make a check run once, and a request whose sender is gone may
// take effect later. So the intent is kept before it: for writeFor somebody writes, then
// GitHub may work on the last request for some time (it ends those that take longer than
// 10 s), and clocks may differ a little. A claim that is older than doubtFor has come to
// whatever it came to.
// https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
const (
	writeFor = 15 * time.Second
	doubtFor = writeFor + 20*time.Second
)

// write claims the check run of a head and writes it. While an earlier claim is in doubt,
// no run is made, and what was written is looked at once more after that.
func (e *Engine) write(ctx context.Context, s *hub.Session, tip store.Tip, said saying, digest string) error {
	writing, cancel := context.WithTimeout(ctx, e.WriteFor)
	defer cancel()
	claim := 0
	err := e.Store.Tx(writing, func(t *store.Tx) (err error) { claim, err = t.Claim(writing, tip); return err })
	if err != nil {
		return err
	}
	end := tip.Claimed.Add(e.DoubtFor)
	doubt := !tip.Claimed.IsZero() && e.World.Now().Before(end)
	if !doubt {
		tip.Claimed = time.Time{}
	}
	said.run.ID, said.run.NoCreate = tip.Check, doubt
	check, err := s.PutCheck(writing, said.run, said.check)
	if err == nil {
		if tip.Check == 0 {
			e.reached(CheckMade, said.origins, slices.MinFunc)
		}
		tip.Check = check
		err = e.comment(writing, s, tip, said.comments)
	}
	if uncertain(err) {
		return err // the claim stays
	}
	tip.Reported = ""
	if err == nil && !doubt {
		tip.Reported = digest
	}
	settled := e.Store.Tx(ctx, func(t *store.Tx) error {
		if err := t.Settle(ctx, tip, claim); err != nil || !doubt {
			return err
		}
		return e.tellAt(ctx, t, tip.ID, end)
	})
	if errors.Is(err, hub.ErrNoRun) && settled == nil {
		e.Log.Info("a check run may be in the making", "tip", tip.ID, "sha", tip.SHA)
		return nil
	}
	if tip.Reported != "" && settled == nil && len(said.done) > 0 {
		e.reached(VerdictTold, said.done, slices.MaxFunc)
	}
	return errors.Join(err, settled)
}

// reached tells how long after one of some deliveries a milestone was reached: a check run
// is made for the first of a head, and completed for the last. What no delivery told of
// has nothing to be measured from.
func (e *Engine) reached(m Milestone, all []origin, which func([]origin, func(a, b origin) int) origin) {
	all = slices.DeleteFunc(slices.Clone(all), func(o origin) bool { return o.Since == 0 })
	if len(all) > 0 {
		e.Took(m, which(all, earlier).age(e.World.Now()))
	}
}

// uncertain reports whether a write that failed may have taken effect, or may yet: all
// but what GitHub, or our own care for its limits, refused.
func uncertain(err error) bool {
	if later, is := hub.AsLater(err); is {
		return later.Outage
	}
	refused, is := errors.AsType[*github.ErrorResponse](err)
	return err != nil && !errors.Is(err, hub.ErrNoRun) && !errors.Is(err, store.ErrBusy) && (!is || refused.Response.StatusCode >= http.StatusInternalServerError)
}

// hopeless gives up what GitHub refuses again and again: a commit that it has not, or has
// not any more.
func hopeless(err error, attempt int) error {
	refused, is := errors.AsType[*github.ErrorResponse](err)
	if is && attempt >= 5 && slices.Contains([]int{http.StatusNotFound, http.StatusUnprocessableEntity}, refused.Response.StatusCode) {
		return fmt.Errorf("%w: %w", errGiveUp, err)
	}
	return err
}

// saying is what a check run is to say.
type saying struct {
	run      hub.Run
	check    report.Check
	comments []verdict // those that have one
	silent   bool      // every question is only observed: nobody is told

	origins []origin // of all questions that people are told of
	done    []origin // of those that were answered, when the run is completed
}

func (s saying) digest() string {
	text, err := json.Marshal(struct {
		Run      hub.Run
		Check    report.Check
		Comments []verdict
	}{s.run, s.check, s.comments})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (e *Engine) saying(ctx context.Context, id int64) (tip store.Tip, said saying, err error) {
	var all []store.Question
	err = e.Store.Tx(ctx, func(t *store.Tx) error {
		if tip, err = t.TipByID(ctx, id); err == nil {
			all, err = t.Questions(ctx, id)
		}
		return err
	})
	if err != nil {
		return tip, said, err
	}
	said, err = say(tip, all)
	return tip, said, err
}

// say sums the questions about a head up: the run is completed when none waits, and its
// conclusion is the worst.
func say(tip store.Tip, all []store.Question) (saying, error) {
	said := saying{run: hub.Run{ExternalID: externalID(tip), SHA: tip.SHA, Status: hub.Completed}}
	var done []verdict
	waits, began, left := false, false, false
	said.silent = true // where nobody asks, too
	for _, q := range all {
		var body question
		if err := json.Unmarshal([]byte(q.Body), &body); err != nil {
			return said, fmt.Errorf("body of question %d: %w", q.ID, err)
		}
		if body.Stage == gate.Observe {
			continue
		}
		said.silent = false
		said.origins = append(said.origins, body.origin)
		left = left || body.Left
		switch q.State {
		case store.Done:
			var v verdict
			if err := json.Unmarshal([]byte(q.Verdict), &v); err != nil {
				return said, fmt.Errorf("verdict of question %d: %w", q.ID, err)
			}
			done, began = append(done, v), true
			said.done = append(said.done, body.origin)
			if v.Comment != "" {
				said.comments = append(said.comments, v)
			}
		case store.Running:
			waits, began = true, true
		case store.Waiting:
			waits = true
		}
	}
	if waits {
		said.done = nil
	}
	switch {
	case waits && !began:
		said.run.Status, said.check = hub.Queued, report.Check{Title: "Waiting to be scanned", Summary: "The scan of these commits is queued."}
	case waits:
		said.run.Status, said.check = hub.InProgress, report.Check{Title: "Scanning", Summary: "These commits are being scanned."}
	case len(done) == 0 && left:
		said.run.Conclusion, said.check = cancelled, report.Check{Title: "Not scanned", Summary: "The repository went to another account before these commits were scanned, and that account does not ask for it."}
	case len(done) == 0:
		said.run.Conclusion, said.check = cancelled, report.Check{Title: "Replaced by a newer head", Summary: "A newer head of the pull request is scanned instead of this one."}
	default:
		said.run.Conclusion, said.check = sum(done)
	}
	return said, nil
}

// cancelled is the conclusion of a head that nobody waits for.
const cancelled = "cancelled"

// severity orders conclusions, the worst first.
var severity = []string{report.Failure, report.ActionRequired, report.Neutral, report.Success}

// sum takes the worst of several verdicts and adds the texts of the others. Annotations
// stand in the order of the answers: GitHub only ever adds to them.
func sum(all []verdict) (string, report.Check) {
	worst := slices.Clone(all)
	slices.SortStableFunc(worst, func(a, b verdict) int {
		return slices.Index(severity, a.Conclusion) - slices.Index(severity, b.Conclusion)
	})
	out := worst[0].Check
	out.Annotations = nil
	for _, v := range worst[1:] {
		out.Summary = joined(out.Summary, "## "+v.Check.Title+"\n\n"+v.Check.Summary)
		out.Text = joined(out.Text, v.Check.Text)
	}
	type place struct {
		path, title, message string
		line                 int
	}
	seen := map[place]bool{}
	for _, v := range all {
		for _, a := range v.Check.Annotations {
			at := place{a.Path, a.Title, a.Message, a.StartLine}
			if !seen[at] {
				seen[at] = true
				out.Annotations = append(out.Annotations, a)
			}
		}
	}
	return worst[0].Conclusion, out
}

// maxText is what GitHub takes of a summary and of a text, with room to spare, in bytes.
const maxText = 65_000

// joined adds a text where there is room for all of it.
func joined(text, more string) string {
	if more == "" || len(text)+len(more)+2 > maxText {
		return text
	}
	return strings.TrimRight(text, "\n") + "\n\n" + more
}

// clip cuts a text to so many bytes, between characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// fence keeps a text from ending the block of code that it stands in.
func fence(text string) string { return strings.ReplaceAll(text, "```", "'''") }
