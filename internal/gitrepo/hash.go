package gitrepo

import "strconv"

// HashObject is the id that git gives an object; size is that of an id in bytes, 20 or 32.
func HashObject(kind Type, data []byte, size int) ID {
	h := newHash(size)
	var head [maxLooseHead]byte
	line := append(head[:0], typeNames[kind]...)
	line = strconv.AppendInt(append(line, ' '), int64(len(data)), 10)
	h.Write(append(line, 0))
	h.Write(data)
	var id ID
	id.size = uint8(size)
	h.Sum(id.bytes[:0])
	return id
}

// Has reports whether the repository holds an object, readable or not.
func (r *Repo) Has(id ID) bool {
	if p, _ := r.store.findPacked(&id); p != nil {
		return true
	}
	return r.store.loosePath(&id) != ""
}
