package rewrite

import (
	"bytes"
	"context"

	"github.com/leakgate/leakgate/internal/gitrepo"
)

// writer writes the new objects of one rewrite.
type writer struct {
	*survey
	forest *forest
	pack   *gitrepo.PackWriter
	ids    map[int32]gitrepo.ID // new ids of blobs and trees, by the number of the old
	drop   *dropper
	quotes *quotes
	signer Signer
	result *Result

	reader  *gitrepo.Reader                      // for what is done one by one
	encoder *gitrepo.PackEncoder                 // as well
	newTree func(gitrepo.ID) (gitrepo.ID, error) // what a commit's tree becomes
	depth   int                                  // of tags that name each other
}

// changed is the new id of a blob or tree; false where it stays.
func (w *writer) changed(old gitrepo.ID) (gitrepo.ID, bool) {
	number := w.numbers.Of(old)
	if number < 0 || !w.forest.tainted.has(number) {
		return old, false
	}
	id, ok := w.ids[number]
	return id, ok && id != old
}

// layer rewrites objects that need nothing of each other: all blobs, or all trees of a level.
func (w *writer) layer(ctx context.Context, kind gitrepo.Type, ids []gitrepo.ID, edit func(id gitrepo.ID, data []byte) ([]byte, error)) error {
	type worker struct {
		encoder *gitrepo.PackEncoder
		last    *gitrepo.Added
		ids     map[int32]gitrepo.ID
	}
	workers := make([]worker, w.workers)
	for i := range workers {
		workers[i] = worker{encoder: w.pack.Encoder(), ids: map[int32]gitrepo.ID{}}
	}
	opts := gitrepo.ScanOptions{Workers: w.workers}
	err := w.repo.Scan(ctx, ids, opts, func(number int, o gitrepo.Packed) (any, error) {
		if o.Err != nil {
			return nil, damaged(&o)
		}
		worker := &workers[number]
		id := ids[o.Index]
		data, err := edit(id, o.Data)
		if err != nil {
			return nil, err
		}
		base, _ := o.Note.(*gitrepo.Added)
		if base == nil && worker.last != nil && alikeInSize(len(worker.last.Data), len(data)) {
			base = worker.last
		}
		if len(data) > 0 && len(o.Data) > 0 && &data[0] == &o.Data[0] {
			data = bytes.Clone(data) // what a scan hands out is its own
		}
		added, err := worker.encoder.Add(kind, data, base)
		if err != nil {
			return nil, err
		}
		worker.ids[w.numbers.Of(id)], worker.last = added.ID, added
		return added, nil
	})
	for i := range workers {
		for number, id := range workers[i].ids {
			w.ids[number] = id
		}
	}
	return err
}

// alikeInSize reports whether one text may be worth a delta of another.
func alikeInSize(a, b int) bool { return a > 0 && a/2 <= b && b/2 <= a }

// blobsAndTrees rewrites what the commits need.
func (w *writer) blobsAndTrees(ctx context.Context) error {
	err := w.layer(ctx, gitrepo.TypeBlob, w.found, func(_ gitrepo.ID, data []byte) ([]byte, error) { return w.editor.blob(data) })
	if err != nil {
		return err
	}
	for _, level := range w.forest.levels {
		ids := make([]gitrepo.ID, len(level))
		for i, number := range level {
			ids[i] = w.numbers.ID(number)
		}
		if err := w.layer(ctx, gitrepo.TypeTree, ids, w.rewriteTree); err != nil {
			return err
		}
	}
	for number, id := range w.ids {
		if old := w.numbers.ID(number); old == id {
			continue
		}
		if w.blobs.has(number) {
			w.result.Blobs++
		} else {
			w.result.Trees++
		}
	}
	return nil
}
