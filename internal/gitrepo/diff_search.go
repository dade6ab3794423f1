package gitrepo

import "math"

// The search is Myers' linear-space algorithm ("An O(ND) Difference Algorithm and
// Its Variations", 1986): the edit graph of two sequences is entered from both
// corners at once, where the fronts meet it is split, and both halves are solved
// alike. A point is (x, y), x in the first sequence and y in the second; diagonal
// d holds the points with x-y = d. Two ways out of a costly search, both in git,
// give a split that may not be on a shortest path.
const (
	longSnake     = 20  // a run of matches this long is worth splitting at
	snakePatience = 256 // cost after which a long snake will do
	leastCostCap  = 256 // cost after which, in small inputs, anything will do
	farPerCost    = 4   // how far per unit of cost a point must be to split there
)

// box is a part of the edit graph that is still to be solved. An exact box was cut
// at a point on a shortest path to it, so its cost is known to be bearable.
type box struct {
	x0, x1, y0, y1 int
	exact          bool
}

func (b box) area() int { return (b.x1 - b.x0) + (b.y1 - b.y0) }

// searcher holds the furthest x reached on each diagonal, for both directions.
type searcher struct {
	a, b              []int32
	forward, backward []int32
	zero              int // index of diagonal 0
	costCap           int
}

// search marks the lines of a and b that are not on the path found.
func search(a, b *sequence) {
	diagonals := len(a.classes) + len(b.classes) + 3
	s := searcher{
		a: a.classes, b: b.classes,
		forward: make([]int32, diagonals), backward: make([]int32, diagonals),
		zero:    len(b.classes) + 1,
		costCap: max(roughRoot(diagonals), leastCostCap),
	}
	s.solve(box{0, len(a.classes), 0, len(b.classes), false}, a, b)
}

// solve recurses into the smaller half only, so its depth is logarithmic.
func (s *searcher) solve(x box, a, b *sequence) {
	for {
		s.shrink(&x)
		if x.x0 == x.x1 || x.y0 == x.y1 {
			a.mark(x.x0, x.x1)
			b.mark(x.y0, x.y1)
			return
		}
		small, large := s.split(x)
		if small.area() > large.area() {
			small, large = large, small
		}
		s.solve(small, a, b)
		x = large
	}
}

func (s *searcher) shrink(x *box) {
	for x.x0 < x.x1 && x.y0 < x.y1 && s.a[x.x0] == s.b[x.y0] {
		x.x0, x.y0 = x.x0+1, x.y0+1
	}
	for x.x0 < x.x1 && x.y0 < x.y1 && s.a[x.x1-1] == s.b[x.y1-1] {
		x.x1, x.y1 = x.x1-1, x.y1-1
	}
}

// cutAt halves a box at a point; each half may be exact.
func (x box) cutAt(px, py int, firstExact, secondExact bool) (box, box) {
	return box{x.x0, px, x.y0, py, firstExact}, box{px, x.x1, py, x.y1, secondExact}
}

// front is the range of diagonals that one direction has reached.
type front struct{ mid, low, high int }

// grow widens f by one diagonal on each side, or narrows it where the box ends:
// the diagonals in use then still are every second one. The new outer neighbours
// get the value nothing reaches.
func (f *front) grow(reach []int32, zero int, x box, nothing int32) {
	if lowest := x.x0 - x.y1; f.low > lowest {
		f.low--
		reach[zero+f.low-1] = nothing
	} else {
		f.low++
	}
	if highest := x.x1 - x.y0; f.high < highest {
		f.high++
		reach[zero+f.high+1] = nothing
	} else {
		f.high--
	}
}

func (f *front) holds(d int) bool { return f.low <= d && d <= f.high }

// split finds where to cut a box that has something to match and whose corners do not.
func (s *searcher) split(x box) (box, box) {
	f := front{x.x0 - x.y0, x.x0 - x.y0, x.x0 - x.y0}
	b := front{x.x1 - x.y1, x.x1 - x.y1, x.x1 - x.y1}
	s.forward[s.zero+f.mid], s.backward[s.zero+b.mid] = int32(x.x0), int32(x.x1)
	meetForward := (f.mid-b.mid)&1 != 0
	for cost := 1; ; cost++ {
		f.grow(s.forward, s.zero, x, -1)
		met, px, py, snakeF := s.advance(x, f, b, meetForward)
		if met {
			return x.cutAt(px, py, true, true)
		}
		b.grow(s.backward, s.zero, x, math.MaxInt32)
		met, px, py, snakeB := s.retreat(x, f, b, !meetForward)
		if met {
			return x.cutAt(px, py, true, true)
		}
		if x.exact {
			continue
		}
		if (snakeF || snakeB) && cost > snakePatience {
			if px, py, ok := s.farForward(x, f, cost); ok {
				return x.cutAt(px, py, true, false)
			}
			if px, py, ok := s.farBackward(x, b, cost); ok {
				return x.cutAt(px, py, false, true)
			}
		}
		if cost >= s.costCap {
			return s.giveUp(x, f, b)
		}
	}
}

