package ghfake

import (
	"strconv"
	"strings"
)

// diff lists the files that differ between two trees, as many as GitHub lists: 300.
// https://docs.github.com/rest/commits/commits#compare-two-commits
func (g *GitHub) diff(r *Repo, from, to string) []doc {
	files := r.changedFiles(from, to)
	files = files[:min(len(files), 300)]
	lines := r.changedLines(from, to)
	for _, file := range files {
		name := file["filename"].(string)
		names := []string{name}
		if old, renamed := file["previous_filename"].(string); renamed {
			names = append(names, old)
		}
		n := lines[name]
		file["additions"], file["deletions"], file["changes"] = n[0], n[1], n[0]+n[1]
		if patch := r.patch(from, to, names...); patch != "" {
			file["patch"] = patch
		}
		g.fileURLs(r, file, to)
	}
	return files
}

// changedFiles reads ":MODE MODE OLD NEW LETTER", then the name, or both of a rename.
func (r *Repo) changedFiles(from, to string) []doc {
	files := []doc{}
	fields := r.fields("diff-tree", "-r", "-M", "--raw", "--no-abbrev", "-z", from, to)
	for len(fields) >= 2 {
		meta := strings.Fields(fields[0])
		file := doc{"sha": meta[3], "status": status(meta[4]), "filename": fields[1]}
		switch file["status"] {
		case "removed":
			file["sha"] = meta[2]
		case "renamed":
			file["previous_filename"], file["filename"] = fields[1], fields[2]
			fields = fields[1:]
		}
		files = append(files, file)
		fields = fields[2:]
	}
	return files
}

// changedLines reads "ADDED<tab>REMOVED<tab>NAME"; of a rename both names follow.
func (r *Repo) changedLines(from, to string) map[string][2]int {
	out := map[string][2]int{}
	fields := r.fields("diff-tree", "-r", "-M", "--numstat", "-z", from, to)
	for len(fields) > 0 {
		part := strings.SplitN(fields[0], "\t", 3)
		fields = fields[1:]
		if part[2] == "" {
			part[2] = fields[1]
			fields = fields[2:]
		}
		added, _ := strconv.Atoi(part[0]) // a dash for a binary file, which counts none
		removed, _ := strconv.Atoi(part[1])
		out[part[2]] = [2]int{added, removed}
	}
	return out
}

// fields runs git and splits at the zero bytes.
func (r *Repo) fields(args ...string) []string {
	out, err := r.Git.Git(args...)
	if err != nil || out == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
}

func (g *GitHub) fileURLs(r *Repo, file doc, sha string) {
	name := file["filename"].(string)
	file["blob_url"], file["raw_url"] = g.webURL(r, "/blob/%s/%s", sha, escape(name)), g.webURL(r, "/raw/%s/%s", sha, escape(name))
	file["contents_url"] = g.repoURL(r, "/contents/%s?ref=%s", escape(name), sha)
}

func status(letter string) string {
	switch letter[0] {
	case 'A':
		return "added"
	case 'D':
		return "removed"
	case 'R':
		return "renamed"
	case 'T':
		return "changed"
	}
	return "modified"
}

// patch is the hunks of one file.
func (r *Repo) patch(from, to string, names ...string) string {
	out, _ := r.Git.Git(append([]string{"--literal-pathspecs", "diff", "-M", from, to, "--"}, names...)...)
	if at := strings.Index(out, "\n@@"); at >= 0 {
		return out[at+1:]
	}
	return ""
}
