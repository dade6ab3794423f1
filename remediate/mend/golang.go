package mend

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Stamps are variables of Go that a build sets (https://pkg.go.dev/cmd/link, -X), each with the file that says
// so. The linker sets only what is a string from the first: read from the environment such a variable
// would be empty, and nobody told.
type Stamps map[string]string

// anyVariable stands for a name that a build computes.
const anyVariable = "*"

var (
	stamp    = regexp.MustCompile(`-X[=\s'"]+[^\s'"=]*\.(\w+|\$)`)
	bazel    = regexp.MustCompile(`x_defs\s*=\s*\{([^}]*)\}`) // of rules_go
	bazelKey = regexp.MustCompile(`(\w+)["']\s*:`)
)

// Read takes in what a file says of builds.
func (s Stamps) Read(file string, text []byte) {
	if len(text) > maxFile || !bytes.Contains(text, []byte("-X")) && !bytes.Contains(text, []byte("x_defs")) {
		return
	}
	for _, m := range stamp.FindAllSubmatch(text, -1) {
		if name := string(m[1]); name != "$" {
			s[name] = file
		} else {
			s[anyVariable] = file
		}
	}
	for _, m := range bazel.FindAllSubmatch(text, -1) {
		for _, key := range bazelKey.FindAllSubmatch(m[1], -1) {
			s[string(key[1])] = file
		}
	}
}

// by is the file that sets a variable of a package; "" for none.
func (s Stamps) by(v goVariable) string {
	if !v.ofPackage {
		return ""
	}
	return cmp.Or(s[v.is], s[anyVariable])
}

// Told says of the variables of a package in a file what a build may do to them. File has put
// references in place of those that no build is known to set.
func (s Stamps) Told(file string, text []byte, placeholder string) (out []string) {
	if !strings.HasSuffix(file, ".go") {
		return nil
	}
	found, _ := goVariables(text, placeholder)
	for _, v := range found {
		switch by := s.by(v); {
		case by != "":
			out = append(out, fmt.Sprintf("%s: a build sets %s (-X in %s), so its placeholder stays: give the new value there", file, v.is, by))
		case v.ofPackage:
			out = append(out, fmt.Sprintf("%s: %s is read from the environment now; a build that sets it by -X sets nothing any more", file, v.is))
		}
	}
	slices.Sort(out)
	return out
}

// goVariable is one that a file sets to a string.
type goVariable struct {
	from, to  int // of the string
	is, name  string
	ofPackage bool
}

// mend reads variables from the environment that were strings.
func (s Stamps) mend(text []byte, word string) ([]byte, []string) {
	found, ok := goVariables(text, word)
	if !ok {
		return text, nil
	}
	var names []string
	out := slices.Clone(text)
	for _, v := range slices.Backward(found) {
		if s.by(v) == "" {
			out = slices.Replace(out, v.from, v.to, []byte(`os.Getenv("`+v.name+`")`)...)
			names = append(names, v.name)
		}
	}
	return out, names
}

// goVariables are those that are nothing but a word, in a file that imports os. A constant cannot be read
// from the environment, and of a field nobody knows the type.
func goVariables(text []byte, word string) (found []goVariable, ok bool) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", text, parser.SkipObjectResolution)
	if err != nil || !importsOSInGo(file) {
		return nil, false
	}
	ofPackage := map[ast.Node]bool{}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok {
			for _, s := range g.Specs {
				ofPackage[s] = true
			}
		}
	}
	add := func(in ast.Node, name, value ast.Expr) {
		of, isName := name.(*ast.Ident)
		at, isText := value.(*ast.BasicLit)
		if !isName || !isText || at.Kind != token.STRING {
			return
		}
		if is, err := strconv.Unquote(at.Value); err != nil || is != word || variable(of.Name) == "" {
			return
		}
		found = append(found, goVariable{files.Position(at.Pos()).Offset, files.Position(at.End()).Offset, of.Name, variable(of.Name), ofPackage[in]})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.CONST
		case *ast.ValueSpec:
			if of, isName := n.Type.(*ast.Ident); n.Type == nil || isName && of.Name == "string" {
				for i := range min(len(n.Names), len(n.Values)) {
					add(n, n.Names[i], n.Values[i])
				}
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE && len(n.Lhs) == len(n.Rhs) {
				for i := range n.Lhs {
					add(n, n.Lhs[i], n.Rhs[i])
				}
			}
		}
		return true
	})
	slices.SortFunc(found, func(a, b goVariable) int { return cmp.Compare(a.from, b.from) })
	return found, true
}

// importsOSInGo reports whether os is the package of that name, and nothing else.
func importsOSInGo(file *ast.File) bool {
	imported := slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Name == nil && s.Path.Value == `"os"` })
	used, selected := 0, 0
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" {
				selected++
			}
		}
		if x, ok := n.(*ast.Ident); ok && x.Name == "os" {
			used++
		}
		return true
	})
	return imported && used == selected // else something is called os too
}
