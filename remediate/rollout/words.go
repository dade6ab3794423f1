package rollout

import (
	"fmt"
	"strings"
	"time"
)

// Lines say, one a line, what a plan does.
func (p *Plan) Lines() []string {
	lines := []string{
		fmt.Sprintf("make %s ready: in the group %s, with a password of its own", p.New, p.Database.Group),
		"deliver the password: " + strings.Join(fill(p.Deliver.Write, map[string]string{"{version}": p.New}), " "),
	}
	for _, s := range p.Stages {
		share := "before production"
		if s.Share > 0 {
			share = fmt.Sprintf("%d %%", s.Share)
		}
		lines = append(lines, fmt.Sprintf("move %s (%s) to %s: it stands for %s, and its gate is that %s", s.Name, share, p.New, time.Duration(s.Dwell), s.Gate.words()))
	}
	return append(lines, fmt.Sprintf("retire %s %s later, when it has no session", p.Old, time.Duration(p.Grace)))
}

func (g Gate) words() string {
	switch {
	case g.Unused:
		return "the old version has no session"
	case len(g.Command) > 0:
		return strings.Join(g.Command, " ") + " exits 0"
	}
	var bounds []string
	if g.Below != nil {
		bounds = append(bounds, fmt.Sprintf("below %g", *g.Below))
	}
	if g.Above != nil {
		bounds = append(bounds, fmt.Sprintf("above %g", *g.Above))
	}
	return fmt.Sprintf("%s is %s at %s", g.Query, strings.Join(bounds, " and "), g.Prometheus)
}
