package purge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Folder is where a repository keeps the manifests of its rewrites.
const Folder = ".leakgate/rewrites"

// Bans are objects that rewrites took out and nobody may bring back.
type Bans struct {
	commits, blobs map[gitrepo.ID]bool
	tips           map[gitrepo.ID]bool   // what refs were that moved, tags among them
	manifests      map[string]gitrepo.ID // that were read, by their names in Folder
}

// Return is an object that is on its way back.
type Return struct {
	Commit string `json:"commit"` // that brings it
	Path   string `json:"path"`   // "" when it is the commit itself
	Lifts  bool   `json:"lifts"`  // it takes the manifest at Path away, and with it what that bans
}

func (r Return) String() string {
	if r.Lifts {
		return fmt.Sprintf("commit %s removes or changes %s, which says what may not come back", r.Commit, r.Path)
	}
	if r.Path == tagAsItWas {
		return fmt.Sprintf("tag %s is of the history that was rewritten", r.Commit)
	}
	if r.Path == "" {
		return fmt.Sprintf("commit %s is of the history that was rewritten", r.Commit)
	}
	return fmt.Sprintf("commit %s brings back %s as it was before the rewrite", r.Commit, r.Path)
}

// NewBans is without any.
func NewBans() *Bans {
	return &Bans{commits: map[gitrepo.ID]bool{}, blobs: map[gitrepo.ID]bool{}, tips: map[gitrepo.ID]bool{}, manifests: map[string]gitrepo.ID{}}
}

// Read adds the manifests that a commit holds in Folder. One that does not
// parse is an error: what it bans cannot be told.
func (b *Bans) Read(rd *gitrepo.Reader, commit gitrepo.ID) error {
	c, err := rd.Commit(commit)
	if err != nil {
		return fmt.Errorf("read what was rewritten: %w", err)
	}
	there, err := manifestsOf(rd, c.Tree)
	for name, id := range there {
		if err := b.read(rd, id); err != nil {
			return fmt.Errorf("%s/%s: %w", Folder, name, err)
		}
		b.manifests[name] = id
	}
	return err
}

// manifestsOf are the manifests in a tree, by their names in Folder.
func manifestsOf(rd *gitrepo.Reader, tree gitrepo.ID) (map[string]gitrepo.ID, error) {
	folder, err := rd.Lookup(tree, Folder)
	if errors.Is(err, gitrepo.ErrNoPath) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was rewritten: %w", err)
	}
	entries, err := rd.Tree(folder.ID)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", Folder, err)
	}
	found := map[string]gitrepo.ID{}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name, ".json") {
			found[entry.Name] = entry.ID
		}
	}
	return found, nil
}

func (b *Bans) read(rd *gitrepo.Reader, id gitrepo.ID) error {
	blob, err := rd.Object(id)
	if err != nil {
		return err
	}
	m, err := parse(blob.Data)
	if err != nil {
		return err
	}
	return b.Add(m)
}

// Add bans what a rewrite took out.
func (b *Bans) Add(m *Manifest) error {
	for list, into := range map[*[]string]map[gitrepo.ID]bool{&m.First: b.commits, &m.Blobs: b.blobs} {
		for _, text := range *list {
			id, err := gitrepo.ParseID(text)
			if err != nil {
				return err
			}
			into[id] = true
		}
	}
	for _, c := range slices.Concat(m.Changes, m.Remaining) {
		id, err := idOrNone(c.Old)
		if err != nil {
			return err
		}
		b.tips[id] = true
	}
	return nil
}

// Lift lets a manifest that was read be removed or changed. What it bans stays
// banned until it is gone from where the manifests are read.
func (b *Bans) Lift(name string) error {
	name = strings.TrimPrefix(name, Folder+"/")
	if _, ok := b.manifests[name]; !ok {
		return fmt.Errorf("there is no manifest %s/%s", Folder, name)
	}
	delete(b.manifests, name)
	return nil
}

// Empty reports whether nothing is banned.
func (b *Bans) Empty() bool { return len(b.commits)+len(b.blobs)+len(b.tips) == 0 }

