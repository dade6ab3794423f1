package purge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// Manifest is a rewrite as it is proposed, approved, and held against what the
// remote holds when it is applied. It names objects, and no value.
type Manifest struct {
	Version   int       `json:"version"`
	Remote    string    `json:"remote"`
	Requester string    `json:"requester"`
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	// Spec stands for what is replaced by what, under the installation's key.
	Spec string `json:"spec"`
	// Credentials whose values leave history; they must be dead.
	Credentials []string `json:"credentials"`
	// Override says why it may be done although a credential is not known to be dead.
	Override string `json:"override,omitempty"`
	// Refs are all that were there; Changes those that move.
	Refs    int      `json:"refs"`
	Changes []Change `json:"changes"`
	// Remaining are refs that hold a value and that nobody but the server can move.
	Remaining []Change `json:"remaining"`
	// First are the commits that change although no parent of theirs does, Blobs
	// the files that held a value: nobody may bring them back.
	First      []string `json:"first_changed_commits"`
	Blobs      []string `json:"tainted_blobs"`
	Commits    int      `json:"commits"`
	Signatures []string `json:"signatures_lost"`
	CommitMap  string   `json:"commit_map"`
	// Archives are files in which a member holds a value, Unread those that cannot be
	// looked into; both stay as they are.
	Archives []string `json:"archives,omitempty"`
	Unread   []string `json:"unread_archives,omitempty"`
	// LFS are objects of Git LFS that nothing stands for any more.
	LFS []string `json:"lfs_orphaned,omitempty"`
}

const manifestVersion = 1

// errOtherSpec says that what was given is not what the plan was made with.
var errOtherSpec = errors.New("the plan replaces something else: give what it was made with")

// lifetime is how long a plan may be applied.
const lifetime = 72 * time.Hour

// Digest is what an approval is bound to.
func (m *Manifest) Digest() (string, error) {
	text, err := m.text()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// SHA256 reports whether the ids of the remote are of SHA-256.
func (m *Manifest) SHA256() bool {
	return slices.ContainsFunc(slices.Concat(m.Changes, m.Remaining), func(c Change) bool { return len(c.Old) == 2*sha256.Size })
}

func (m *Manifest) text() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return append(text, '\n'), nil
}

// Save writes the manifest into a file. It holds no value.
func (m *Manifest) Save(path string) error {
	text, err := m.text()
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644) //nolint:gosec // it is to be committed and read
}

// Load reads a manifest from a file.
func Load(path string) (*Manifest, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// parse reads a manifest; an unknown key is an error, for it could change what it means.
func parse(text []byte) (*Manifest, error) {
	var m Manifest
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("the manifest does not parse: %w", err)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("the manifest has version %d, this program reads %d", m.Version, manifestVersion)
	}
	return &m, nil
}

// fill takes over what a rewriter made.
func (m *Manifest) fill(r *Rewritten) {
	m.Spec, m.Changes, m.Remaining = r.Spec, []Change{}, []Change{}
	for _, c := range r.Changes {
		if isHidden(c.Name) {
			m.Remaining = append(m.Remaining, c)
		} else {
			m.Changes = append(m.Changes, c)
		}
	}
	byName := func(a, b Change) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(m.Changes, byName)
	slices.SortFunc(m.Remaining, byName)
	m.First, m.Blobs, m.Signatures = hexes(r.First), hexes(r.Blobs), hexes(r.Signatures)
	m.Commits, m.CommitMap = r.Commits, r.Map
	m.LFS = r.LFS
	m.Archives, m.Unread = hexes(r.Archives), hexes(r.Unread)
}

// hexes are ids in their order, each once.
func hexes(ids []gitrepo.ID) []string {
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		out = append(out, id.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// covers reports whether what a rewriter makes of the remote as it is now is
// what was approved: the same taint, at most moved on by commits that add none. Refs that are done
// already hold none any more.
func (m *Manifest) covers(r *Rewritten, done ...string) error {
	var now Manifest
	now.fill(r)
	if now.Spec != m.Spec {
		return errOtherSpec
	}
	foreign := func(id string) bool { return !slices.Contains(m.First, id) }
	if !slices.Equal(now.First, m.First) && (len(done) == 0 || slices.ContainsFunc(now.First, foreign)) {
		return fmt.Errorf("%w: values came in by other commits", ErrChanged)
	}
	for _, blob := range now.Blobs {
		if _, ok := slices.BinarySearch(m.Blobs, blob); !ok {
			return fmt.Errorf("%w: a file holds a value that was not there (%s)", ErrChanged, blob)
		}
	}
	for _, s := range now.Signatures {
		if _, ok := slices.BinarySearch(m.Signatures, s); !ok {
			return fmt.Errorf("%w: the signature of %s would fall", ErrChanged, s)
		}
	}
	return m.sameNames(now.Changes, done)
}

func (m *Manifest) sameNames(now []Change, done []string) error {
	names := func(changes []Change) (out []string) {
		for _, c := range changes {
			out = append(out, c.Name)
		}
		return out
	}
	planned, current := names(m.Changes), names(now)
	digest, err := m.Digest()
	if err != nil {
		return err
	}
	for _, name := range current {
		if _, ok := slices.BinarySearch(planned, name); !ok && name != branchOf(digest) {
			return fmt.Errorf("%w: %s holds a value now", ErrChanged, name)
		}
	}
	for _, name := range planned {
		if _, ok := slices.BinarySearch(current, name); !ok && !slices.Contains(done, name) {
			return fmt.Errorf("%w: %s holds none any more, or is gone", ErrChanged, name)
		}
	}
	return nil
}

// younger refuses a plan whose time is not now.
func (m *Manifest) younger(now time.Time) error {
	switch {
	case !now.Before(m.Expires):
		return errors.New("the plan has expired: make a new one")
	case now.Add(5 * time.Minute).Before(m.Made):
		return errors.New("the plan was made in the future: set the clock")
	}
	return nil
}
