package gitrepo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dag is a history made at random: for each commit its parents, which have lower numbers.
type dag struct {
	dir     string
	parents [][]int
	ids     []ID
}

// newDAG writes a history of n commits whose clocks may be wrong by skew seconds.
func newDAG(t testing.TB, r *rand.Rand, n, skew int, args ...string) *dag {
	t.Helper()
	return newRootedDAG(t, r, n, skew, 50, args...)
}

// newRootedDAG lets one in so many commits have no parents.
func newRootedDAG(t testing.TB, r *rand.Rand, n, skew, roots int, args ...string) *dag {
	t.Helper()
	d := &dag{dir: t.TempDir()}
	git(t, d.dir, append([]string{"init", "-q", "--bare"}, args...)...)
	var in strings.Builder
	for i := range n {
		var parents []int
		wanted := []int{1, 1, 1, 1, 2, 2, 3}[r.IntN(7)]
		if r.IntN(roots) == 0 {
			wanted = 0
		}
		for range min(i, wanted) {
			back := 1 + r.IntN(3)
			if r.IntN(8) == 0 {
				back = 1 + r.IntN(i)
			}
			if p := max(0, i-back); !slices.Contains(parents, p) {
				parents = append(parents, p)
			}
		}
		d.parents = append(d.parents, parents)
		date := 1_700_000_000 + 60*i + r.IntN(skew+1) - r.IntN(skew+1)
		fmt.Fprintf(&in, "commit refs/heads/n%d\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n", i, i+1, max(0, date))
		for j, p := range parents {
			fmt.Fprintf(&in, "%s :%d\n", []string{"from", "merge", "merge"}[j], p+1)
		}
		in.WriteString("\n")
	}
	marks := filepath.Join(d.dir, "marks")
	gitInput(t, d.dir, []byte(in.String()), "fast-import", "--quiet", "--export-marks="+marks)
	git(t, d.dir, "pack-refs", "--all")
	text, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	d.ids = make([]ID, n)
	for line := range strings.Lines(string(text)) {
		var mark int
		var id string
		if _, err := fmt.Sscanf(line, ":%d %s", &mark, &id); err != nil {
			t.Fatal(err)
		}
		if d.ids[mark-1], err = ParseID(id); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// reach are the commits that some reach, themselves included.
func (d *dag) reach(from ...int) map[int]bool {
	seen := map[int]bool{}
	for len(from) > 0 {
		i := from[len(from)-1]
		from = from[:len(from)-1]
		if !seen[i] {
			seen[i] = true
			from = append(from, d.parents[i]...)
		}
	}
	return seen
}

// between are the commits that tips reach and hidden do not, as Walk must list them.
func (d *dag) between(tips, hidden []int) []string {
	out, under := []string{}, d.reach(hidden...)
	for i := range d.reach(tips...) {
		if !under[i] {
			out = append(out, d.ids[i].String())
		}
	}
	slices.Sort(out)
	return out
}

// bases are the best common ancestors of two commits.
func (d *dag) bases(a, b int) []string {
	ofA, ofB := d.reach(a), d.reach(b)
	var common []int
	for i := range ofA {
		if ofB[i] {
			common = append(common, i)
		}
	}
	out := []string{}
	for _, i := range common {
		if !slices.ContainsFunc(common, func(j int) bool { return j != i && d.reach(j)[i] }) {
			out = append(out, d.ids[i].String())
		}
	}
	slices.Sort(out)
	return out
}

func (d *dag) pick(numbers []int) (ids []ID) {
	for _, n := range numbers {
		ids = append(ids, d.ids[n])
	}
	return ids
}

func someOf(r *rand.Rand, n int) (out []int) {
	for range 1 + r.IntN(3) {
		out = append(out, r.IntN(n))
	}
	return out
}

// mustWalkExactly asks for ranges and merge bases at random.
func (d *dag) mustWalkExactly(t *testing.T, r *rand.Rand, rounds int) {
	t.Helper()
	n := len(d.ids)
	for range rounds {
		repo := open(t, d.dir) // anew, so that nothing is known from the last time
		tips, hidden := someOf(r, n), someOf(r, n)
		got, report := walked(t, repo, d.pick(tips), d.pick(hidden))
		if want := d.between(tips, hidden); !slices.Equal(got, want) || report.Commits != len(want) {
			t.Fatalf("%v without %v: %d commits, not %d", tips, hidden, len(got), len(want))
		}
		bases, err := repo.MergeBases(d.ids[tips[0]], d.ids[hidden[0]])
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, id := range bases {
			names = append(names, id.String())
		}
		if want := d.bases(tips[0], hidden[0]); !slices.Equal(names, want) {
			t.Fatalf("bases of %d and %d: %v, not %v", tips[0], hidden[0], names, want)
		}
		if warnings := repo.Warnings(); warnings != nil {
			t.Fatal(warnings)
		}
		repo.Close()
	}
}

// graphs are the ways in which a repository may have a commit-graph.
var graphs = map[string]func(t *testing.T, d *dag){
	"none":   func(*testing.T, *dag) {},
	"levels": func(t *testing.T, d *dag) { d.writeGraph(t, "commitGraph.generationVersion=1", "--reachable") },
	"dates":  func(t *testing.T, d *dag) { d.writeGraph(t, "commitGraph.generationVersion=2", "--reachable") },
	"paths":  func(t *testing.T, d *dag) { d.writeGraph(t, "a.b=c", "--reachable", "--changed-paths") },
	"half":   func(t *testing.T, d *dag) { d.writeHalf(t, "a.b=c") },
	"chain": func(t *testing.T, d *dag) {
		d.writeHalf(t, "a.b=c", "--split=no-merge")
		d.writeGraph(t, "a.b=c", "--reachable", "--split=no-merge")
	},
	"mixed chain": func(t *testing.T, d *dag) {
		d.writeHalf(t, "commitGraph.generationVersion=1", "--split=no-merge")
		d.writeGraph(t, "commitGraph.generationVersion=2", "--reachable", "--split=no-merge")
	},
}

func (d *dag) writeGraph(t *testing.T, config string, args ...string) {
	t.Helper()
	git(t, d.dir, append([]string{"-c", config, "commit-graph", "write"}, args...)...)
}

// writeHalf knows only the older half of the commits, and what they reach.
func (d *dag) writeHalf(t *testing.T, config string, args ...string) {
	t.Helper()
	var in strings.Builder
	for i := range len(d.ids) / 2 {
		fmt.Fprintln(&in, d.ids[i])
	}
	gitInput(t, d.dir, []byte(in.String()), append([]string{"-c", config, "commit-graph", "write", "--stdin-commits"}, args...)...)
}

func TestWalkIsExactWhateverTheClocksAndTheGraph(t *testing.T) {
	for name, write := range graphs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(4) {
				r := rand.New(rand.NewPCG(seed, 7))
				var args []string
				if seed%2 == 1 {
					args = []string{"--object-format=sha256"}
				}
				d := newDAG(t, r, 200, []int{0, 600, 100_000, 2_000_000_000}[seed], args...)
				write(t, d)
				d.mustWalkExactly(t, r, 60)
			}
		})
	}
}

