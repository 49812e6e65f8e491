package weft_test

// The pages in docs are kept true: what they show is source that runs, what they
// say of mistakes is what Build says, and what they name exists.

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// TestThePagesShowWhatRuns compares each block of Go with the source that the comment before it names,
//
//	<!-- from example_guard_test.go hasRole ExampleAny -->
//
// of an Example its body, of anything else (also Type.Method) its declaration, and each block of mistakes with what Build says:
//
//	<!-- mistakes of guards -->
func TestThePagesShowWhatRuns(t *testing.T) {
	shown := map[string]bool{}
	for _, file := range pages(t) {
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		if *update {
			page = []byte(rewritten(t, string(page)))
			require.NoError(t, os.WriteFile(file, page, 0o644))
		}
		for _, b := range blocksOf(string(page)) {
			if b.mark == "" {
				assert.NotEqual(t, "go", b.language, "%s:%d: a block of Go has no comment that says which source it is", file, b.line)
				continue
			}
			assert.Equal(t, source(t, b.mark), b.text, "%s:%d: go test -run %s . -update writes it anew", file, b.line, t.Name())
			shown[b.mark] = true
		}
	}
	for page := range mistakes {
		assert.True(t, shown["mistakes of "+page], "no page shows the mistakes of %s", page)
	}
}

// block is one fenced block of a page.
type block struct {
	mark     string // the comment before it, or ""
	language string
	text     string
	line     int // of its fence
	from, to int // of the text, in lines
}

var markOf = regexp.MustCompile(`^<!-- ((?:from|mistakes of) .*) -->$`)

func blocksOf(page string) []block {
	var found []block
	var open *block
	mark := ""
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case open != nil && isFence:
			open.text, open.to = strings.Join(lines[open.from:i], "\n"), i
			found = append(found, *open)
			open = nil
		case isFence:
			open = &block{mark: mark, language: fence, line: i + 1, from: i + 1}
			mark = ""
		case open == nil && line != "":
			mark = ""
			if m := markOf.FindStringSubmatch(line); m != nil {
				mark = m[1]
			}
		}
	}
	return found
}

// rewritten is the page with what its comments name.
func rewritten(t *testing.T, page string) string {
	t.Helper()
	lines := strings.Split(page, "\n")
	for _, b := range slices.Backward(blocksOf(page)) {
		if b.mark != "" {
			lines = slices.Replace(lines, b.from, b.to, strings.Split(source(t, b.mark), "\n")...)
		}
	}
	return strings.Join(lines, "\n")
}

// source is what a comment names.
func source(t *testing.T, mark string) string {
	t.Helper()
	if page, ok := strings.CutPrefix(mark, "mistakes of "); ok {
		return whatBuildSays(t, page)
	}
	words := strings.Fields(mark)[1:]
	src, set, parsed := parse(t, words[0])
	var parts []string
	for _, name := range words[1:] {
		from, to := declared(parsed, name)
		require.True(t, from.IsValid(), "the comment %q: there is no %s", mark, name)
		text := strings.Trim(string(src[set.Position(from).Offset:set.Position(to).Offset]), "\n")
		if strings.HasPrefix(name, "Example") {
			text = strings.ReplaceAll("\n"+text, "\n\t", "\n")[1:]
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "\n\n")
}

// declared is the place of a declaration with its comment, or of an Example's body.
func declared(file *ast.File, name string) (from, to token.Pos) {
	whole := func(doc *ast.CommentGroup, n ast.Node) (from, to token.Pos) {
		if doc != nil {
			return doc.Pos(), n.End()
		}
		return n.Pos(), n.End()
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			of := d.Name.Name
			if d.Recv != nil {
				of = receiver(d.Recv.List[0].Type) + "." + of
			}
			switch {
			case of != name:
			case strings.HasPrefix(name, "Example"):
				return d.Body.Lbrace + 1, d.Body.Rbrace
			default:
				return whole(d.Doc, d)
			}
		case *ast.GenDecl:
			if slices.Contains(namesOf(d), name) {
				return whole(d.Doc, d)
			}
		}
	}
	return token.NoPos, token.NoPos
}

