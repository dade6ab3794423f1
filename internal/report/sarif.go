package report

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v2/sarif"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/scanner"
)

// The categories of SARIF runs. GitHub closes an alert when its line leaves the
// branch; a credential in history lives on, so it has a category of its own.
const (
	CategoryHead    = "leakgate/head"
	CategoryHistory = "leakgate/history"
)

// GitHub's limits, kept with room to spare; it shows at most 5,000 results.
// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
const (
	sarifMaxResults       = 5000
	sarifMaxNotifications = 500
	sarifMaxGzipped       = 10_000_000
	sarifMaxText          = 1024
	sarifMaxTags          = 10
)

// writeSARIF writes SARIF 2.1.0, with fewer results where the file would be
// larger than GitHub takes.
func writeSARIF(w io.Writer, v *view) error {
	for limit := sarifMaxResults; ; limit /= 2 {
		log, err := v.sarifLog(limit)
		if err != nil {
			return err
		}
		// Not the library's WriteFile: it neither truncates nor gives the file a usable mode.
		var text bytes.Buffer
		if err := log.PrettyWrite(&text); err != nil {
			return err
		}
		if limit == 0 || fitsGitHub(text.Bytes()) {
			_, err := w.Write(append(disarmJSON(text.Bytes()), '\n'))
			return err
		}
	}
}

// fitsGitHub reports whether a file is small enough; the fastest compression
// gives an upper bound.
func fitsGitHub(text []byte) bool {
	if len(text) <= sarifMaxGzipped {
		return true
	}
	var size counter
	zip, err := gzip.NewWriterLevel(&size, gzip.BestSpeed)
	if err != nil {
		return false
	}
	_, err = zip.Write(text)
	return errors.Join(err, zip.Close()) == nil && size <= sarifMaxGzipped
}

// counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func (v *view) sarifLog(limit int) (*sarif.Report, error) {
	log, err := sarif.New(sarif.Version210)
	if err != nil {
		return nil, err
	}
	for _, category := range []string{CategoryHead, CategoryHistory} {
		if v.Category == "" || v.Category == category {
			log.AddRun(v.sarifRun(category, limit))
		}
	}
	if len(log.Runs) == 0 {
		return nil, fmt.Errorf("unknown SARIF category %q: use %s or %s", v.Category, CategoryHead, CategoryHistory)
	}
	return log, nil
}

func (v *view) sarifRun(category string, limit int) *sarif.Run {
	findings, left := v.sarifFindings(category, limit)
	driver := sarif.NewVersionedDriver(v.Tool.Name, orElse(v.Tool.Version, "unknown"))
	driver.InformationURI = text(InformationURI)
	if isSemantic(v.Tool.Version) {
		driver.SemanticVersion = text(strings.TrimPrefix(v.Tool.Version, "v"))
	}
	var index map[string]uint
	driver.Rules, index = v.sarifRules(findings)
	run := sarif.NewRun(*sarif.NewTool(driver))
	run.ColumnKind = "unicodeCodePoints"
	run.AutomationDetails = sarif.NewRunAutomationDetails().WithID(v.sarifRunID(category))
	run.OriginalUriBaseIDs = map[string]*sarif.ArtifactLocation{
		srcRoot: {Description: sarif.NewTextMessage("The root of the scanned repository or folder.")},
	}
	run.Invocations = []*sarif.Invocation{v.sarifInvocation(left)}
	run.VersionControlProvenance = v.sarifProvenance()
	for _, f := range findings {
		run.Results = append(run.Results, v.sarifResult(f, index[ruleOf(f).ID]))
	}
	return run
}

// sarifRunID is "CATEGORY/RUN": GitHub takes what stands before the last slash
// for the category.
func (v *view) sarifRunID(category string) string {
	return category + "/" + strings.ReplaceAll(visible(v.mask.clean(v.RunID)), "/", "-")
}

// sarifFindings picks the findings of a category, the gravest first where
// there are more than the limit; left is how many are not among them. A line
// that several commits brought in is one result at head.
func (v *view) sarifFindings(category string, limit int) (picked []*gate.Judged, left int) {
	for i := range v.Verdict.Findings {
		if f := &v.Verdict.Findings[i]; atHead(f) == (category == CategoryHead) {
			picked = append(picked, f)
		}
	}
	slices.SortStableFunc(picked, byGravity)
	if category == CategoryHead {
		picked = oneForEachPlace(picked)
	}
	if len(picked) > limit {
		picked, left = picked[:limit], len(picked)-limit
	}
	return picked, left
}

func oneForEachPlace(findings []*gate.Judged) []*gate.Judged {
	type place struct{ rule, path, fingerprint, lineHash string }
	seen := map[place]bool{}
	return slices.DeleteFunc(findings, func(f *gate.Judged) bool {
		at := place{ruleOf(f).ID, f.At.Path, f.Fingerprint, f.LineHash}
		again := seen[at] && f.Fingerprint != ""
		seen[at] = true
		return again
	})
}

// atHead reports whether the line of a finding can be looked at now.
func atHead(f *gate.Judged) bool {
	inFile := f.At.Kind != scanner.InMessage && f.At.StartLine > 0
	return inFile && (f.At.AtHead || f.At.Origin != scanner.FromCommit)
}

// byGravity orders what blocks before what warns, then by severity and confidence.
func byGravity(a, b *gate.Judged) int {
	return cmp.Or(
		cmp.Compare(gravity(b.Decision), gravity(a.Decision)),
		cmp.Compare(b.Severity, a.Severity),
		cmp.Compare(b.Confidence, a.Confidence),
	)
}

func gravity(d gate.Decision) int {
	switch d {
	case gate.Block:
		return 3
	case gate.Undecided:
		return 2
	case gate.Warn:
		return 1
	}
	return 0
}

func text(s string) *string { return &s }