func TestGitAgreesWhereItsClocksAreRight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := newDAG(t, r, 300, 0)
	for range 30 {
		a, b := r.IntN(300), r.IntN(300)
		want := sortedLines(git(t, d.dir, "rev-list", d.ids[a].String(), "^"+d.ids[b].String()))
		if got := d.between([]int{a}, []int{b}); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Fatalf("%d..%d: git lists %d commits, the test's own judge %d", b, a, len(want), len(got))
		}
	}
}

// followed is how many commits of what is hidden a range makes one read.
func followed(t *testing.T, dir string, tip, hidden ID) int {
	t.Helper()
	repo := open(t, dir)
	a := repo.ancestry(repo.NewReader(walkCache), []ID{hidden}, false)
	if _, err := a.has(tip); err != nil {
		t.Fatal(err)
	}
	n := len(a.seen.rest)
	for pos := range repo.store.packs[0].idx.count {
		if a.seen.bits[0].has(int32(pos)) {
			n++
		}
	}
	return n
}

func TestAGraphSparesTheOldHistory(t *testing.T) {
	d := newRootedDAG(t, rand.New(rand.NewPCG(5, 6)), 1000, 600, 1_000_000)
	tip, hidden := d.ids[999], d.ids[990]
	all := len(d.reach(990))
	if n := followed(t, d.dir, tip, hidden); n != all {
		t.Errorf("without a graph %d of %d commits were reached", n, all)
	}
	for _, version := range []string{"1", "2"} {
		d.writeGraph(t, "commitGraph.generationVersion="+version, "--reachable")
		if n := followed(t, d.dir, tip, hidden); n > all/2 || all < 200 {
			t.Errorf("generation version %s: %d of %d commits were reached", version, n, all)
		}
	}
}

