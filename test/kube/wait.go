package kube

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Eventually tries until there is no error or the context ends, and then gives the
// last error. What happens in a real cluster happens a little later.
func Eventually(ctx context.Context, try func(context.Context) error) error {
	var err error
	for {
		last := try(ctx)
		if err == nil || ctx.Err() == nil { // else it says only that the time is over
			err = last
		}
		var final *finalError
		if last == nil || errors.As(last, &final) {
			return last
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// finalError is one that trying again does not change.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }
