package inspect

import (
	"bytes"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
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

// helpers are the files of charts that define templates, by the chart's folder and
// the file's path. What a chart has beyond maxHelpers is not looked at.
type helpers map[string]map[string]string

// maxHelpers is how many bytes of such files count, in one chart.
const maxHelpers = 512 << 10

func (h helpers) read(name string) {
	text, err := readNamed(name)
	if err != nil || !bytes.Contains(text, []byte("define")) {
		return // the scan reports what cannot be read
	}
	chart, size := chartOf(name), len(text)
	for _, other := range h[chart] {
		size += len(other)
	}
	if size > maxHelpers {
		return
	}
	if h[chart] == nil {
		h[chart] = map[string]string{}
	}
	h[chart][name] = string(text)
}

// of are the texts that a template's chart has besides it.
func (h helpers) of(name string) (texts []string) {
	all := h[chartOf(name)]
	for _, other := range slices.Sorted(maps.Keys(all)) {
		if other != name {
			texts = append(texts, all[other])
		}
	}
	return texts
}
