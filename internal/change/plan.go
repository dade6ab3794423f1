package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/internal/report"
)

// Plan is an event turned into a question about the clone at hand.
type Plan struct {
	Question inspect.Question
	Why      string // one sentence for the log
	Range    string // what is judged, by ids; "" when the question says it
	Nothing  bool   // there is nothing to ask
	partial  string // what to write to have a clone with every object, if this is none
}

// NewPlan says what to judge for an event, and by whose policy: never by that of
// the change itself, as far as there is any other. Commits that the clone lacks
// are fetched; where that fails the error says what to write to have them. The
// question's own Path, and its Range if there is one, are kept.
func NewPlan(ctx context.Context, e Event, q inspect.Question, git Git) (Plan, error) {
	if e.Kind == Nothing && q.Range == "" {
		return Plan{Nothing: true, Why: e.Name + ": a branch or tag was deleted, there is nothing to judge"}, nil
	}
	if e.Local {
		git = nil
	}
	c, err := openClone(q.Path, git, e.Fix)
	if err != nil {
		return Plan{}, err
	}
	defer func() { c.close() }()
	if q.Branch == "" {
		q.Branch = e.Branch
	}
	p := &planner{clone: c, event: e, q: q}
	plan, err := p.plan(ctx)
	if c.repo.Promisor() && e.Fix != "" {
		plan.partial = e.Fix + ", without a filter"
	}
	return plan, err
}

func (p *planner) plan(ctx context.Context) (Plan, error) {
	if p.q.Range != "" {
		return p.asked()
	}
	switch p.event.Kind {
	case Proposal:
		return p.proposal(ctx)
	case Push:
		return p.push(ctx)
	case Tag:
		return p.sinceTarget(ctx, "a tag")
	}
	return p.everything(ctx, "the whole history")
}

// Ask asks the question of a plan.
func (p Plan) Ask(ctx context.Context, w inspect.World) (*report.Report, error) {
	r, err := inspect.Run(ctx, p.Question, w)
	if err != nil {
		return nil, err
	}
	if p.Range != "" {
		r.Result.Range.Text = p.Range
	}
	if p.partial != "" && !r.Result.Coverage.Complete() {
		r.Verdict.Err = fmt.Errorf("%w: this is a partial clone, without some objects: %s", r.Verdict.Err, p.partial)
	}
	return r, nil
}

type planner struct {
	*clone
	event Event
	q     inspect.Question
}

// asked takes the range that the workflow names.
func (p *planner) asked() (Plan, error) {
	p.q.What = inspect.Range
	return Plan{Question: p.q, Why: fmt.Sprintf("%s: the range %s, as the workflow asks", p.event.Name, p.q.Range)}, nil
}

// proposal judges what would come into the target, by the policy of the target's
// tip. A test merge is judged itself too, against what it was made on: the
// commit in the event may be older.
func (p *planner) proposal(ctx context.Context) (Plan, error) {
	head, err := p.bring(ctx, p.event.Head)
	if err != nil && p.event.Merged == "" {
		return Plan{}, p.needed(err)
	}
	parents := p.parents(head)
	if len(parents) == 2 && parents[1].String() == p.event.Merged {
		base, err := p.bring(ctx, parents[0].String())
		if err != nil {
			return Plan{}, p.needed(err)
		}
		if known, err := gitrepo.ParseID(p.event.Base); err == nil && p.has(known) {
			base = p.newer(base, known)
		}
		return p.between(ctx, base, head, "the test merge and the commits it brings into "+p.event.Target)
	}
	if p.event.Merged != "" {
		if head, err = p.bring(ctx, p.event.Merged); err != nil {
			return Plan{}, p.needed(err)
		}
	}
	base, err := p.target(ctx)
	if err != nil {
		return Plan{}, p.needed(err)
	}
	return p.between(ctx, base, head, "the commits that would come into "+p.event.Target)
}

// target is the tip of the branch that a proposal goes into.
func (p *planner) target(ctx context.Context) (gitrepo.ID, error) {
	if !IsZero(p.event.Base) {
		return p.bring(ctx, p.event.Base)
	}
	return p.branch(ctx, p.event.Target)
}

// push judges what came after the former tip, by the policy of that tip. When
// that is not known, or a force push threw it away, it counts what the default
// branch does not have.
func (p *planner) push(ctx context.Context) (Plan, error) {
	if IsZero(p.event.Base) {
		return p.sinceTarget(ctx, "a branch whose former tip is not known")
	}
	head, err := p.bring(ctx, p.event.Head)
	if err != nil {
		return Plan{}, p.needed(err)
	}
	base, err := p.bring(ctx, p.event.Base)
	if err != nil {
		return p.sinceTarget(ctx, fmt.Sprintf("the former tip %.10s is gone", p.event.Base))
	}
	return p.between(ctx, base, head, "what was pushed to "+p.event.Branch)
}

