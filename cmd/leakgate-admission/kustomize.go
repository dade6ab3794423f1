package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Bounds on the program that builds kustomizations.
const (
	kustomizeTime = time.Minute
	kustomizeSize = 64 << 20 // bytes of its output
)

// kustomize builds by a program of the user's, as the library would make the webhook
// larger by as much memory as it takes itself. Without a name it looks for kustomize
// and kubectl, and gives nil where neither is there.
func kustomize(program string) (func(ctx context.Context, dir string) ([]byte, error), error) {
	names := []string{"kustomize", "kubectl"}
	if program != "" {
		names = []string{program}
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		verb := "build"
		if strings.HasPrefix(filepath.Base(path), "kubectl") {
			verb = "kustomize"
		}
		return func(ctx context.Context, dir string) ([]byte, error) { return runKustomize(ctx, path, verb, dir) }, nil
	}
	if program != "" {
		return nil, flagError{fmt.Errorf("--kustomize %s: there is no such program", program)}
	}
	return nil, nil
}

// runKustomize passes on nothing that the program says on standard error, as it may
// quote values.
func runKustomize(ctx context.Context, program, verb, dir string) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, kustomizeTime)
	defer stop()
	out := &capped{left: kustomizeSize}
	cmd := exec.CommandContext(ctx, program, verb, dir)
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the kustomization cannot be built (%w): %s %s says why", err, filepath.Base(program), verb)
	}
	return out.Bytes(), nil
}

// capped keeps what is written, up to a size.
type capped struct {
	bytes.Buffer
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		return 0, errors.New("too much output")
	}
	return c.Buffer.Write(p)
}
