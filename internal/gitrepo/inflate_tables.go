package gitrepo

import "math/bits"

// Sizes of the first-level tables in bits, and the most entries that second
// levels can add for codes of at most 15 bits (zlib's `enough` program gives
// 2342 for 288 symbols and 11 bits, 402 for 32 symbols and 8 bits).
const (
	preBits  = 7
	litBits  = 11
	litSize  = 4096
	distBits = 8
	distSize = 512
)

// An entry of a table, low bits first: 8 bits to consume in all, 4 bits of code
// alone (or of the second level's size), flags, and from bit 16 the literal,
// base length, base distance, or start of a second level.
const (
	isLiteral  = 1 << 31
	isSpecial  = 1 << 15
	isSubtable = 1 << 14
	isEnd      = 1 << 13
)

// symbols are entries before the bits of their code are added.
var (
	litSymbols  = makeLitSymbols()
	distSymbols = makeDistSymbols()
	preSymbols  = makePreSymbols()
)

// preOrder is the order of code length codes, RFC 1951 section 3.2.7.
var preOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

func makeLitSymbols() [288]uint32 {
	var table [288]uint32
	for i := range uint32(256) {
		table[i] = isLiteral | i<<16
	}
	table[256] = isSpecial | isEnd
	base := uint32(3)
	for i := uint32(257); i < 285; i++ {
		extra := uint32(0)
		if i >= 265 {
			extra = (i - 261) / 4
		}
		table[i] = base<<16 | extra
		base += 1 << extra
	}
	table[285] = 258 << 16
	table[286], table[287] = isSpecial, isSpecial
	return table
}

func makeDistSymbols() [32]uint32 {
	var table [32]uint32
	base := uint32(1)
	for i := range uint32(30) {
		extra := uint32(0)
		if i >= 4 {
			extra = (i - 2) / 2
		}
		table[i] = base<<16 | extra
		base += 1 << extra
	}
	table[30], table[31] = isSpecial, isSpecial
	return table
}

func makePreSymbols() [19]uint32 {
	var table [19]uint32
	for i := range uint32(19) {
		table[i] = i << 16
	}
	return table
}

// fixedTables are those of RFC 1951 section 3.2.6.
type fixedTables struct {
	lit  [litSize]uint32
	dist [distSize]uint32
}

func (f *inflater) loadFixed() {
	if f.fixed != nil {
		return
	}
	f.fixed = &fixedTables{}
	for i := range 288 {
		switch {
		case i < 144:
			f.lens[i] = 8
		case i < 256:
			f.lens[i] = 9
		case i < 280:
			f.lens[i] = 7
		default:
			f.lens[i] = 8
		}
	}
	f.buildAll(f.fixed.lit[:], litBits, f.lens[:288], litSymbols[:])
	for i := range 32 {
		f.lens[i] = 5
	}
	f.buildAll(f.fixed.dist[:], distBits, f.lens[:32], distSymbols[:])
}

// loadDynamic reads the code lengths of a block, RFC 1951 section 3.2.7.
func (f *inflater) loadDynamic() error {
	lits, dists, pres := int(f.take(5))+257, int(f.take(5))+1, int(f.take(4))+4
	if lits > 286 || dists > 30 {
		return errDeflate
	}
	clear(f.lens[:19])
	for i := range pres {
		if f.n < 3 {
			if err := f.refill(); err != nil {
				return err
			}
		}
		f.lens[preOrder[i]] = uint8(f.take(3))
	}
	if !f.buildAll(f.pre[:], preBits, f.lens[:19], preSymbols[:]) {
		return errDeflate
	}
	used, err := f.readLengths(lits + dists)
	if err != nil {
		return err
	}
	ofLits := 0
	for ofLits < len(used) && int(used[ofLits]) < lits {
		ofLits++
	}
	for i := range used[ofLits:] {
		used[ofLits+i] -= uint16(lits)
	}
	if f.lens[256] == 0 ||
		!f.build(f.dist[:], distBits, f.lens[lits:lits+dists], used[ofLits:], distSymbols[:]) ||
		!f.build(f.lit[:], litBits, f.lens[:lits], used[:ofLits], litSymbols[:]) {
		return errDeflate
	}
	return nil
}

