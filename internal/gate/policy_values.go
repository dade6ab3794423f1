package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

func (r *reader) date(n *yaml.Node) time.Time {
	day, err := time.Parse(time.DateOnly, r.text(n))
	if err != nil {
		r.problem(n, "a day is written as 2027-01-31")
	}
	return day
}

// objectIDPattern is a whole id of either hash.
var objectIDPattern = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

func (r *reader) objectID(n *yaml.Node) string {
	id := r.text(n)
	if !objectIDPattern.MatchString(id) {
		r.problem(n, "an object id has 40 or 64 hexadecimal digits, in lower case")
	}
	return id
}

// sizePattern has at most nine digits, so that no unit overflows 63 bits.
var sizePattern = regexp.MustCompile(`^([1-9][0-9]{0,8})(kB|MB|GB|KiB|MiB|GiB)?$`)

var sizeUnits = map[string]int64{
	"": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

// size reads a number of bytes, as in 1048576 or 10MiB.
func (r *reader) size(n *yaml.Node) *int64 {
	m := sizePattern.FindStringSubmatch(n.Value)
	tag := n.ShortTag()
	if m == nil || n.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!str" {
		r.problem(n, "a size is a number of bytes or has a unit, as in 10MiB")
		return nil
	}
	value, _ := strconv.ParseInt(m[1], 10, 64) // nine digits always parse
	value *= sizeUnits[m[2]]
	return &value
}

// maxDepth bounds the nesting a policy may ask for.
const maxDepth = 16

func (r *reader) depth(n *yaml.Node) *int64 {
	value, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || value < 0 || value > maxDepth ||
		n.Value != strconv.FormatInt(value, 10) {
		r.problem(n, fmt.Sprintf("a depth is a number from 0 to %d", maxDepth))
		return nil
	}
	return &value
}

// wordSet reads a list of at least one word, each once.
func wordSet[T ~int](r *reader, n *yaml.Node, names []string) []T {
	var out []T
	for _, item := range r.list(n) {
		i := r.word(item, names)
		switch {
		case i < 0: // told by word
		case slices.Contains(out, T(i)):
			r.problem(item, "stands in the list twice")
		default:
			out = append(out, T(i))
		}
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.problem(n, `the list is empty; to block nothing write "mode: audit"`)
	}
	slices.Sort(out)
	return out
}
