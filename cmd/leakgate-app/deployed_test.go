package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestDeployedFlags: the command lines of the chart and of the compose file are ours.
func TestDeployedFlags(t *testing.T) {
	lines := map[string][]string{}
	text, err := os.ReadFile("../../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	lines["compose"] = compose.Services["app"].Command
	lines["compose"][1] = "--app-id=7" // a variable
	files, err := filepath.Glob("../../test/chart/testdata/app/*.yaml")
	if err != nil || len(files) != 6 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if args := containerArgs(t, text); args != nil {
			lines[filepath.Base(file)] = args
		}
	}
	if len(lines) != 4 {
		t.Fatalf("%d command lines", len(lines))
	}
	for name, args := range lines {
		if args[0] != "serve" {
			t.Errorf("%s: %v", name, args)
		}
		if err := (&world{}).serveCommand().ParseFlags(args[1:]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func containerArgs(t *testing.T, text []byte) []string {
	t.Helper()
	for documents := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var o struct {
			Kind string
			Spec struct {
				Template struct {
					Spec struct{ Containers []struct{ Args []string } }
				}
			}
		}
		err := documents.Decode(&o)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if _, other := errors.AsType[*yaml.TypeError](err); err != nil && !other { // some kinds have another spec
			t.Fatal(err)
		}
		if o.Kind == "StatefulSet" {
			return o.Spec.Template.Spec.Containers[0].Args
		}
	}
}