// sinceTarget judges what the default branch does not have, by its policy. The
// default branch itself is judged as a whole. Where it cannot be found, nothing
// but the change itself could say how to judge, unless there is no server at all.
func (p *planner) sinceTarget(ctx context.Context, why string) (Plan, error) {
	named := p.event.Target != ""
	if p.event.Kind == Push && named && p.event.Target == p.event.Branch {
		return p.everything(ctx, why+", and it is the default branch: the whole history")
	}
	base, err := p.defaultTip(ctx)
	if err != nil && !named && p.alone() {
		return p.everything(ctx, why+", and there is no server: the whole history")
	}
	if err != nil {
		return Plan{}, p.needed(err)
	}
	head, err := p.bring(ctx, p.event.Head)
	if err != nil {
		return Plan{}, p.needed(err)
	}
	if err := p.complete(ctx, base, head, p.event.Commits); err != nil {
		return Plan{}, err
	}
	if p.event.Kind == Push && !named && p.newer(head, base) == base {
		return p.everything(ctx, why+", and the default branch has all of it: the whole history")
	}
	return p.between(ctx, base, head, why+": what the default branch does not have")
}

// defaultTip is the tip of the default branch, of the one that the server calls
// so where the CI names none.
func (p *planner) defaultTip(ctx context.Context) (gitrepo.ID, error) {
	if p.event.Target != "" {
		return p.branch(ctx, p.event.Target)
	}
	const ref = "refs/remotes/origin/HEAD"
	if id, err := p.repo.Resolve(ref); err == nil {
		return id, nil
	}
	if err := p.fetch(ctx, p.depth(firstDepth), "--no-tags", "+HEAD:"+ref); err != nil {
		return gitrepo.ID{}, fmt.Errorf("the clone does not know the default branch (%w), and without its policy "+
			"the change would judge itself: git remote set-head origin --auto tells it, or say --range BASE..HEAD", err)
	}
	return p.repo.Resolve(ref)
}

// alone reports whether no CI runs and the repository has never heard of a
// server: then its own history is all there is to judge by.
func (p *planner) alone() bool {
	refs, err := p.repo.Refs()
	return p.event.Local && err == nil && !slices.ContainsFunc(refs, func(r gitrepo.Ref) bool {
		return strings.HasPrefix(r.Name, "refs/remotes/")
	})
}

// between asks about a range; its policy is that of the base.
func (p *planner) between(ctx context.Context, base, head gitrepo.ID, why string) (Plan, error) {
	if err := p.complete(ctx, base, head, p.event.Commits); err != nil {
		return Plan{}, err
	}
	text := base.String() + ".." + head.String()
	p.q.What, p.q.Range, p.q.Trust, p.q.MayBeEmpty = inspect.Range, text, base.String(), true
	if p.event.Kind == Tag { // its message is judged too, and a range is of commits only
		p.q.What, p.q.Tips, p.q.Known = inspect.Commits, []string{head.String()}, []string{base.String()}
	}
	return Plan{Question: p.q, Range: text, Why: fmt.Sprintf("%s: %s, by the policy of %.10s", p.event.Name, why, base)}, nil
}

// everything asks about all refs, by the policy of the default branch where the
// event tells it and is about another one. Else the policy is that of the commit
// that the event names, which a checkout of something else does not change, or of HEAD.
func (p *planner) everything(ctx context.Context, why string) (Plan, error) {
	p.q.What = inspect.History
	trust, err := gitrepo.ID{}, error(nil)
	switch {
	case p.event.Target != "" && p.event.Target != p.event.Branch:
		trust, err = p.branch(ctx, p.event.Target)
	case p.event.Head != "":
		trust, err = p.bring(ctx, p.event.Head)
	}
	if err != nil {
		return Plan{}, p.needed(err)
	}
	if !trust.IsZero() {
		p.q.Trust = trust.String()
		why += fmt.Sprintf(", by the policy of %.10s", trust)
	}
	return Plan{Question: p.q, Why: p.event.Name + ": " + why}, p.whole(ctx)
}

// needed adds the one line that helps to an error about a commit that is not here.
func (p *planner) needed(err error) error {
	if p.fix == "" || strings.Contains(err.Error(), p.fix) {
		return err
	}
	return fmt.Errorf("%w: %s", err, p.fix)
}
