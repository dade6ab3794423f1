package manifest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGoldenDocuments compares what is made of each testdata/*.yaml with the
// .golden file beside it. A new family of kinds brings a pair.
func TestGoldenDocuments(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, input := range inputs {
		t.Run(filepath.Base(input), func(t *testing.T) {
			text, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			docs, err := Parse(filepath.Base(input), text)
			got := outline(docs, err, string(text))
			golden := strings.TrimSuffix(input, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// outline writes documents and fields as lines: place, path, how kept, what
// stands there.
func outline(docs []Document, err error, text string) string {
	var out strings.Builder
	for _, d := range docs {
		fmt.Fprintf(&out, "%s %s %s/%s line %d\n", d.APIVersion, d.Kind, d.Namespace, d.Name, d.Line)
		for _, f := range d.Fields {
			fmt.Fprintf(&out, "  %d:%d-%d:%d %s %v", f.Line, f.Column, f.EndLine, f.EndColumn, f.Path, f.Kept)
			if f.Sensitive {
				out.WriteString(" sensitive")
			}
			if f.Undecoded {
				out.WriteString(" undecoded")
			}
			fmt.Fprintf(&out, " %v %q\n", f.Encoding, text[f.Start:f.End])
		}
	}
	if err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}
