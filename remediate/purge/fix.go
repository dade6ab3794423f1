package purge

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// fix writes the commit of a proposal and what it needs that the remote lacks.
type fix struct {
	manifest *Manifest
	before   *gitrepo.Repo   // what the remote has
	after    *gitrepo.Reader // that, and what the rewriter made
	base     gitrepo.ID      // the tip of the default branch
	clean    gitrepo.ID      // what it becomes
	dropped  []string        // paths that left history
	several  bool            // more than one value is replaced
	plain    bool            // placeholders stay, and nothing is removed

	mended  Mended
	encoder *gitrepo.PackEncoder
}

// write gives the file of a pack, and the commit in it. The same manifest on the
// same base gives the same commit.
func (f *fix) write(path string) (pack string, commit gitrepo.ID, err error) {
	w, err := f.before.NewPack()
	if err != nil {
		return "", commit, err
	}
	defer w.Abort()
	f.encoder = w.Encoder()
	tip, err := f.after.Commit(f.clean)
	if err != nil {
		return "", commit, err
	}
	if err := f.carry(tip.Tree); err != nil {
		return "", commit, err
	}
	text, err := f.manifest.text()
	if err != nil {
		return "", commit, err
	}
	blob, err := f.encoder.Add(gitrepo.TypeBlob, text, nil)
	if err != nil {
		return "", commit, err
	}
	edits := []edit{{strings.Split(path, "/"), 0o100644, blob.ID}}
	if !f.plain {
		m, err := f.mend(tip.Tree, f.dropped)
		if err != nil {
			return "", commit, err
		}
		edits, f.mended = append(edits, m.edits...), m.done
	}
	tree, err := f.with(tip.Tree, edits)
	if err != nil {
		return "", commit, err
	}
	added, err := f.encoder.Add(gitrepo.TypeCommit, f.commit(tree), nil)
	if err != nil {
		return "", commit, err
	}
	pack, err = w.Finish()
	return pack, added.ID, err
}

func (f *fix) commit(tree gitrepo.ID) []byte {
	const who = "leakgate <leakgate@localhost>"
	at := fmt.Sprintf("%d +0000", f.manifest.Made.Unix())
	return fmt.Appendf(nil, "tree %s\nparent %s\nauthor %s %s\ncommitter %s %s\n\nTake leaked values out, and propose to rewrite history\n\n"+
		"%d commits hold or follow them. The manifest says what would change; nothing is\nrewritten by merging this.\n%s", tree, f.base, who, at, who, at, f.manifest.Commits, f.mended.text())
}

// text tells people what they have to do before they merge.
func (m Mended) text() string {
	var out strings.Builder
	for _, s := range m.Sections() {
		fmt.Fprintf(&out, "\n%s:\n", s.What)
		for _, name := range s.Names {
			fmt.Fprintf(&out, "- %s\n", strconv.QuoteToGraphic(name)[1:len(strconv.QuoteToGraphic(name))-1])
		}
	}
	return out.String()
}

// carry adds a tree and what is below it, as far as the remote lacks it.
func (f *fix) carry(tree gitrepo.ID) error {
	if f.before.Has(tree) {
		return nil
	}
	entries, err := f.after.Tree(tree)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		switch {
		case entry.Mode == gitrepo.ModeSubmodule || f.before.Has(entry.ID):
		case entry.Mode == gitrepo.ModeTree:
			err = f.carry(entry.ID)
		default:
			err = f.copy(entry.ID)
		}
		if err != nil {
			return err
		}
	}
	return f.copy(tree)
}

func (f *fix) copy(id gitrepo.ID) error {
	o, err := f.after.Object(id)
	if err != nil {
		return err
	}
	_, err = f.encoder.Add(o.Type, o.Data, nil)
	return err
}

// encodeTree sorts entries as git does, a folder as if its name ended with a
// slash, see https://git-scm.com/docs/gitdatamodel.
func encodeTree(entries []gitrepo.Entry) []byte {
	slices.SortStableFunc(entries, func(a, b gitrepo.Entry) int { return strings.Compare(sortName(a), sortName(b)) })
	var out bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&out, "%o %s\x00", e.Mode, e.Name)
		out.Write(e.ID.Bytes())
	}
	return out.Bytes()
}

func sortName(e gitrepo.Entry) string {
	if e.Mode == gitrepo.ModeTree {
		return e.Name + "/"
	}
	return e.Name
}