// advance moves every forward diagonal by one edit and then along its snake.
func (s *searcher) advance(x box, f, b front, mayMeet bool) (met bool, px, py int, snake bool) {
	for d := f.high; d >= f.low; d -= 2 {
		reach := s.forward[s.zero+d-1 : s.zero+d+2]
		px = int(max(reach[0]+1, reach[2]))
		py = px - d
		start := px
		for px < x.x1 && py < x.y1 && s.a[px] == s.b[py] {
			px, py = px+1, py+1
		}
		snake = snake || px-start > longSnake
		reach[1] = int32(px)
		if mayMeet && b.holds(d) && int(s.backward[s.zero+d]) <= px {
			return true, px, py, snake
		}
	}
	return false, 0, 0, snake
}

// retreat is advance for the backward diagonals.
func (s *searcher) retreat(x box, f, b front, mayMeet bool) (met bool, px, py int, snake bool) {
	for d := b.high; d >= b.low; d -= 2 {
		reach := s.backward[s.zero+d-1 : s.zero+d+2]
		px = int(min(reach[0], reach[2]-1))
		py = px - d
		start := px
		for px > x.x0 && py > x.y0 && s.a[px-1] == s.b[py-1] {
			px, py = px-1, py-1
		}
		snake = snake || start-px > longSnake
		reach[1] = int32(px)
		if mayMeet && f.holds(d) && px <= int(s.forward[s.zero+d]) {
			return true, px, py, snake
		}
	}
	return false, 0, 0, snake
}

// farForward looks for the forward point that came furthest for its cost, off the
// middle diagonal discounted, and ends a long snake inside the box.
func (s *searcher) farForward(x box, f front, cost int) (bestX, bestY int, ok bool) {
	best := farPerCost * cost
	for d := f.high; d >= f.low; d -= 2 {
		px := int(s.forward[s.zero+d])
		py := px - d
		far := (px - x.x0) + (py - x.y0) - abs(d-f.mid)
		inside := x.x0+longSnake <= px && px < x.x1 && x.y0+longSnake <= py && py < x.y1
		if far > best && inside && s.snakeAt(px-longSnake, py-longSnake) {
			best, bestX, bestY, ok = far, px, py, true
		}
	}
	return bestX, bestY, ok
}

// farBackward is farForward for the backward points, which start a long snake.
func (s *searcher) farBackward(x box, b front, cost int) (bestX, bestY int, ok bool) {
	best := farPerCost * cost
	for d := b.high; d >= b.low; d -= 2 {
		px := int(s.backward[s.zero+d])
		py := px - d
		far := (x.x1 - px) + (x.y1 - py) - abs(d-b.mid)
		inside := x.x0 < px && px <= x.x1-longSnake && x.y0 < py && py <= x.y1-longSnake
		if far > best && inside && s.snakeAt(px, py) {
			best, bestX, bestY, ok = far, px, py, true
		}
	}
	return bestX, bestY, ok
}

func (s *searcher) snakeAt(px, py int) bool {
	for k := range longSnake {
		if s.a[px+k] != s.b[py+k] {
			return false
		}
	}
	return true
}

// giveUp cuts at the point of either front that is furthest from its own corner.
func (s *searcher) giveUp(x box, f, b front) (box, box) {
	reached, reachedX := -1, -1
	for d := f.high; d >= f.low; d -= 2 {
		px := min(int(s.forward[s.zero+d]), x.x1, x.y1+d)
		if sum := px + px - d; sum > reached {
			reached, reachedX = sum, px
		}
	}
	left, leftX := math.MaxInt, 0
	for d := b.high; d >= b.low; d -= 2 {
		px := max(int(s.backward[s.zero+d]), x.x0, x.y0+d)
		if sum := px + px - d; sum < left {
			left, leftX = sum, px
		}
	}
	if (x.x1+x.y1)-left < reached-(x.x0+x.y0) {
		return x.cutAt(reachedX, reached-reachedX, true, false)
	}
	return x.cutAt(leftX, left-leftX, false, true)
}

func abs(n int) int { return max(n, -n) }
