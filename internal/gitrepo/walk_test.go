package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walked lists the commits that Walk visits, sorted.
func walked(t testing.TB, r *Repo, tips, hidden []ID) ([]string, WalkReport) {
	t.Helper()
	got := []string{}
	report, err := r.Walk(context.Background(), tips, hidden, func(c *Commit) error {
		got = append(got, c.ID.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got, report
}

func sortedLines(text string) []string {
	lines := strings.Fields(text)
	slices.Sort(lines)
	return lines
}

func tipsOf(t testing.TB, r *Repo) []ID {
	t.Helper()
	refs, err := r.Refs()
	if err != nil {
		t.Fatal(err)
	}
	var tips []ID
	for _, ref := range refs {
		if !ref.ID.IsZero() {
			tips = append(tips, ref.ID)
		}
	}
	return tips
}

func mustResolve(t testing.TB, r *Repo, rev string) ID {
	t.Helper()
	id, err := r.Resolve(rev)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWalkVisitsWhatRevListLists(t *testing.T) {
	for _, args := range [][]string{nil, {"--object-format=sha256"}} {
		dir := newRepo(t, args...)
		r := open(t, dir)
		got, report := walked(t, r, tipsOf(t, r), nil)
		if diff := cmp.Diff(sortedLines(git(t, dir, "rev-list", "--all")), got); diff != "" {
			t.Errorf("--all (-git +ours):\n%s", diff)
		}
		if report.Commits != len(got) || len(report.Missing) != 0 || len(report.Targets) != 1 || report.Targets[0].Type != TypeTree {
			t.Errorf("report: %+v", report)
		}
		for _, span := range []string{"HEAD~3..HEAD", "side..main", "main..side", "v1.0..HEAD", "HEAD~9..side", "HEAD..HEAD~5"} {
			from, to, _ := strings.Cut(span, "..")
			got, _ := walked(t, r, []ID{mustResolve(t, r, to)}, []ID{mustResolve(t, r, from)})
			if diff := cmp.Diff(sortedLines(git(t, dir, "rev-list", span)), got, cmp.Comparer(func(a, b []string) bool { return slices.Equal(a, b) })); diff != "" {
				t.Errorf("%s (-git +ours):\n%s", span, diff)
			}
		}
	}
}

func TestWalkIsRightWhenClocksAreWrong(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	for i, minute := range []int{100, 5, 5_000, 1, 90, 2} {
		write(t, filepath.Join(dir, "f"), fmt.Sprint(i))
		commitAt(t, dir, minute, "skewed")
	}
	git(t, dir, "checkout", "-q", "-b", "old", "HEAD~4")
	commitAt(t, dir, 9_000, "from the future")
	r := open(t, dir)
	for _, span := range []string{"old..main", "main..old", "main~1..old", "old..main~2"} {
		from, to, _ := strings.Cut(span, "..")
		got, _ := walked(t, r, []ID{mustResolve(t, r, to)}, []ID{mustResolve(t, r, from)})
		if diff := cmp.Diff(sortedLines(git(t, dir, "rev-list", span)), got); diff != "" {
			t.Errorf("%s (-git +ours):\n%s", span, diff)
		}
	}
}

func TestWalkReportsWhereHistoryIsCut(t *testing.T) {
	dir := newRepo(t)
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(t, dir, "clone", "-q", "--depth=2", "file://"+dir, shallow)
	r := open(t, shallow)
	got, report := walked(t, r, []ID{mustResolve(t, r, "HEAD")}, nil)
	if diff := cmp.Diff(sortedLines(git(t, shallow, "rev-list", "HEAD")), got); diff != "" {
		t.Errorf("(-git +ours):\n%s", diff)
	}
	if len(report.Missing) == 0 {
		t.Fatal("nothing is said about the cut")
	}
	for _, m := range report.Missing {
		if !errors.Is(m.Reason, ErrShallow) || !r.Shallow()[m.Child] {
			t.Errorf("%+v", m)
		}
	}
	var unknown *UnknownRevisionError
	if _, err := r.Resolve("HEAD~10"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "shallow") || unknown.Rev != "HEAD~10" {
		t.Errorf("beyond the cut: %v", err)
	}
	lost := git(t, dir, "rev-parse", "HEAD~4")
	if err := os.Remove(filepath.Join(dir, ".git", "objects", lost[:2], lost[2:])); err != nil {
		t.Fatal(err)
	}
	_, report = walked(t, open(t, dir), []ID{mustResolve(t, open(t, dir), "HEAD")}, nil)
	if len(report.Missing) != 1 || report.Missing[0].ID.String() != lost || !errors.Is(report.Missing[0].Reason, ErrMissing) {
		t.Errorf("a lost commit: %+v", report)
	}
}

func TestWalkEndsWithItsContext(t *testing.T) {
	r := open(t, newRepo(t))
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	_, err := r.Walk(ctx, []ID{mustResolve(t, r, "HEAD")}, nil, func(*Commit) error {
		seen++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || seen != 1 {
		t.Errorf("%d commits, %v", seen, err)
	}
}

func TestMergeBasesAreGits(t *testing.T) {
	dir := newRepo(t)
	git(t, dir, "checkout", "-q", "-b", "x", "HEAD~6")
	commitAt(t, dir, 70, "x1")
	git(t, dir, "checkout", "-q", "-b", "y", "HEAD~2")
	commitAt(t, dir, 71, "y1")
	merge := func(into, other string) { // both ways: a criss-cross with two best bases
		git(t, dir, "checkout", "-q", "--detach", into)
		git(t, dir, "-c", "user.name=M", "-c", "user.email=m@example.com", "merge", "-q", "--no-ff", "-m", "m", other)
		git(t, dir, "branch", "-f", into+"2")
	}
	merge("x", "y")
	merge("y", "x")
	git(t, dir, "checkout", "-q", "--orphan", "alone")
	commitAt(t, dir, 80, "unrelated")
	r := open(t, dir)
	for _, pair := range [][2]string{{"main", "side"}, {"main", "x"}, {"x", "y"}, {"x2", "y2"}, {"main", "y2"}, {"main", "main"}, {"main", "main~4"}, {"main", "alone"}} {
		got, err := r.MergeBases(mustResolve(t, r, pair[0]), mustResolve(t, r, pair[1]))
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, id := range got {
			names = append(names, id.String())
		}
		cmd := exec.Command("git", "merge-base", "--all", pair[0], pair[1])
		cmd.Dir = dir
		out, _ := cmd.Output() // it fails when there is none
		if diff := cmp.Diff(sortedLines(string(out)), names, cmp.Comparer(func(a, b []string) bool { return slices.Equal(a, b) })); diff != "" {
			t.Errorf("%v (-git +ours):\n%s", pair, diff)
		}
	}
}

func TestCommitsAndTagsAreReadAsWritten(t *testing.T) {
	dir := newRepo(t)
	r := open(t, dir)
	rd := r.NewReader(1 << 20)
	for _, rev := range []string{"HEAD", "HEAD~1", "HEAD~2", "side", "main~10"} {
		c, err := rd.Commit(mustResolve(t, r, rev))
		if err != nil {
			t.Fatal(err)
		}
		parents := []string{}
		for _, p := range c.Parents {
			parents = append(parents, p.String())
		}
		got := fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s", c.Tree, strings.Join(parents, " "), c.Author.Name, c.Author.Email,
			c.Author.When.Format("2006-01-02T15:04:05-07:00"), c.Committer.Name, strings.TrimRight(c.Message, "\n"))
		if diff := cmp.Diff(git(t, dir, "log", "-1", "--format=%T|%P|%an|%ae|%aI|%cn|%B", rev), got); diff != "" {
			t.Errorf("%s (-git +ours):\n%s", rev, diff)
		}
	}
	id, _ := ParseID(git(t, dir, "rev-parse", "v1.0"))
	o, err := rd.Object(id)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := ParseTag(id, o.Data)
	if err != nil || tag.Name != "v1.0" || tag.TargetType != TypeCommit || tag.Tagger.Email == "" || tag.Message != "a tag\n" ||
		tag.Target != mustResolve(t, r, "v1.0") {
		t.Errorf("%+v %v", tag, err)
	}
}

func TestOddCommitsAreForgiven(t *testing.T) {
	tree := "tree " + strings.Repeat("ab", 20) + "\n"
	for name, c := range map[string]struct{ raw, author, email, message string }{
		"no author":       {tree + "\nhi", "", "", "hi"},
		"no brackets":     {tree + "author Nobody\n\nhi", "Nobody", "", "hi"},
		"broken date":     {tree + "author A <a@x> nodate +0000\n\nhi", "A", "a@x", "hi"},
		"huge date":       {tree + "author A <a@x> 99999999999999999999 +0000\n\nhi", "A", "a@x", "hi"},
		"latin 1":         {tree + "author \xe9 <a@x> 1 +0000\nencoding ISO-8859-1\n\n\xe9", "\xe9", "a@x", "\xe9"},
		"signature":       {tree + "author A <a@x> 1 +0000\ngpgsig -----BEGIN\n author Fake <f@x> 1 +0000\n \n -----END\n\nhi", "A", "a@x", "hi"},
		"no message":      {tree + "author A <a@x> 1 +0000\n", "A", "a@x", ""},
		"brackets inside": {tree + "author A <a<b>@x> 1 +0000\n\nm", "A", "a<b>@x", "m"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseCommit(ID{}, []byte(c.raw))
			if err != nil || got.Author.Name != c.author || got.Author.Email != c.email || got.Message != c.message {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	var corrupt *CorruptError
	for _, raw := range []string{"", "author A <a@x> 1 +0000\n\nhi", "tree abc\n\n", tree + "parent zz\n\n"} {
		if _, err := ParseCommit(ID{}, []byte(raw)); !errors.As(err, &corrupt) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
