package report

import (
	_ "embed"
	"io"
	"iter"
	"time"

	"github.com/leakgate/leakgate/internal/gate"
	"github.com/leakgate/leakgate/scanner"
)

// SchemaVersion is the version of the JSON document. It grows when a reader of
// the old one would be misled; a new field alone does not change it.
const SchemaVersion = 1

// Schema is the JSON Schema (draft 2020-12) of the json format.
//
//go:embed report.schema.json
var Schema string

func writeJSON(w io.Writer, v *view) error {
	o := &object{w: w}
	o.field("schemaVersion", SchemaVersion)
	o.field("tool", jsonTool{v.Tool.Name, v.Tool.Version})
	o.field("started", timestamp(v.Started))
	o.field("finished", timestamp(v.Finished))
	o.field("repository", v.repositoryURL())
	o.field("ref", v.mask.clean(v.Ref))
	o.field("range", jsonRange{v.mask.clean(v.Result.Range.Text), v.Result.Range.Base, v.Result.Range.Head})
	o.field("verdict", v.jsonVerdict())
	list(o, "notices", v.jsonNotices())
	o.field("coverage", v.jsonCoverage())
	o.field("credentialIdsStable", v.Result.StableIDs)
	list(o, "credentials", v.jsonCredentials())
	list(o, "findings", v.jsonFindings())
	return o.close()
}

func (v *view) jsonVerdict() jsonVerdict {
	return jsonVerdict{
		Decision:  v.Verdict.Decision.String(),
		ExitCode:  v.Verdict.ExitCode(),
		Reason:    v.errText(),
		Blocked:   v.count(gate.Block),
		Warned:    v.count(gate.Warn),
		Allowed:   v.count(gate.Allow),
		Undecided: v.count(gate.Undecided),
	}
}

// errText says why the gate could not decide, or "".
func (v *view) errText() string {
	if v.Verdict.Err == nil {
		return ""
	}
	return v.mask.clean(v.Verdict.Err.Error())
}

func (v *view) jsonNotices() iter.Seq[jsonNotice] {
	return func(yield func(jsonNotice) bool) {
		for _, n := range v.Verdict.Notices {
			if !yield(jsonNotice{v.mask.clean(n.Text), v.mask.clean(n.Path), n.Line, n.Block}) {
				return
			}
		}
	}
}

func (v *view) jsonCoverage() jsonCoverage {
	c := v.Result.Coverage
	return jsonCoverage{
		Complete: c.Complete(),
		Commits:  c.Commits,
		Blobs:    c.Blobs,
		Bytes:    c.Bytes,

		KnownCommits: c.KnownCommits,
		KnownBlobs:   c.KnownBlobs,

		Excluded: v.jsonSkips(v.excluded),
		Missed:   v.jsonSkips(v.missed),
	}
}

func (v *view) jsonSkips(skips []scanner.Skip) []jsonSkip {
	out := make([]jsonSkip, 0, len(skips))
	for _, s := range skips {
		out = append(out, jsonSkip{v.mask.clean(s.Path), s.Commit, v.mask.clean(s.Reason), max(1, s.Count)})
	}
	return out
}

func (v *view) jsonCredentials() iter.Seq[jsonCredential] {
	return func(yield func(jsonCredential) bool) {
		for i := range v.Result.Credentials {
			c := &v.Result.Credentials[i]
			if !yield(jsonCredential{
				ID:          c.ID,
				Rules:       v.cleanAll(c.Rules),
				Occurrences: c.Occurrences,
				FirstCommit: c.FirstCommit,
				LastCommit:  c.LastCommit,
				FirstSeen:   timestamp(c.FirstSeen),
				LastSeen:    timestamp(c.LastSeen),
				Paths:       v.cleanAll(c.Paths),
				AtHead:      c.AtHead,
			}) {
				return
			}
		}
	}
}

func (v *view) jsonFindings() iter.Seq[jsonFinding] {
	return func(yield func(jsonFinding) bool) {
		for i := range v.Verdict.Findings {
			if !yield(v.jsonFinding(&v.Verdict.Findings[i])) {
				return
			}
		}
	}
}

func (v *view) jsonFinding(f *gate.Judged) jsonFinding {
	clean := v.mask.clean
	return jsonFinding{
		Rule:        clean(ruleOf(f).ID),
		Description: clean(ruleOf(f).Description),
		Severity:    f.Severity.String(),
		Confidence:  f.Confidence.String(),
		Path:        clean(f.At.Path),
		Commit:      f.Commit.ID,
		Author:      clean(f.Commit.Author),
		Email:       clean(f.Commit.Email),
		Date:        timestamp(f.Commit.Date),
		StartLine:   f.At.StartLine,
		EndLine:     f.At.EndLine,
		StartColumn: f.At.StartColumn,
		EndColumn:   f.At.EndColumn,
		Fingerprint: f.Fingerprint,
		Credential:  f.Credential,
		Preview:     preview(f),
		Kind:        string(f.At.Kind),
		Source:      string(f.At.Origin),
		Blob:        f.At.Blob,
		Span:        f.At.Span,
		Field:       clean(f.At.Field),
		DecodedFrom: v.cleanAll(f.At.DecodedFrom),
		Context:     clean(f.Context),
		Fix:         clean(f.Fix),
		AtHead:      f.At.AtHead,
		Older:       f.Older,
		Environment: clean(f.Environment),
		Decision:    f.Decision.String(),
		Reason:      clean(f.Reason),
		Exception:   clean(f.Exception),
	}
}

// cleanAll masks every text; it gives an empty list, never null.
func (v *view) cleanAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, text := range list {
		out = append(out, v.mask.clean(text))
	}
	return out
}

// timestamp is RFC 3339 in UTC to the second, "" for no time.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