func namesOf(d *ast.GenDecl) (names []string) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			names = append(names, s.Name.Name)
		case *ast.ValueSpec:
			for _, n := range s.Names {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// whatBuildSays is the declarations of a page's mistakes, each with its errors and warnings.
func whatBuildSays(t *testing.T, page string) string {
	t.Helper()
	require.NotEmpty(t, mistakes[page], "mistakes of %s", page)
	var lines []string
	for _, declare := range mistakes[page] {
		lines = append(lines, declarationOf(t, declare)...)
		c := weft.NewContainer(nil)
		weft.Singleton[*Pool](c, OpenPool)
		weft.PerRequest[*Tx](c, Begin)
		app := quietWith(c)
		var err error
		switch declare := declare.(type) {
		case func(*weft.App) error:
			err = declare(app)
		case func(*weft.App, *weft.Container) error:
			err = declare(app, c)
		default:
			require.Fail(t, "no mistake", "%T", declare)
		}
		plan, more := app.Plan()
		said := 0
		say := func(w weft.Warning, kind string) {
			w.Problem = kind + w.Problem
			_, text, _ := strings.Cut(w.String(), ": ") // without its line
			text = lineInThePages.ReplaceAllString(text, "app.go:12")
			text, _ = strings.CutSuffix(text, w.Remedy)
			lines = append(lines, "    "+strings.TrimSpace(text), "    "+w.Remedy)
			said++
		}
		for _, mistake := range buildErrors(t, errors.Join(err, more)) {
			say(weft.Warning{Source: mistake.Source, Route: mistake.Route, Problem: mistake.Problem, Remedy: mistake.Remedy}, "")
		}
		for _, w := range plan.Warnings {
			say(w, "warning: ")
		}
		require.Positive(t, said, "Build finds nothing wrong with %s", lines[len(lines)-1])
	}
	return strings.Join(lines, "\n")
}

// lineInThePages is a line that a message names. A page stays the same when the lines move.
var lineInThePages = regexp.MustCompile(`[^ (]*\w+_test\.go:\d+`)

// buildErrors are the mistakes that err joins.
func buildErrors(t *testing.T, err error) (all []*weft.BuildError) {
	t.Helper()
	switch e := err.(type) {
	case nil:
	case *weft.BuildError:
		all = append(all, e)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			all = append(all, buildErrors(t, one)...)
		}
	default:
		require.NoError(t, err, "it is no BuildError")
	}
	return all
}

// declarationOf is what a function of mistakes consists of.
func declarationOf(t *testing.T, declare any) (lines []string) {
	t.Helper()
	entry := reflect.ValueOf(declare).Pointer()
	file, line := runtime.FuncForPC(entry).FileLine(entry)
	src, set, parsed := parse(t, filepath.Base(file))
	ast.Inspect(parsed, func(n ast.Node) bool {
		fn, ok := n.(*ast.FuncLit)
		if !ok || set.Position(fn.Pos()).Line != line {
			return true
		}
		body := string(src[set.Position(fn.Body.Lbrace).Offset+1 : set.Position(fn.Body.Rbrace).Offset])
		for text := range strings.Lines(body) {
			text = strings.TrimPrefix(strings.TrimRight(text, "\n "), "\t\t\t")
			text = strings.TrimSuffix(strings.TrimPrefix(text, " "), "; return nil")
			if strings.TrimSpace(text) != "" && text != "return nil" && text != "return err" {
				lines = append(lines, text)
			}
		}
		return false
	})
	require.NotEmpty(t, lines, "%s:%d", file, line)
	return lines
}

func parse(t *testing.T, file string) (src []byte, set *token.FileSet, parsed *ast.File) {
	t.Helper()
	src, err := os.ReadFile(file)
	require.NoError(t, err)
	set = token.NewFileSet()
	parsed, err = parser.ParseFile(set, file, src, parser.ParseComments)
	require.NoError(t, err)
	return src, set, parsed
}

// exported is what the package exports, each function and type with its methods
// and fields as Type.Name.
type exported struct {
	names        map[string]bool
	undocumented []string
	functions    []string // and methods of what a service is made of
}

// made are the types whose methods a service is made of: each has to be in an example.
var made = []string{"App", "Group", "Handler", "Key", "Response", "Denial"}

// unshown are functions that no example shows, each with its reason.
var unshown = map[string]string{
	"Fn2":    "as Fn1 and FnErr1",
	"Fn3":    "as Fn1 and FnErr1",
	"Fn4":    "as Fn1 and FnErr1",
	"Fn5":    "as Fn1 and FnErr1",
	"Fn6":    "as Fn1 and FnErr1",
	"Fn7":    "as Fn1 and FnErr1",
	"Fn8":    "as Fn1 and FnErr1",
	"FnErr0": "as Fn1 and FnErr1",
	"FnErr3": "as Fn1 and FnErr1",
	"FnErr4": "as Fn1 and FnErr1",
	"FnErr5": "as Fn1 and FnErr1",
	"FnErr6": "as Fn1 and FnErr1",
	"FnErr7": "as Fn1 and FnErr1",
	"FnErr8": "as Fn1 and FnErr1",
}