// readLengths reads the lengths of all codes, and lists the symbols that have one:
// mostly few of many.
func (f *inflater) readLengths(total int) (used []uint16, err error) {
	clear(f.lens[:total])
	n := 0
	for i := 0; i < total; {
		if f.n < preBits+7 {
			if err := f.refill(); err != nil {
				return nil, err
			}
		}
		e := f.pre[f.buf&(1<<preBits-1)]
		if e&isSpecial != 0 {
			return nil, errDeflate
		}
		f.take(uint(e & 63))
		symbol := e >> 16
		var value uint8
		count := 1
		switch {
		case symbol < 16:
			value = uint8(symbol)
		case symbol == 16:
			if i == 0 {
				return nil, errDeflate
			}
			value, count = f.lens[i-1], 3+int(f.take(2))
		case symbol == 17:
			count = 3 + int(f.take(3))
		default:
			count = 11 + int(f.take(7))
		}
		if i+count > total {
			return nil, errDeflate
		}
		if value == 0 {
			i += count
			continue
		}
		for range count {
			f.lens[i], f.used[n] = value, uint16(i)
			n++
			i++
		}
	}
	return f.used[:n], nil
}

// buildAll is build for codes of which it was not listed which are used.
func (f *inflater) buildAll(table []uint32, tableBits uint, lens []uint8, symbols []uint32) bool {
	n := 0
	for symbol, l := range lens {
		f.used[n] = uint16(symbol)
		if l != 0 {
			n++
		}
	}
	return f.build(table, tableBits, lens, f.used[:n], symbols)
}

// build makes the table of a canonical Huffman code. It is false for a code
// that is over-full, or incomplete in a way that zlib refuses too: only an
// empty code and one single code of one bit may leave room.
func (f *inflater) build(table []uint32, tableBits uint, lens []uint8, used []uint16, symbols []uint32) bool {
	var counts, starts [16]int
	for _, symbol := range used {
		counts[lens[symbol]&15]++
	}
	left := 1
	for l := 1; l < 16; l++ {
		left = left<<1 - counts[l]
		if left < 0 {
			return false
		}
	}
	if left > 0 {
		return f.buildIncomplete(table[:1<<tableBits], used, lens, symbols)
	}
	for l := 1; l < 15; l++ {
		starts[l+1] = starts[l] + counts[l]
	}
	for _, symbol := range used {
		at := &starts[lens[symbol]&15]
		f.sorted[*at] = symbol
		*at++
	}
	fill(table, tableBits, &counts, f.sorted[:len(used)], symbols)
	return true
}

func (f *inflater) buildIncomplete(table []uint32, used []uint16, lens []uint8, symbols []uint32) bool {
	if len(used) > 1 || len(used) == 1 && lens[used[0]] != 1 {
		return false
	}
	only := uint32(isSpecial)
	if len(used) == 1 {
		only = withBits(symbols[used[0]], 1)
	}
	for i := range table {
		table[i] = isSpecial
		if i&1 == 0 {
			table[i] = only
		}
	}
	return true
}

func withBits(symbol uint32, codeBits uint) uint32 {
	return symbol + uint32(codeBits)<<8 + uint32(codeBits)
}

// fill writes the entries of a complete code: codes in order of length, the
// first level doubled by copying whenever the length grows.
func fill(table []uint32, tableBits uint, counts *[16]int, sorted []uint16, symbols []uint32) {
	length := uint(1)
	for counts[length] == 0 {
		length++
	}
	end := 1 << min(length, tableBits)
	code, prefix, start := 0, -1, 0
	count := counts[length]
	var subBits uint
	for _, symbol := range sorted {
		for count == 0 {
			length++
			if length <= tableBits {
				copy(table[end:2*end], table[:end])
				end *= 2
			}
			count = counts[length]
		}
		count--
		if length <= tableBits {
			table[code] = withBits(symbols[symbol], length)
		} else {
			if low := code & (1<<tableBits - 1); low != prefix {
				prefix, start = low, end
				subBits = subtableBits(length-tableBits, tableBits, count+1, counts)
				end = start + 1<<subBits
				table[prefix] = uint32(start)<<16 | isSpecial | isSubtable | uint32(subBits)<<8 | uint32(tableBits)
			}
			entry := withBits(symbols[symbol], length-tableBits)
			for i := start + code>>tableBits; i < end; i += 1 << (length - tableBits) {
				table[i] = entry
			}
		}
		code = nextCode(code, length)
	}
	for ; length < tableBits; length++ {
		copy(table[end:2*end], table[:end])
		end *= 2
	}
}

// nextCode adds one to a code that is kept with its first bit lowest.
func nextCode(code int, length uint) int {
	free := code ^ (1<<length - 1)
	if free == 0 {
		return 0
	}
	bit := 1 << (bits.Len(uint(free)) - 1)
	return code&(bit-1) | bit
}

func subtableBits(size, tableBits uint, used int, counts *[16]int) uint {
	for used < 1<<size {
		size++
		used = used<<1 + counts[tableBits+size]
	}
	return size
}
