package ghfake

import (
	"strconv"
	"strings"
)

// diff lists the files between two trees, as many as GitHub lists: 300.
func (g *GitHub) diff(r *Repo, from, to string) []doc {
	out, _ := r.Git.Git("diff-tree", "-r", "-M", "--raw", "--numstat", "--no-abbrev", "-z", from, to)
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	files := []doc{}
	byName := map[string]doc{}
	for i := 0; i < len(fields); i++ {
		if meta := strings.Fields(fields[i]); strings.HasPrefix(fields[i], ":") && len(meta) == 5 && i+1 < len(fields) {
			i++
			file := doc{"sha": meta[3], "filename": fields[i], "status": status(meta[4]), "additions": 0, "deletions": 0, "changes": 0}
			if file["status"] == "renamed" && i+1 < len(fields) {
				i++
				file["previous_filename"], file["filename"] = fields[i-1], fields[i]
			}
			g.fileURLs(r, file, to)
			files = append(files, file)
			byName[file["filename"].(string)] = file
			continue
		}
		added, rest, _ := strings.Cut(fields[i], "\t")
		removed, name, _ := strings.Cut(rest, "\t")
		if name == "" && i+2 < len(fields) { // a rename: both names follow
			name = fields[i+2]
			i += 2
		}
		if file := byName[name]; file != nil {
			a, _ := strconv.Atoi(added)
			d, _ := strconv.Atoi(removed)
			file["additions"], file["deletions"], file["changes"] = a, d, a+d
			file["patch"] = r.patch(from, to, name)
		}
	}
	return files[:min(len(files), 300)]
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
func (r *Repo) patch(from, to, name string) string {
	out, _ := r.Git.Git("diff", "-M", from, to, "--", name)
	if at := strings.Index(out, "\n@@"); at >= 0 {
		return out[at+1:]
	}
	return ""
}