// graphFile is the single file of a repository's commit-graph.
func (d *dag) graphFile() string { return filepath.Join(d.dir, "objects", "info", "commit-graph") }

// rewriteGraph changes a commit-graph and gives it the sum that fits.
func (d *dag) rewriteGraph(t *testing.T, change func(data []byte)) {
	t.Helper()
	data, err := os.ReadFile(d.graphFile())
	if err != nil {
		t.Fatal(err)
	}
	hash := int(d.ids[0].size)
	change(data)
	h := newHash(hash)
	h.Write(data[:len(data)-hash])
	copy(data[len(data)-hash:], h.Sum(nil))
	d.replaceGraph(t, data)
}

func (d *dag) replaceGraph(t *testing.T, data []byte) {
	t.Helper()
	if err := os.Remove(d.graphFile()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.graphFile(), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// eachLevel visits the eight bytes of level and date of every commit.
func eachLevel(data []byte, hash int, visit func(raw []byte)) {
	chunks, err := tableOfContents(data, 8, int(data[6]))
	if err != nil {
		panic(err)
	}
	for c := chunks["CDAT"]; len(c) > 0; c = c[hash+16:] {
		visit(c[hash+8 : hash+16])
	}
}

func TestAForgedGraphHidesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	d := newDAG(t, r, 200, 600)
	told := false
	for range 40 {
		d.writeGraph(t, "commitGraph.generationVersion=1", "--reachable")
		d.rewriteGraph(t, func(data []byte) {
			eachLevel(data, 20, func(raw []byte) {
				if r.IntN(4) == 0 {
					binary.BigEndian.PutUint64(raw, r.Uint64N(300)<<34|1_700_000_000)
				}
			})
		})
		repo := open(t, d.dir)
		tips, hidden := someOf(r, 200), someOf(r, 200)
		got, _ := walked(t, repo, d.pick(tips), d.pick(hidden))
		for _, id := range d.between(tips, hidden) {
			if !slices.Contains(got, id) {
				t.Fatalf("%v without %v lacks %s", tips, hidden, id)
			}
		}
		for _, w := range repo.Warnings() {
			told = told || errors.Is(w, errGraph)
		}
	}
	if !told {
		t.Error("no contradiction was told")
	}
}

func TestADamagedGraphIsToldAndLeftOut(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	d := newDAG(t, r, 100, 2_000_000_000)
	d.writeGraph(t, "a.b=c", "--reachable")
	whole, err := os.ReadFile(d.graphFile())
	if err != nil {
		t.Fatal(err)
	}
	for round := range 40 {
		data := slices.Clone(whole)
		if round%2 == 0 {
			data[r.IntN(len(data))] ^= byte(1 + r.IntN(255))
		} else {
			data = data[:r.IntN(len(data))]
		}
		d.replaceGraph(t, data)
		repo := open(t, d.dir)
		tips, hidden := someOf(r, 100), someOf(r, 100)
		got, _ := walked(t, repo, d.pick(tips), d.pick(hidden))
		if want := d.between(tips, hidden); !slices.Equal(got, want) {
			t.Fatalf("%v without %v: %d commits, not %d", tips, hidden, len(got), len(want))
		}
		if len(repo.Warnings()) != 1 {
			t.Fatal("nothing is said of the damage")
		}
		repo.Close()
	}
}

func TestADamagedChainIsToldAndLeftOut(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 13))
	d := newDAG(t, r, 100, 600)
	graphs["chain"](t, d)
	folder := filepath.Join(d.dir, "objects", "info", "commit-graphs")
	text, err := os.ReadFile(filepath.Join(folder, "commit-graph-chain"))
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(text))
	if len(names) != 2 {
		t.Fatalf("the chain has %d layers", len(names))
	}
	for name, chain := range map[string]string{
		"lacks the lower": names[1] + "\n", "turned round": names[1] + "\n" + names[0] + "\n", "no name": "../../x\n",
		"not there": strings.Repeat("0", 39) + "1\n", "too long": strings.Repeat(names[0]+"\n", 300),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.Remove(filepath.Join(folder, "commit-graph-chain")); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(folder, "commit-graph-chain"), chain)
			repo := open(t, d.dir)
			got, _ := walked(t, repo, d.pick([]int{99}), d.pick([]int{90}))
			if want := d.between([]int{99}, []int{90}); !slices.Equal(got, want) || len(repo.Warnings()) != 1 {
				t.Errorf("%d commits, not %d; %v", len(got), len(want), repo.Warnings())
			}
		})
	}
}

