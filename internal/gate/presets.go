package gate

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"
)

// presetFiles hold the writers that are known by the name of their product, one
// file each, in the words of the policy. Every file names its sources.
//
//go:embed presets/*.yaml
var presetFiles embed.FS

// PresetNames lists the presets, sorted.
func PresetNames() []string {
	entries, err := presetFiles.ReadDir("presets")
	if err != nil {
		panic(err) // compiled in
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}

// PresetText is the file of a preset, nil if there is none of the name.
func PresetText(name string) []byte {
	text, err := presetFiles.ReadFile(path.Join("presets", name+".yaml"))
	if err != nil {
		return nil
	}
	return text
}

// Preset is the list of writers of a preset, nil if there is none of the name.
func Preset(name string) []Writer {
	if PresetText(name) == nil {
		return nil
	}
	return preset(name)
}

// preset is what the table says, which a test has read as a whole.
func preset(name string) []Writer {
	writers, err := parseWriters(name+".yaml", PresetText(name))
	if err != nil {
		panic(fmt.Sprintf("preset %s: %v", name, err))
	}
	for i := range writers {
		writers[i].Preset = name
	}
	return writers
}

// parseWriters reads a document that is a list of writers.
func parseWriters(name string, text []byte) ([]Writer, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, fmt.Errorf("%s%w", name, err)
	}
	r := &reader{name: name, lines: map[string]int{}}
	r.check(root, 0)
	writers := r.writers(root, "writers")
	if len(r.problems) == 0 && len(writers) == 0 {
		return nil, fmt.Errorf("%s: no writer", name)
	}
	return writers, errors.Join(r.problems...)
}
