package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// planter copies a stream of git fast-export and adds values: each to one
// file, from a commit on, to every version that comes later.
type planter struct {
	in      *bufio.Reader
	out     *bufio.Writer
	texts   *blobs
	paths   []string // files, one for each value
	starts  []int    // commits after which the values begin
	values  []string
	commits int
}

func (p *planter) copy() error {
	for {
		line, err := p.in.ReadString('\n')
		if err == io.EOF {
			return p.out.Flush()
		}
		if err != nil {
			return err
		}
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "commit "):
			p.commits++
		case strings.HasPrefix(line, "data ") && len(fields) == 2:
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return err
			}
			fmt.Fprint(p.out, line)
			if _, err := io.CopyN(p.out, p.in, n); err != nil {
				return err
			}
			continue
		case strings.HasPrefix(line, "M ") && len(fields) == 4 && slices.Contains(p.paths, fields[3]):
			if err := p.version(fields[1], fields[2], fields[3]); err != nil {
				return err
			}
			continue
		}
		fmt.Fprint(p.out, line)
	}
}

// version writes a version of the file with what is planted by now.
func (p *planter) version(mode, id, path string) error {
	text, err := p.texts.read(id)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, start := range p.starts {
		if p.commits > start && p.paths[i] == path {
			fmt.Fprintf(&b, "token_%d = %s\n", i, p.values[i])
		}
	}
	b.Write(text)
	fmt.Fprintf(p.out, "M %s inline %s\ndata %d\n%s\n", mode, path, b.Len(), b.String())
	return nil
}

// blobs reads objects through one process of git.
type blobs struct {
	ask    io.Writer
	answer *bufio.Reader
}

func (b *blobs) read(id string) ([]byte, error) {
	fmt.Fprintln(b.ask, id)
	head, err := b.answer.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var name, kind string
	var size int
	if _, err := fmt.Sscan(head, &name, &kind, &size); err != nil {
		return nil, err
	}
	text := make([]byte, size+1)
	_, err = io.ReadFull(b.answer, text)
	return text[:size], err
}

func git(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "gc.auto=0"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	cmd.Stderr = os.Stderr
	return cmd
}

func export(dir string) *exec.Cmd {
	return git(dir, "fast-export", "--branches", "--tags", "--signed-tags=strip", "--tag-of-filtered-object=drop", "--no-data", "--reencode=no")
}

// busiest are the files that change in most commits behind each of some shares of
// all commits, in percent, and those commits.
func busiest(source string, shares []int) (paths []string, starts []int, err error) {
	out, err := export(source).Output()
	if err != nil {
		return nil, nil, err
	}
	text := string(out)
	commits := strings.Count(text, "\ncommit refs/")
	for _, share := range shares {
		starts, paths = append(starts, commits*share/100-commits/200), append(paths, "")
	}
	times, at := make([]map[string]int, len(shares)), 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "commit refs/") {
			at++
		}
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] != "M" {
			continue
		}
		for i, start := range starts {
			if times[i] == nil {
				times[i] = map[string]int{}
			}
			if path := fields[3]; at > start {
				if times[i][path]++; times[i][path] > times[i][paths[i]] {
					paths[i] = path
				}
			}
		}
	}
	return paths, starts, nil
}

// plant makes a copy of a repository, its branches and tags, with values in it.
func plant(source, target string, paths []string, starts []int, values []string) error {
	for _, args := range [][]string{{"init", "-q", "--bare", target}, {"-C", target, "fetch", "-q", source, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
	}
	from, to, read := export(target), git(target, "fast-import", "--quiet", "--force"), git(target, "cat-file", "--batch")
	stream, err := from.StdoutPipe()
	if err != nil {
		return err
	}
	sink, err := to.StdinPipe()
	if err != nil {
		return err
	}
	ask, err := read.StdinPipe()
	if err != nil {
		return err
	}
	answer, err := read.StdoutPipe()
	if err != nil {
		return err
	}
	for _, c := range []*exec.Cmd{from, to, read} {
		if err := c.Start(); err != nil {
			return err
		}
	}
	p := &planter{in: bufio.NewReaderSize(stream, 1<<20), out: bufio.NewWriterSize(sink, 1<<20), paths: paths, starts: starts, values: values,
		texts: &blobs{ask, bufio.NewReader(answer)}}
	if err := p.copy(); err != nil {
		return err
	}
	sink.Close()
	ask.Close()
	for _, c := range []*exec.Cmd{from, to, read} {
		if err := c.Wait(); err != nil {
			return err
		}
	}
	return git(target, "gc", "--quiet", "--prune=now").Run()
}
