package main

import (
	"context"
	"fmt"

	"github.com/leakgate/leakgate/rules"
	"github.com/leakgate/leakgate/scanner/detect"
)

// detector says by which of the built-in rules a value is a known credential,
// "" if by none or if that is only possible.
func detector() (func(value string) string, error) {
	set, err := rules.Default()
	if err != nil {
		return nil, fmt.Errorf("load the rules: %w", err)
	}
	d := detect.New(set, detect.Options{})
	return func(value string) string {
		found, err := d.Text(context.Background(), nil, []byte(value)) // without an end, so without an error
		if err != nil {
			return ""
		}
		for _, m := range found {
			if m.Confidence >= rules.Likely {
				return m.Rule.ID
			}
		}
		return ""
	}, nil
}
