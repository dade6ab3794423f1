package gitrepo

import "bytes"

// parentsAt are the parents that a commit names, read as a rule without the rest
// of it. They are valid until the next call. The error is as that of Commit.
func (rd *Reader) parentsAt(at *spot) ([]ID, error) {
	if at.pack != nil {
		if parents, ok := rd.packedParents(at); ok {
			return parents, nil
		}
	}
	c, err := rd.Commit(at.id)
	if err != nil {
		return nil, err
	}
	return c.Parents, nil
}

// packedParents inflates the beginning of a packed commit, which is long enough
// for two parents, and then twice as much until the parents have ended. It is
// false for what only a whole reading can judge.
func (rd *Reader) packedParents(at *spot) ([]ID, bool) {
	e, err := at.pack.entry(at.pack.idx.offset(at.pos), &rd.scratch)
	if err != nil || e.kind != TypeCommit {
		return nil, false
	}
	const perLine = 10 // what stands beside the digits
	for want := int64(3 * (perLine + 2*rd.repo.hash)); ; want *= 2 {
		want = min(want, e.size, firstGrow)
		src, err := at.pack.file.at(e.data, min(want+256, at.pack.end()-e.data), &rd.scratch)
		if err != nil {
			return nil, false
		}
		src = src[:min(int64(len(src)), at.pack.end()-e.data)]
		if int64(cap(rd.head)) < want+outSlack {
			rd.head = make([]byte, want+outSlack)
		}
		head, err := rd.in.prefix(rd.head[:want+outSlack], src, int(want))
		if int64(len(head)) < want {
			return nil, false
		}
		parents, ended, bad := parseParents(rd.parents[:0], head)
		rd.parents = parents
		switch {
		case bad != nil:
			return nil, false
		case ended:
			return parents, true
		case err != nil || want == e.size || want == firstGrow:
			return nil, false
		}
	}
}

// parseParents reads the lines that follow the tree's, as far as the text goes;
// what stands elsewhere git takes for no parent either. ended tells that another
// line follows them.
func parseParents(to []ID, head []byte) (parents []ID, ended bool, err error) {
	inside := false
	for line := range bytes.Lines(head) {
		whole := line[len(line)-1] == '\n'
		switch {
		case len(line) == 1 && whole:
			return to, true, nil
		case !inside:
			inside = bytes.HasPrefix(line, []byte("tree "))
		case !bytes.HasPrefix(line, []byte("parent ")):
			return to, whole || len(line) >= len("parent "), nil
		case whole:
			id, err := parseIDBytes(line[len("parent ") : len(line)-1])
			if err != nil {
				return to, false, err
			}
			to = append(to, id)
		}
	}
	return to, false, nil
}