// Check looks at every commit that tips reach and hidden does not. An error
// means that not all could be looked at. Refs that servers keep for themselves
// must not be among hidden: they hold what was rewritten.
func (b *Bans) Check(ctx context.Context, repo *gitrepo.Repo, tips, hidden []gitrepo.ID) ([]Return, error) {
	if b.Empty() {
		return nil, nil
	}
	rd := repo.NewReader(32 << 20)
	var found []Return
	report, err := repo.Walk(ctx, tips, hidden, func(c *gitrepo.Commit) error {
		if b.commits[c.ID] {
			found = append(found, Return{Commit: c.ID.String()})
			return nil
		}
		files, err := b.files(rd, c)
		if err != nil {
			return err
		}
		lifted, err := b.lifted(rd, c)
		found = append(append(found, files...), lifted...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for what was rewritten: %w", err)
	}
	for _, t := range report.Targets {
		files, err := b.tagged(rd, t)
		if err != nil {
			return nil, fmt.Errorf("look for what was rewritten: %w", err)
		}
		found = append(found, files...)
	}
	for _, tip := range tips {
		tags, err := b.tags(rd, tip, hidden)
		if err != nil {
			return nil, fmt.Errorf("look for what was rewritten: %w", err)
		}
		found = append(found, tags...)
	}
	for _, missing := range report.Missing { // the history beyond could be the old one
		return nil, fmt.Errorf("look for what was rewritten: commit %s: %w", missing.ID, missing.Reason)
	}
	return found, nil
}

// files are those of a commit that are banned and that its first parent lacks.
func (b *Bans) files(rd *gitrepo.Reader, c *gitrepo.Commit) (found []Return, err error) {
	if len(b.blobs) == 0 {
		return nil, nil
	}
	var before gitrepo.ID
	if len(c.Parents) > 0 {
		parent, err := rd.Commit(c.Parents[0])
		if err != nil {
			return nil, err
		}
		before = parent.Tree
	}
	err = rd.DiffTrees(before, c.Tree, func(change gitrepo.Change) error {
		if b.blobs[change.New.ID] {
			found = append(found, Return{Commit: c.ID.String(), Path: change.Path})
		}
		return nil
	})
	return found, err
}

// tags is the banned one among an annotated tag and those that it names: its message may
// hold a value though no commit behind it changed.
func (b *Bans) tags(rd *gitrepo.Reader, tip gitrepo.ID, hidden []gitrepo.ID) ([]Return, error) {
	for id, depth := tip, 0; depth < maxTags && !slices.Contains(hidden, id); depth++ {
		o, err := rd.Object(id)
		if err != nil || o.Type != gitrepo.TypeTag {
			return nil, err
		}
		if b.tips[id] {
			return []Return{{Commit: id.String(), Path: tagAsItWas}}, nil
		}
		tag, err := gitrepo.ParseTag(id, o.Data)
		if err != nil {
			return nil, err
		}
		id = tag.Target
	}
	return nil, nil
}

// tagAsItWas stands for the path where the tag itself is banned.
const tagAsItWas = "(a tag as it was)"

// maxTags is how many tags may name each other in a row: further ones are refused elsewhere.
const maxTags = 64

// tagged are the banned files that a tip brings without a commit.
func (b *Bans) tagged(rd *gitrepo.Reader, t gitrepo.TagTarget) (found []Return, err error) {
	if t.Type != gitrepo.TypeTree {
		if b.blobs[t.Target] {
			found = append(found, Return{Commit: t.Tip.String(), Path: "(a tag of the file itself)"})
		}
		return found, nil
	}
	err = rd.DiffTrees(gitrepo.ID{}, t.Target, func(change gitrepo.Change) error {
		if b.blobs[change.New.ID] {
			found = append(found, Return{Commit: t.Tip.String(), Path: change.Path})
		}
		return nil
	})
	return found, err
}

// lifted are the manifests that a parent of a commit has and the commit has not:
// once it is on the base nobody would be held back any more.
func (b *Bans) lifted(rd *gitrepo.Reader, c *gitrepo.Commit) (found []Return, err error) {
	if len(b.manifests) == 0 {
		return nil, nil
	}
	now, err := manifestsOf(rd, c.Tree)
	if err != nil {
		return nil, err
	}
	for _, id := range c.Parents {
		parent, err := rd.Commit(id)
		if err != nil {
			return nil, err
		}
		before, err := manifestsOf(rd, parent.Tree)
		if err != nil {
			return nil, err
		}
		for name, id := range b.manifests {
			if before[name] == id && now[name] != id {
				found = append(found, Return{Commit: c.ID.String(), Path: Folder + "/" + name, Lifts: true})
			}
		}
	}
	return found, nil
}
