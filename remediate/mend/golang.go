package mend

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
)

// mendGo reads variables from the environment that were strings. A constant cannot, and of a
// field nobody knows the type.
func mendGo(text []byte, word string) ([]byte, []string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", text, parser.SkipObjectResolution)
	if err != nil || !importsOSInGo(file) {
		return text, nil
	}
	type place struct {
		from, to int
		name     string
	}
	var places []place
	add := func(name, value ast.Expr) {
		of, isName := name.(*ast.Ident)
		at, isText := value.(*ast.BasicLit)
		if !isName || !isText || at.Kind != token.STRING {
			return
		}
		if is, err := strconv.Unquote(at.Value); err != nil || is != word || variable(of.Name) == "" {
			return
		}
		places = append(places, place{files.Position(at.Pos()).Offset, files.Position(at.End()).Offset, variable(of.Name)})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			if n.Tok == token.CONST {
				return false
			}
		case *ast.ValueSpec:
			if of, isName := n.Type.(*ast.Ident); n.Type == nil || isName && of.Name == "string" {
				for i := range min(len(n.Names), len(n.Values)) {
					add(n.Names[i], n.Values[i])
				}
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE && len(n.Lhs) == len(n.Rhs) {
				for i := range n.Lhs {
					add(n.Lhs[i], n.Rhs[i])
				}
			}
		}
		return true
	})
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(b.from, a.from) })
	var names []string
	out := slices.Clone(text)
	for _, p := range places {
		out = slices.Replace(out, p.from, p.to, []byte(`os.Getenv("`+p.name+`")`)...)
		names = append(names, p.name)
	}
	return out, names
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
