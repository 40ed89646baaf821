package arch

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// check returns what is wrong with a package's sources, "place: fault" each.
func check(fset *token.FileSet, dir string, files []*ast.File) []string {
	var faults []string
	for _, file := range files {
		faults = append(faults, checkImports(dir, file)...)
		if strings.HasPrefix(dir, "internal/") {
			for _, at := range clockReads(fset, file) {
				faults = append(faults, at+": reads the clock; time is an argument")
			}
		}
	}
	if strings.HasPrefix(dir, "internal/") || strings.HasPrefix(dir, "cmd/") {
		faults = append(faults, checkState(fset, dir, files)...)
	}
	return faults
}

// clockReads returns the places at which a file names a function that reads
// the clock.
func clockReads(fset *token.FileSet, file *ast.File) []string {
	name := importName(file, "time")
	var places []string
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && name != "" && x.Name == name && slices.Contains([]string{"Now", "Since", "Until"}, selector.Sel.Name) {
			places = append(places, fset.Position(n.Pos()).String())
		}
		return true
	})
	return places
}

// importName returns what a file calls a package, "" if it does not import it.
func importName(file *ast.File, target string) string {
	for _, spec := range file.Imports {
		switch {
		case spec.Path.Value != `"`+target+`"`:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return target
		}
	}
	return ""
}

// checkState finds what a package could remember from one call to the next. A
// package variable may be an error, a table or a function: it has a value from
// the beginning, and then nothing assigns it, a part of it, or takes its
// address. A variable that calls its own methods to change is not found, but
// for the usual ones: those begin empty.
func checkState(fset *token.FileSet, dir string, files []*ast.File) []string {
	var faults []string
	fault := func(n ast.Node, format string, args ...any) {
		faults = append(faults, fset.Position(n.Pos()).String()+": "+fmt.Sprintf(format, args...))
	}
	for _, file := range files {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil && decl.Name.Name == "init" {
					fault(decl, "has a function init")
				}
			case *ast.GenDecl:
				checkVariables(decl, fault)
			}
		}
	}
	checkChanges(fset, dir, files, fault)
	return faults
}

type faultFunc func(n ast.Node, format string, args ...any)

func checkVariables(decl *ast.GenDecl, fault faultFunc) {
	if decl.Tok != token.VAR {
		return
	}
	for _, spec := range decl.Specs {
		spec := spec.(*ast.ValueSpec)
		if len(spec.Values) == 0 && !isEmbedded(decl.Doc) && !isEmbedded(spec.Doc) {
			fault(spec, "variable %s has no value yet", spec.Names[0].Name)
		}
		for i, value := range spec.Values {
			if spec.Names[min(i, len(spec.Names)-1)].Name != "_" && beginsEmpty(value) {
				fault(spec, "variable %s begins empty, to be filled", spec.Names[min(i, len(spec.Names)-1)].Name)
			}
		}
	}
}

func isEmbedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// beginsEmpty reports whether a value is made to be filled: make, new, a
// literal without elements, or the address of any literal.
func beginsEmpty(value ast.Expr) bool {
	switch value := value.(type) {
	case *ast.CompositeLit:
		return len(value.Elts) == 0
	case *ast.UnaryExpr:
		_, ok := value.X.(*ast.CompositeLit)
		return value.Op == token.AND && ok
	case *ast.CallExpr:
		name, ok := value.Fun.(*ast.Ident)
		return ok && (name.Name == "make" || name.Name == "new")
	}
	return false
}

// checkChanges finds where package variables are assigned or have their address
// taken. The types of other packages are not asked for: what a name means can
// be decided without them.
func checkChanges(fset *token.FileSet, dir string, files []*ast.File, fault faultFunc) {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	pkg, _ := config.Check(module+"/"+dir, fset, files, info)
	changed := func(target ast.Expr, how string) {
		name := rootOf(target)
		if name == nil {
			return
		}
		switch object := info.Uses[name].(type) {
		case *types.PkgName:
			fault(target, "%s a variable of package %s", how, object.Imported().Path())
		case *types.Var:
			if object.Parent() == pkg.Scope() {
				fault(target, "%s package variable %s", how, name.Name)
			}
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			eachChange(n, changed)
			return true
		})
	}
}

// eachChange calls changed with each expression that a node changes.
func eachChange(n ast.Node, changed func(target ast.Expr, how string)) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, target := range n.Lhs {
			changed(target, "assigns")
		}
	case *ast.IncDecStmt:
		changed(n.X, "assigns")
	case *ast.RangeStmt:
		for _, target := range []ast.Expr{n.Key, n.Value} {
			if target != nil && n.Tok == token.ASSIGN {
				changed(target, "assigns")
			}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			changed(n.X, "takes the address of")
		}
	case *ast.CallExpr:
		if name, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, name.Name) {
			changed(n.Args[0], "changes")
		}
	}
}

// rootOf returns the name that an expression such as x.f[i] begins with, nil if
// it begins with none.
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// noImports lets no package be looked into.
type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	return nil, errors.New(path + " is not looked into")
}
