package vaultdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/leakgate/leakgate/internal/secret"
)

// Ending is one thing that ends passwords.
type Ending struct {
	What string // as "revoke-lease"
	Name string // of the lease, the role or the connection
	// Before looks whether it can be meant, and changes nothing. A leaked value is
	// given where there is one.
	Before func(context.Context, secret.Secret) error
	Do     func(context.Context) error
	After  func(context.Context) error // whether Vault shows it
}

// The endings by their name.
const (
	RevokeLease = "revoke-lease"
	RotateRole  = "rotate-role"
	RotateRoot  = "rotate-root"
)

// Ending is the one of that name.
func (e Engine) Ending(what, of string) (Ending, error) {
	end := Ending{What: what, Name: of}
	switch what {
	case RevokeLease:
		end.Before = func(ctx context.Context, _ secret.Secret) error { return e.leased(ctx, of, true) }
		end.Do = func(ctx context.Context) error { return e.RevokeLease(ctx, of) }
		end.After = func(ctx context.Context) error { return e.leased(ctx, of, false) }
		return end, e.ours(of)
	case RotateRole:
		e.role(&end)
	case RotateRoot:
		end.Before = func(context.Context, secret.Secret) error { return nil }
		end.Do = func(ctx context.Context) error { return e.RotateRoot(ctx, of) }
		end.After = func(context.Context) error { return nil } // Vault tells nobody; the database does
	default:
		return end, fmt.Errorf("it is one of %s, %s and %s", RevokeLease, RotateRole, RotateRoot)
	}
	if !name.MatchString(of) {
		return end, errName
	}
	return end, nil
}

func (e Engine) leased(ctx context.Context, id string, want bool) error {
	exists, _, err := e.Lease(ctx, id)
	switch {
	case err != nil:
		return err
	case !exists && want:
		return errors.New("vault knows no such lease: it ended, or is another Vault's")
	case exists && !want:
		return errors.New("the lease is still there")
	}
	return nil
}

// role holds the rotation of a static role to the password that leaked.
func (e Engine) role(end *Ending) {
	var before secret.Secret
	end.Before = func(ctx context.Context, leaked secret.Secret) (err error) {
		_, before, _, err = e.Static(ctx, end.Name)
		if err == nil && !leaked.IsZero() && !before.Equal(leaked) {
			err = fmt.Errorf("REFUSED_AMBIGUOUS: the value is not the password of the role %s", end.Name)
		}
		return err
	}
	end.Do = func(ctx context.Context) error { return e.RotateRole(ctx, end.Name) }
	end.After = func(ctx context.Context) error {
		_, now, _, err := e.Static(ctx, end.Name)
		if err == nil && now.Equal(before) {
			err = errors.New("the role has the same password as before")
		}
		return err
	}
}
