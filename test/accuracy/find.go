package main

import (
	"context"
	"fmt"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner"
)

// hit is one finding in a file.
type hit struct {
	rule     string
	from, to int // lines, from 1
	tier     rules.Confidence
}

// finder is the scanner as every door uses it.
type finder struct{ scanner *scanner.Scanner }

func newFinder(set *rules.Set) (finder, error) {
	key, err := secret.NewKey()
	if err != nil {
		return finder{}, err
	}
	return finder{scanner.New(scanner.Options{Rules: set, Key: key})}, nil
}

func (f finder) find(path, text string) ([]hit, error) {
	found, _, err := f.scanner.File(context.Background(), scanner.FromFile, path, "", []byte(text))
	if err != nil {
		return nil, fmt.Errorf("scan %s: %w", path, err)
	}
	hits := make([]hit, 0, len(found))
	for _, each := range found {
		hits = append(hits, hit{each.Rule.ID, each.At.StartLine, each.At.EndLine, each.Confidence})
	}
	return hits, nil
}
