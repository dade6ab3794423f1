package gitrepo

import "testing"

// A few wanted objects are read by a plan of their own, in packs that name bases
// by offset and in those that name them by id.
func TestFewObjectsOfAPackAreReadAsAll(t *testing.T) {
	for _, offsets := range []string{"true", "false"} {
		dir := newRepo(t)
		git(t, dir, "-c", "repack.useDeltaBaseOffset="+offsets, "repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50")
		want, r, few := catFile(t, dir), open(t, dir), 0
		notes := 0
		for name, content := range want {
			id, _ := ParseID(name)
			got := scanned(t, r, []ID{id}, ScanOptions{})
			o := got[name]
			if len(got) != 1 || o.Err != nil || o.Index != 0 || o.Type.String()+" "+string(o.Data) != content {
				t.Fatalf("%s read alone: %d objects, %v", name, len(got), o.Err)
			}
			if o.Delta != nil {
				notes++
			}
			if r.store.packs[0].idx.count >= 2*fewShare {
				few++
			}
		}
		if few == 0 || notes == 0 {
			t.Errorf("%d of %d objects were few, %d deltas: the test proves little", few, len(want), notes)
		}
	}
}
