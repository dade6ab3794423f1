package scanner

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"regexp"
	"slices"

	"github.com/leakgate/leakgate/internal/gitrepo"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/unpack"
)

// searchMessages searches the messages of commits and who made them, for one worker.
func (r *run) searchMessages(work <-chan *gitrepo.Commit) error {
	sc := r.s.takeScratch()
	defer func() { r.s.giveBack(sc) }()
	for c := range work {
		err := guarded(func() error { return r.searchCommit(sc, c) })
		if errors.Is(err, errFailed) {
			r.coverage.miss(Skip{Commit: c.ID.String(), Reason: reason(err)})
			sc, err = newScratch(), nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) searchCommit(sc *scratch, c *gitrepo.Commit) error {
	author := Commit{ID: c.ID.String(), Author: c.Author.Name, Email: c.Author.Email, Date: c.Author.When}
	if err := r.searchMessage(sc, author, c.ID, len(c.Raw)-len(c.Message), c.Message); err != nil {
		return err
	}
	from, text := furtherHeaders(c.Raw[:len(c.Raw)-len(c.Message)])
	if err := r.searchMessage(sc, author, c.ID, from, text); err != nil {
		return err
	}
	return r.searchPeople(sc, author, c.ID, c.Raw, c.Author, c.Committer)
}

// furtherHeaders are those behind the committer: signatures, the tags of merged
// branches with their messages, and what other tools keep there.
func furtherHeaders(head []byte) (from int, text string) {
	i := bytes.Index(head, []byte("\ncommitter "))
	if i < 0 {
		return 0, ""
	}
	end := bytes.IndexByte(head[i+1:], '\n')
	if end < 0 {
		return 0, ""
	}
	from = i + 1 + end + 1
	return from, string(bytes.TrimRight(head[from:], "\n"))
}

// searchMessage searches a text of a commit or tag object, which begins at an
// offset of the object.
func (r *run) searchMessage(sc *scratch, by Commit, id gitrepo.ID, from int, message string) error {
	if message == "" {
		return nil
	}
	found, err := r.s.sightView(r.ctx, sc, unpack.View{Text: []byte(message)}, []byte(message), elsewhere(""))
	sc.skips = nil // a message is no manifest
	if err != nil || len(found) == 0 {
		return err
	}
	r.tells(id)
	ordinals, signatures := map[[sha256.Size]byte]int{}, signature.FindAllStringIndex(message, -1)
	var out []Finding
	for _, f := range withoutGeneric(accept(r.s.detector, found, r.at(""), by.ID)) {
		if f.Rule == nil {
			continue
		}
		f.kind, f.lineHash = InMessage, ""
		if f.Confidence > rules.Possible && within(signatures, f.place.Span) {
			f.Confidence, f.Context = rules.Possible, "in the base64 of a signature"
		}
		f.place.Span[0], f.place.Span[1] = f.place.Span[0]+from, f.place.Span[1]+from
		finding := newFinding(FromCommit, "", id.String(), f, ordinals)
		finding.Commit = by
		out = append(out, finding)
	}
	r.found(out)
	return nil
}

// signature is the armour of a signed commit or tag, where base64 spells the
// beginning of many a token by chance.
var signature = regexp.MustCompile(`(?s)-----BEGIN (?:PGP|SSH) SIGNATURE-----.*?-----END (?:PGP|SSH) SIGNATURE-----`)

// within reports whether one of the places holds a span.
func within(places [][]int, span [2]int) bool {
	return slices.ContainsFunc(places, func(p []int) bool { return p[0] <= span[0] && span[1] <= p[1] })
}

// names searches annotated tags: those that the scan starts from, which need no
// ref yet, and those of every ref. The names of the refs are searched too.
func (r *run) names() error {
	rd, sc := r.repo.NewReader(readerCache), r.s.takeScratch()
	defer r.s.giveBack(sc)
	seen := map[gitrepo.ID]bool{}
	for _, tip := range r.req.Tips {
		if err := r.searchTag(rd, sc, tip, seen); err != nil {
			return err
		}
	}
	if !r.req.Names {
		return nil
	}
	refs, err := r.repo.Refs()
	if err != nil {
		r.coverage.miss(Skip{Reason: "refs cannot be read: " + reason(err)})
	}
	for _, ref := range refs {
		if err := r.searchTag(rd, sc, ref.ID, seen); err != nil {
			return err
		}
		if err := r.searchRef(sc, ref); err != nil {
			return err
		}
	}
	return nil
}

// searchRef searches the name of a branch, tag or other ref. Rules that look at
// names alone mean files.
func (r *run) searchRef(sc *scratch, ref gitrepo.Ref) error {
	named, err := r.named(sc, ref.Name)
	if err != nil || len(named) == 0 {
		return err
	}
	found := r.s.pathFindings(FromCommit, ref.Name, "", ref.ID.String(), r.at(""), named)
	for i := range found {
		found[i].Commit = Commit{ID: ref.ID.String()}
	}
	r.found(found)
	return nil
}

// searchTag searches the message of a tag, and of the tags that it points to.
func (r *run) searchTag(rd *gitrepo.Reader, sc *scratch, id gitrepo.ID, seen map[gitrepo.ID]bool) error {
	for !id.IsZero() && !seen[id] {
		seen[id] = true
		kind, _, err := rd.Header(id)
		if err != nil || kind != gitrepo.TypeTag {
			return nil // a commit that cannot be read was reported by the walk
		}
		o, err := rd.Object(id)
		if err != nil {
			r.coverage.miss(Skip{Reason: "tag cannot be read: " + reason(err)})
			return nil
		}
		tag, err := gitrepo.ParseTag(id, o.Data)
		if err != nil {
			r.coverage.miss(Skip{Reason: "tag cannot be read: " + reason(err)})
			return nil
		}
		by := Commit{ID: tag.Target.String(), Author: tag.Tagger.Name, Email: tag.Tagger.Email, Date: tag.Tagger.When}
		if err := r.searchMessage(sc, by, id, len(o.Data)-len(tag.Message), tag.Message); err != nil {
			return err
		}
		if err := r.searchPeople(sc, by, id, o.Data, tag.Tagger); err != nil {
			return err
		}
		id = tag.Target
	}
	return nil
}

// target takes up a tree or blob that a ref or tag names directly.
func (r *run) target(t gitrepo.TagTarget) {
	c := &commit{id: t.Tip, named: true}
	n := int32(len(r.commits))
	rd := r.repo.NewReader(readerCache)
	var found []fileChange
	switch t.Type {
	case gitrepo.TypeTree:
		c.tree = t.Target
		r.compareWith(rd, c, gitrepo.ID{}, func(ch gitrepo.Change) { found = append(found, newFileChange(n, ch)) })
	case gitrepo.TypeBlob:
		found = []fileChange{{commit: n, path: t.Target.String(), blob: t.Target, olds: []gitrepo.ID{{}}}}
	default:
		r.coverage.miss(Skip{Commit: t.Tip.String(), Reason: "a tag points to an object of unknown type"})
	}
	if len(found) > 0 {
		r.commits = append(r.commits, *c)
		r.record(found)
	}
}
