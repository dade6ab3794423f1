package inspect

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/leakgate/leakgate/scanner"
)

// chartOf is the folder of the chart that a file is a template of, "" of none.
func chartOf(name string) string {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" {
			if _, err := os.Stat(filepath.Join(path.Dir(dir), "Chart.yaml")); err == nil {
				return path.Dir(dir)
			}
		}
	}
	return ""
}

// helpers are the files of charts that define templates.
type helpers struct {
	texts  map[string]map[string]string // by the chart's folder and the file's path
	beyond map[string]bool              // charts that have more of them than maxHelpers
}

// maxHelpers is how many bytes of such files count, in one chart.
const maxHelpers = 512 << 10

func newHelpers() helpers {
	return helpers{texts: map[string]map[string]string{}, beyond: map[string]bool{}}
}

func (h helpers) read(name string) {
	text, err := readNamed(name)
	if err != nil || !bytes.Contains(text, []byte("define")) {
		return // the scan reports what cannot be read
	}
	chart, size := chartOf(name), len(text)
	for _, other := range h.texts[chart] {
		size += len(other)
	}
	if size > maxHelpers {
		h.beyond[chart] = true
		return
	}
	if h.texts[chart] == nil {
		h.texts[chart] = map[string]string{}
	}
	h.texts[chart][name] = string(text)
}

// of are the texts that a template's chart has besides it.
func (h helpers) of(name string) (texts []string) {
	all := h.texts[chartOf(name)]
	for _, other := range slices.Sorted(maps.Keys(all)) {
		if other != name {
			texts = append(texts, all[other])
		}
	}
	return texts
}

// left are the charts whose named templates were not all read. Where helm has
// rendered a chart, it has read them itself.
func (h helpers) left(rendered []string) (missed []scanner.Skip) {
	for _, chart := range slices.Sorted(maps.Keys(h.beyond)) {
		if !slices.Contains(rendered, chart) {
			missed = append(missed, scanner.Skip{Path: path.Join(chart, "templates"),
				Reason: fmt.Sprintf("more than %d KiB of files that define templates, so that constants in them were not followed; check the chart with helm", maxHelpers>>10)})
		}
	}
	return missed
}
