package ghfake

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Sarif is an upload that was taken.
type Sarif struct {
	ID, Ref, SHA, Category string
	Log                    []byte // as it was before gzip and base64
	Status                 string // pending, complete, failed
	Problems               []string
}

// Sarifs lists the uploads of a repository.
func (g *GitHub) Sarifs(r *Repo) []Sarif {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Sarif
	for _, s := range r.sarifs {
		out = append(out, *s)
	}
	return out
}

// The limits of https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning#validating-your-sarif-file
const (
	maxSarif     = 10 << 20 // gzipped
	maxLog       = 1 << 30
	maxRunsSarif = 20
	maxResults   = 25000
	maxRules     = 25000
	maxLocations = 1000
	maxTags      = 20
)

// uploadSarif takes a log, and looks at it when its state is asked for.
func uploadSarif(c *call) answer {
	if c.repo.Private && !c.repo.CodeSecurity {
		return fail(http.StatusForbidden, "Code Security must be enabled for this repository to use code scanning.")
	}
	packed, err := base64.StdEncoding.DecodeString(c.text("sarif"))
	if err != nil {
		return fail(http.StatusBadRequest, "sarif is not Base64 encoded")
	}
	if len(packed) > maxSarif {
		return fail(http.StatusRequestEntityTooLarge, "SARIF upload is too large")
	}
	log, err := unpack(packed)
	if err != nil {
		return fail(http.StatusBadRequest, "sarif is not gzip compressed")
	}
	if _, err := c.repo.Git.Git("cat-file", "-e", c.text("commit_sha")+"^{commit}"); err != nil {
		return fail(http.StatusNotFound, "commit not found")
	}
	s := &Sarif{ID: c.uuid(), Ref: c.text("ref"), SHA: c.text("commit_sha"), Log: log, Status: "pending"}
	c.repo.sarifs = append(c.repo.sarifs, s)
	return answer{status: http.StatusAccepted, body: doc{"id": s.ID, "url": c.repoURL(c.repo, "/code-scanning/sarifs/%s", s.ID)}}
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxLog))
}

func (c *call) uuid() string {
	h := random(16)
	return strings.Join([]string{h[:8], h[8:12], "4" + h[13:16], "a" + h[17:20], h[20:32]}, "-")
}

// getSarif is pending once, and decided from then on.
func getSarif(c *call) answer {
	i := slices.IndexFunc(c.repo.sarifs, func(s *Sarif) bool { return s.ID == c.params["sarif_id"] })
	if i < 0 {
		return answer{status: http.StatusNotFound} // described without a body
	}
	s := c.repo.sarifs[i]
	v := doc{"processing_status": s.Status, "analyses_url": nil, "errors": nil}
	switch s.Status {
	case "pending":
		c.process(s)
	case "complete":
		v["analyses_url"] = c.repoURL(c.repo, "/code-scanning/analyses?sarif_id=%s", s.ID)
	case "failed":
		v["errors"] = s.Problems
	}
	return ok(v)
}

// sarif is what GitHub reads of a log.
type sarif struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID         string
					Properties struct{ Tags []string }
				}
			}
		}
		AutomationDetails struct{ ID string }
		Results           []struct {
			RuleID    string
			Message   struct{ Text string }
			Locations []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
				}
			}
			PartialFingerprints map[string]string
		}
	}
}

func (c *call) process(s *Sarif) {
	var log sarif
	if err := json.Unmarshal(s.Log, &log); err != nil {
		s.Status, s.Problems = "failed", []string{"the file is no SARIF"}
		return
	}
	if s.Problems = log.problems(); len(s.Problems) > 0 {
		s.Status = "failed"
		return
	}
	s.Status = "complete"
	for _, run := range log.Runs {
		c.alertsOf(s, run.Tool.Driver.Name, category(run.AutomationDetails.ID), log)
	}
}

// category is an id up to its last slash.
func category(id string) string {
	s := strings.LastIndex(id, "/")
	if s < 0 {
		return ""
	}
	return id[:s]
}

func (log *sarif) problems() []string {
	var out []string
	over := func(what string, n, limit int) {
		if n > limit {
			out = append(out, fmt.Sprintf("rejecting SARIF, as there are more %s than allowed (%d > %d)", what, n, limit))
		}
	}
	if log.Version != "2.1.0" {
		out = append(out, "version must be 2.1.0")
	}
	over("runs", len(log.Runs), maxRunsSarif)
	seen := map[string]bool{}
	for _, run := range log.Runs {
		over("results", len(run.Results), maxResults)
		over("rules", len(run.Tool.Driver.Rules), maxRules)
		for _, rule := range run.Tool.Driver.Rules {
			over("tags of a rule", len(rule.Properties.Tags), maxTags)
		}
		key := run.Tool.Driver.Name + " " + category(run.AutomationDetails.ID)
		if seen[key] {
			out = append(out, "several runs of one tool have the same category: "+key)
		}
		seen[key] = true
		for _, result := range run.Results {
			over("locations of a result", len(result.Locations), maxLocations)
			if result.Message.Text == "" || len(result.Locations) == 0 || result.Locations[0].PhysicalLocation.Region.StartLine < 1 {
				out = append(out, "a result lacks its message, its location or its line")
			}
		}
	}
	return out
}