func exports(t *testing.T) exported {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := exported{names: map[string]bool{}}
	note := func(name string, documented bool) {
		found.names[name] = true
		if !documented {
			found.undocumented = append(found.undocumented, name)
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		_, _, parsed := parse(t, file)
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if !d.Name.IsExported() {
					continue
				}
				name := d.Name.Name
				if d.Recv != nil {
					on := receiver(d.Recv.List[0].Type)
					if !ast.IsExported(on) {
						continue
					}
					name = on + "." + name
					if !slices.Contains(made, on) {
						note(name, d.Doc != nil)
						continue
					}
				}
				note(name, d.Doc != nil)
				found.functions = append(found.functions, name)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if !spec.Name.IsExported() {
							continue
						}
						note(spec.Name.Name, d.Doc != nil || spec.Doc != nil)
						ast.Inspect(spec.Type, func(n ast.Node) bool {
							if field, ok := n.(*ast.Field); ok {
								for _, name := range field.Names {
									found.names[spec.Name.Name+"."+name.Name] = true
								}
							}
							return true
						})
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							if name.IsExported() {
								note(name.Name, d.Doc != nil || spec.Doc != nil || spec.Comment != nil)
							}
						}
					}
				}
			}
		}
	}
	return found
}

// receiver is the name of a method's type.
func receiver(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiver(of.X)
	case *ast.IndexExpr:
		return receiver(of.X)
	case *ast.IndexListExpr:
		return receiver(of.X)
	case *ast.Ident:
		return of.Name
	}
	return ""
}

func TestEveryExportedNameHasAComment(t *testing.T) {
	assert.Empty(t, exports(t).undocumented)
}

// TestEveryFunctionIsInAnExample is about functions, and the methods of what a service is made of.
func TestEveryFunctionIsInAnExample(t *testing.T) {
	files, err := filepath.Glob("*example*_test.go")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, file := range files {
		_, _, parsed := parse(t, file)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				used[s.Sel.Name] = true
			}
			return true
		})
	}
	for _, name := range exports(t).functions {
		method := name[strings.IndexByte(name, '.')+1:]
		called := slices.Contains([]string{"String", "Error", "Unwrap"}, method) // by fmt and errors
		if _, known := unshown[name]; called || known {
			continue
		}
		assert.True(t, used[method], "no example shows %s", name)
	}
}

// inline is a name of the package in a page, as `Any`, `*Request`, `Handler.Guard` or `Handle(place)`.
var inline = regexp.MustCompile("`\\*?(?:weft\\.)?([A-Z]\\w*(?:\\.[A-Z]\\w*)?)(?:\\([^`]*\\))?`")

func TestThePagesNameWhatExists(t *testing.T) {
	names := exports(t).names
	for _, file := range pages(t) {
		if slices.Contains([]string{"docs/design.md", "docs/releasing.md"}, filepath.ToSlash(file)) {
			continue // they are about the inside
		}
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range inline.FindAllStringSubmatch(prose(string(page)), -1) {
			assert.True(t, names[m[1]], "%s names %s, which the package does not export", file, m[1])
		}
	}
}

// prose is a page without its blocks.
func prose(page string) string {
	lines := strings.Split(page, "\n")
	for _, b := range slices.Backward(blocksOf(page)) {
		lines = slices.Delete(lines, b.from, b.to)
	}
	return strings.Join(lines, "\n")
}

// code is code within a line, such as Singleton[*Pool](c, NewPool), which looks like a link.
var code = regexp.MustCompile("`[^`\n]*`")

var link = regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)

func TestTheLinksOfThePagesLeadSomewhere(t *testing.T) {
	for _, file := range pages(t) {
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(prose(string(page)), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to := file
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(file), m[1])
			}
			target, err := os.Stat(to)
			require.NoError(t, err, "%s links to %s", file, m[1])
			if m[2] == "" || target.IsDir() {
				continue
			}
			there, err := os.ReadFile(to)
			require.NoError(t, err)
			assert.Contains(t, anchors(string(there)), m[2], "%s links to %s#%s", file, m[1], m[2])
		}
	}
}

// anchors are those of a page's headings, as GitHub makes them.
func anchors(page string) (list []string) {
	for line := range strings.Lines(prose(page)) {
		if text, isHeading := strings.CutPrefix(line, "#"); isHeading {
			text = strings.ToLower(strings.TrimSpace(strings.TrimLeft(text, "#")))
			text = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(text, "")
			list = append(list, strings.ReplaceAll(text, " ", "-"))
		}
	}
	return list
}

// TestThePagesNameTestsThatThereAre looks in all modules for every test that a page names, if only by how it begins.
func TestThePagesNameTestsThatThereAre(t *testing.T) {
	var there []string
	declares := regexp.MustCompile(`(?m)^func (Test[A-Z]\w*)\(`)
	require.NoError(t, filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") { // package wefttest has some that are called by others
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declares.FindAllStringSubmatch(string(text), -1) {
			there = append(there, m[1])
		}
		return err
	}))
	for _, file := range pages(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`\bTest[A-Z]\w*`).FindAllString(string(text), -1) {
			begins := func(test string) bool { return strings.HasPrefix(test, name) }
			assert.True(t, slices.ContainsFunc(there, begins), "%s names the test %s, which there is not", file, name)
		}
	}
}
