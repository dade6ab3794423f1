package action

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Output is one value that the steps after this one can read.
type Output struct{ Name, Value string }

// writeOutputs appends outputs to the file that GITHUB_OUTPUT names, each
// between delimiters that nobody can know before:
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings
func writeOutputs(path string, outputs []Output) error {
	if path == "" {
		return nil
	}
	var text strings.Builder
	for _, o := range outputs {
		text.WriteString(heredoc(o))
	}
	if err := appendFile(path, text.String()); err != nil {
		return fmt.Errorf("write the outputs: %w", err)
	}
	return nil
}

// heredoc is an output as the runner reads it back, byte by byte.
func heredoc(o Output) string {
	delimiter := "leakgate-" + rand.Text()
	return o.Name + "<<" + delimiter + "\n" + o.Value + "\n" + delimiter + "\n"
}

func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// GitHub drops the summary of a step that is larger:
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
const maxSummary = 1 << 20

const summaryCut = "\n\n…this summary was cut: that of one step may have 1 MiB.\n"

// writeSummary appends Markdown to the job summary, as much of it as fits
// beside what is there already.
func writeSummary(path, markdown string) error {
	if path == "" {
		return nil
	}
	room := maxSummary
	if info, err := os.Stat(path); err == nil {
		room -= int(min(info.Size(), maxSummary))
	}
	if err := appendFile(path, fitting(markdown, room)); err != nil {
		return fmt.Errorf("write the job summary: %w", err)
	}
	return nil
}

// fitting is text, or as many of its first lines as fit with a note about the rest.
func fitting(text string, room int) string {
	if len(text) < room {
		return text
	}
	if room <= len(summaryCut) {
		return ""
	}
	kept := text[:room-len(summaryCut)]
	return kept[:strings.LastIndexByte(kept, '\n')+1] + summaryCut
}
