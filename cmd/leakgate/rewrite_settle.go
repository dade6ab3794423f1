package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/leakgate/leakgate/internal/inspect"
	"github.com/leakgate/leakgate/remediate"
	"github.com/leakgate/leakgate/remediate/purge"
)

func (w *world) rewriteSettleCommand(f *remediation) *cobra.Command {
	var taken, refused bool
	var reason string
	c := &cobra.Command{
		Use: "settle DIGEST", Short: "Say what became of a push that was cut off", Args: cobra.ExactArgs(1),
		Long: "Show where each ref of a push is whose end nobody saw, and settle it if they tell: one at its\nnew place, or on top of it, proves that all moved; one at its old place, that none did. When\nsomebody moved them elsewhere since, look into the server's log and say it: --taken or\n--refused, and --reason, which approvers sign first (leakgate rewrite approve --taken or --refused),\nunless [rewrite] unsigned = true in the operator's file wants none. Where some moved and some did\nnot, because the server is not as atomic as it says, apply moves the rest and rollback takes back\nwhat moved. It is safe to be wrong: nothing is pushed here, the bundle stays, a\npush that was taken is to be verified, and one that was not is made again under new leases.\n" + rewriteExit,
		RunE: func(cmd *cobra.Command, args []string) error {
			var word *bool
			switch {
			case taken && refused || (taken || refused) != (reason != ""):
				return badFlag("give one of --taken and --refused, and a --reason")
			case taken || refused:
				word = &taken
			}
			return w.onPlan(cmd, f, &rewriteFlags{}, args[0], func(p *purge.Engine) error {
				s, err := p.Settle(cmd.Context(), args[0], word, reason)
				if s != nil {
					w.printStanding(s, args[0], p.Policy)
				}
				if err == nil {
					if word != nil && s.Of != "" {
						fmt.Fprintf(w.stdout, "%s said so: %s (%s)\n", inspect.Clean(p.Actor), inspect.Clean(reason), proven(s.Proof))
					}
					fmt.Fprintf(w.stdout, "It is settled. Go on: leakgate rewrite apply %s, or rollback\n", args[0])
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&taken, "taken", false, "the remote took the push")
	c.Flags().BoolVar(&refused, "refused", false, "the remote did not take the push")
	c.Flags().StringVar(&reason, "reason", "", "`WHY` you know, for the audit trail")
	return c
}

// printStanding says where refs are and, where they tell nothing, what is to be signed.
func (w *world) printStanding(s *purge.Settlement, digest string, policy remediate.Policy) {
	w.printSome(len(s.Refs), func(i int) string { return standing(s.Refs[i]) })
	if s.Of != "" && !policy.Rewrite.Unsigned {
		fmt.Fprintf(w.stdout, "To be signed by %d approvers: leakgate rewrite approve %s --taken %s --key FILE, or --refused\n", policy.Rewrite.Need(), digest, s.Of)
	}
}

// standing is where a ref is, in words.
func standing(s purge.Standing) string {
	says := "tells neither"
	switch {
	case s.Took && !s.Stayed:
		says = "the push was taken"
	case s.Stayed && !s.Took:
		says = "the push was not taken"
	}
	return fmt.Sprintf("%s is %s, was %s, was to be %s: %s", inspect.Clean(s.Ref.Name), cmp.Or(s.Now, "gone"), cmp.Or(s.Ref.Old, "none"), cmp.Or(s.Ref.New, "none"), says)
}

// said are the flags of whoever signs a word on a rewrite that was done.
type said struct {
	remains, taken, refused string
}

func (s *said) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&s.remains, "remains", "", "accept what remains: the `DIGEST` that verify prints")
	c.Flags().StringVar(&s.taken, "taken", "", "say that a push was taken: the `DIGEST` that settle prints")
	c.Flags().StringVar(&s.refused, "refused", "", "say that a push was not taken: the `DIGEST` that settle prints")
}

// one is the word and what it is of; both empty for none.
func (s *said) one() (word remediate.Word, of string, err error) {
	for _, f := range []struct {
		word remediate.Word
		of   string
	}{{remediate.WordRemains, s.remains}, {remediate.WordTaken, s.taken}, {remediate.WordRefused, s.refused}} {
		switch {
		case f.of == "":
		case of != "":
			return "", "", badFlag("--%s and --%s are of two things: give one", word, f.word)
		default:
			word, of = f.word, f.of
		}
	}
	return word, of, nil
}

// printMatter shows what is signed. Where the statement is printed to be signed elsewhere,
// standard output holds nothing else.
func (w *world) printMatter(cmd *cobra.Command, p *purge.Engine, digest string, word remediate.Word, of string) error {
	m, err := p.Matter(cmd.Context(), digest, word, of)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stderr, "What is signed is of %s:\n", m.About)
	for _, line := range m.What {
		fmt.Fprintf(w.stderr, "  %s\n", inspect.Clean(line))
	}
	return nil
}

// proven says in words who signed what somebody said.
func proven(p purge.Proof) string {
	if len(p.Signed) == 0 {
		return "unproven: nobody signed it"
	}
	return "signed by " + inspect.Clean(strings.Join(p.Signed, ", "))
}
