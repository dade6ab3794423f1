package gitrepo

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Environment is where git tells the hooks that it runs to look, beside the
// repository itself. The zero value adds nothing.
type Environment struct {
	// Objects are further folders of objects: those of a push that is not
	// accepted yet lie in a quarantine folder, and nowhere else.
	Objects []string
	// Index is the file to read what is staged from: `git commit FILE` stages
	// apart from the repository's own index.
	Index string
	// Missing is told of every object that was wanted and is not here, also at the same
	// time: a partial clone can fetch them all at once for another try. nil: nobody is.
	Missing func(ID)
}

// HookEnvironment reads the variables that git sets for hooks, see
// https://git-scm.com/docs/git#_environment_variables and
// https://git-scm.com/docs/git-receive-pack#_quarantine_environment.
func HookEnvironment(variable func(string) string) (Environment, error) {
	env := Environment{Index: variable("GIT_INDEX_FILE")}
	if dir := variable("GIT_OBJECT_DIRECTORY"); dir != "" {
		env.Objects = append(env.Objects, dir)
	}
	env.Objects = append(env.Objects, splitPaths(variable("GIT_ALTERNATE_OBJECT_DIRECTORIES"))...)
	return env, env.absolute()
}

// splitPaths takes a list apart; a path with a separator in it is quoted.
func splitPaths(list string) []string {
	var out []string
	for list != "" {
		var one string
		if end := strings.IndexByte(strings.TrimPrefix(list, `"`), '"'); list[0] == '"' && end >= 0 {
			one, list = list[:end+2], list[end+2:]
			list = strings.TrimPrefix(list, string(filepath.ListSeparator))
		} else {
			one, list, _ = strings.Cut(list, string(filepath.ListSeparator))
		}
		if one != "" {
			out = append(out, alternatePath(one, ""))
		}
	}
	return out
}

func (e *Environment) absolute() (err error) {
	for i := range e.Objects {
		if e.Objects[i], err = filepath.Abs(e.Objects[i]); err != nil {
			return err
		}
	}
	if e.Index != "" {
		e.Index, err = filepath.Abs(e.Index)
	}
	return err
}

// OpenWith is [Open] in the environment of a hook. A folder of objects that is
// not there is damage, as an alternate that is not there.
func OpenWith(path string, env Environment) (*Repo, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	r.index, r.store.missed = env.Index, env.Missing
	for _, dir := range env.Objects {
		if err := r.store.addAlternate(dir, 0); err != nil {
			r.Close()
			return nil, fmt.Errorf("open git repository %s: %w", r.gitDir, err)
		}
	}
	r.store.order()
	return r, nil
}
