// Command linked names the licence of every module that the packages given link
// for any released platform, and fails on one that is copyleft or that it does not
// recognise. It reads the licence files that the modules carry.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// known are sentences of one family of licences each, in the order in which they
// are looked for: the MPL names the GNU licences, and the LGPL names the GPL.
var known = []struct{ name, sentence string }{
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"AGPL", "gnu affero general public license"},
	{"LGPL", "gnu lesser general public license"},
	{"GPL", "gnu general public license"},
	{"SSPL", "server side public license"},
	{"BUSL", "business source license"},
	{"Apache-2.0", "apache license version 2.0"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD", "redistribution and use in source and binary forms, with or without modification"},
	{"ISC", "permission to use, copy, modify, and or distribute this software for any purpose"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
	{"CC0", "cc0 1.0 universal"},
}

var allowed = []string{"MPL-2.0", "Apache-2.0", "MIT", "BSD", "ISC", "Unlicense", "CC0"}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(packages []string) error {
	folders := map[string]string{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		if err := linked(folders, goos, packages); err != nil {
			return err
		}
	}
	if len(folders) == 0 {
		return errors.New("no module is linked: are these packages of a program?")
	}
	var wrong []error
	for _, module := range slices.Sorted(maps.Keys(folders)) {
		name := licence(folders[module])
		fmt.Fprintf(os.Stdout, "%-10s %s\n", name, module)
		if !slices.Contains(allowed, name) {
			wrong = append(wrong, fmt.Errorf("%s is linked under %s", module, name))
		}
	}
	return errors.Join(wrong...)
}

// linked adds the modules behind the packages' imports, each with its folder.
func linked(folders map[string]string, goos string, packages []string) error {
	args := append([]string{"list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}"}, packages...)
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("list what is linked for %s: %w", goos, err)
	}
	for line := range strings.Lines(string(out)) {
		if module, folder, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			folders[module] = folder
		}
	}
	return nil
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)`)
	space       = regexp.MustCompile(`[\s*#/]+`)
)

// licence is what the licence files in the folder say. A module under several of
// them counts as the first of known.
func licence(folder string) string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "unreadable"
	}
	var text bytes.Buffer
	for _, entry := range entries {
		if entry.Type().IsRegular() && licenceFile.MatchString(entry.Name()) {
			content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
			if err != nil {
				return "unreadable"
			}
			text.Write(content)
		}
	}
	plain := space.ReplaceAllString(strings.ToLower(text.String()), " ")
	for _, k := range known {
		if strings.Contains(plain, k.sentence) {
			return k.name
		}
	}
	return "unknown"
}
