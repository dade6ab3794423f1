package gitrepo

import "errors"

var (
	errDelta     = errors.New("invalid delta instructions")
	errDeltaBase = errors.New("delta was made for a base of another size")
	errChain     = errors.New("delta chain loops or is too long")
)

// maxChain is how many deltas may lie between an object and the whole object
// it is built from. git writes at most 4,095 (pack.depth).
const maxChain = 1 << 14

// deltaSizes reads the two sizes that begin a delta: of its base and of its
// result, in bytes. See https://git-scm.com/docs/pack-format "Deltified representation".
func deltaSizes(delta []byte) (base, result int64, rest []byte, err error) {
	if base, rest, err = deltaSize(delta); err == nil {
		result, rest, err = deltaSize(rest)
	}
	return base, result, rest, err
}

func deltaSize(b []byte) (int64, []byte, error) {
	var size int64
	for i, c := range b {
		if i > 8 {
			break
		}
		size |= int64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return size, b[i+1:], nil
		}
	}
	return 0, nil, errDelta
}

// applyDelta builds the result of delta over base in dst, grown when too small.
// A result of any size costs memory only after its instructions were added up.
func applyDelta(dst, base, delta []byte) ([]byte, error) {
	baseSize, size, ops, err := deltaSizes(delta)
	if err != nil {
		return nil, err
	}
	if baseSize != int64(len(base)) {
		return nil, errDeltaBase
	}
	if int64(cap(dst)) < size {
		if size > firstGrow && deltaTotal(ops) != size {
			return nil, errDelta
		}
		dst = make([]byte, size)
	}
	dst = dst[:size]
	at := 0
	for len(ops) > 0 {
		c := ops[0]
		ops = ops[1:]
		if c < 0x80 {
			n := int(c)
			if n == 0 || n > len(ops) || n > len(dst)-at {
				return nil, errDelta
			}
			at += copy(dst[at:], ops[:n])
			ops = ops[n:]
			continue
		}
		from, n, rest, ok := copyOp(c, ops)
		if !ok || from+n > len(base) || n > len(dst)-at {
			return nil, errDelta
		}
		at += copy(dst[at:at+n], base[from:])
		ops = rest
	}
	if at != len(dst) {
		return nil, errDelta
	}
	return dst, nil
}

// Copied is a stretch of a delta's base, Size bytes from the offset From on, that
// stands in the result from the offset To on.
type Copied struct{ From, To, Size int }

// Copies appends to list what the instructions of a delta copy, in the order of
// the result. Instructions that do not parse end the list.
func Copies(delta []byte, list []Copied) []Copied {
	_, _, ops, err := deltaSizes(delta)
	for to := 0; err == nil && len(ops) > 0; {
		c := ops[0]
		ops = ops[1:]
		if c < 0x80 {
			if int(c) > len(ops) {
				break
			}
			ops, to = ops[c:], to+int(c)
			continue
		}
		from, n, rest, ok := copyOp(c, ops)
		if !ok {
			break
		}
		if last := len(list) - 1; last >= 0 && list[last].To+list[last].Size == to && list[last].From+list[last].Size == from {
			list[last].Size += n
		} else {
			list = append(list, Copied{from, to, n})
		}
		ops, to = rest, to+n
	}
	return list
}

// copyOp reads the offset and size of a copy instruction whose first byte is c.
func copyOp(c byte, ops []byte) (from, size int, rest []byte, ok bool) {
	if len(ops) < maxCopyOp {
		return shortCopyOp(c, ops)
	}
	i := 0
	if c&1 != 0 {
		from, i = int(ops[0]), 1
	}
	if c&2 != 0 {
		from |= int(ops[i]) << 8
		i++
	}
	if c&4 != 0 {
		from |= int(ops[i]) << 16
		i++
	}
	if c&8 != 0 {
		from |= int(ops[i]) << 24
		i++
	}
	if c&16 != 0 {
		size = int(ops[i])
		i++
	}
	if c&32 != 0 {
		size |= int(ops[i]) << 8
		i++
	}
	if c&64 != 0 {
		size |= int(ops[i]) << 16
		i++
	}
	if size == 0 {
		size = 0x10000
	}
	return from, size, ops[i:], from >= 0
}

// maxCopyOp is the most bytes that follow the first of a copy instruction.
const maxCopyOp = 7

// shortCopyOp is copyOp for the last instructions, which may end too early.
func shortCopyOp(c byte, ops []byte) (from, size int, rest []byte, ok bool) {
	var padded [maxCopyOp]byte
	copy(padded[:], ops)
	from, size, rest, ok = copyOp(c, padded[:])
	used := maxCopyOp - len(rest)
	if used > len(ops) {
		return 0, 0, nil, false
	}
	return from, size, ops[used:], ok
}

// deltaTotal adds up what the instructions produce, -1 when they do not parse.
func deltaTotal(ops []byte) int64 {
	var total int64
	for len(ops) > 0 {
		c := ops[0]
		ops = ops[1:]
		if c < 0x80 {
			if c == 0 || int(c) > len(ops) {
				return -1
			}
			total += int64(c)
			ops = ops[c:]
			continue
		}
		_, n, rest, ok := copyOp(c, ops)
		if !ok {
			return -1
		}
		total += int64(n)
		ops = rest
	}
	return total
}