func TestTheGraphIsLeftOutWhereGitLeavesItOut(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, d *dag){
		"configuration": func(t *testing.T, d *dag) { git(t, d.dir, "config", "core.commitGraph", "false") },
		"grafts": func(t *testing.T, d *dag) {
			write(t, filepath.Join(d.dir, "info", "grafts"), d.ids[9].String()+"\n")
		},
		"shallow": func(t *testing.T, d *dag) { write(t, filepath.Join(d.dir, "shallow"), d.ids[9].String()+"\n") },
		"replace": func(t *testing.T, d *dag) { git(t, d.dir, "replace", d.ids[9].String(), d.ids[3].String()) },
		"packed replace": func(t *testing.T, d *dag) {
			git(t, d.dir, "replace", d.ids[9].String(), d.ids[3].String())
			git(t, d.dir, "pack-refs", "--all")
		},
		"": func(*testing.T, *dag) {},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDAG(t, rand.New(rand.NewPCG(1, 1)), 40, 0)
			d.writeGraph(t, "a.b=c", "--reachable")
			change(t, d)
			repo := open(t, d.dir)
			if used := repo.commitGraph() != nil; used != (name == "") || repo.Warnings() != nil {
				t.Errorf("used: %v, %v", used, repo.Warnings())
			}
		})
	}
}

func TestTheGraphOfAnAlternateIsUsed(t *testing.T) {
	d := newDAG(t, rand.New(rand.NewPCG(1, 1)), 40, 0)
	d.writeGraph(t, "a.b=c", "--reachable")
	other := filepath.Join(t.TempDir(), "other.git")
	git(t, d.dir, "clone", "-q", "--bare", "--shared", d.dir, other)
	repo := open(t, other)
	if repo.commitGraph() == nil || repo.commitGraph().generation(&d.ids[3]) == infinite {
		t.Error("the graph of the alternate is not used")
	}
}

func TestAnAncestryEndsWithItsContext(t *testing.T) {
	d := newDAG(t, rand.New(rand.NewPCG(2, 2)), 3000, 0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	repo := open(t, d.dir)
	_, err := repo.Walk(ctx, d.pick([]int{2999}), d.pick([]int{2990}), func(*Commit) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzGraphLayer(f *testing.F) {
	d := newDAG(f, rand.New(rand.NewPCG(3, 3)), 20, 3_000_000)
	for _, version := range []string{"1", "2"} {
		git(f, d.dir, "-c", "commitGraph.generationVersion="+version, "commit-graph", "write", "--reachable")
		data, err := os.ReadFile(d.graphFile())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 20 { // with a sum that fits, so that the rest is looked at
			h := newHash(20)
			h.Write(data[:len(data)-20])
			data = append(slices.Clone(data[:len(data)-20]), h.Sum(nil)...)
		}
		l, err := parseLayer(data, 20)
		if err != nil {
			return
		}
		for _, g := range []*commitGraph{{layers: []*graphLayer{l}}, {layers: []*graphLayer{l}, dated: l.dates != nil}} {
			for pos := range min(l.count, 1000) {
				id := l.id(pos)
				g.generation(&id)
			}
		}
	})
}
