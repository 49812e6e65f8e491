package tracing_test

// The page of this module is compared with its source by the tests of the root module; what it quotes of mistakes is compared here.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/tracing.md")
	require.NoError(t, err)
	return string(text)
}

func TestThePageQuotesWhatBuildSays(t *testing.T) {
	said, err := os.ReadFile(golden)
	require.NoError(t, err)
	lines := strings.Split(regexp.MustCompile(`\S+_test\.go:\d+`).ReplaceAllString(string(said), "app.go:12"), "\n")
	_, quoted, found := strings.Cut(page(t), "## Mistakes\n")
	require.True(t, found)
	_, quoted, _ = strings.Cut(quoted, "```\n")
	quoted, _, _ = strings.Cut(quoted, "```")
	count := 0
	for line := range strings.Lines(quoted) {
		assert.Contains(t, lines, strings.TrimSuffix(line, "\n"))
		count++
	}
	assert.Positive(t, count)
}

// exports are the functions and types of the package, and its methods as Type.Method, each with whether it has a comment.
func exports(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					of := d.Recv.List[0].Type
					if star, ok := of.(*ast.StarExpr); ok {
						of = star.X
					}
					if !ast.IsExported(of.(*ast.Ident).Name) {
						continue
					}
					name = of.(*ast.Ident).Name + "." + name
				}
				if d.Name.IsExported() {
					found[name] = d.Doc != nil
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
						found[s.Name.Name] = d.Doc != nil
					}
				}
			}
		}
	}
	return found
}

func TestEveryExportedNameHasACommentAndIsShown(t *testing.T) {
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	for name, documented := range exports(t) {
		assert.True(t, documented, name)
		shown := name[strings.IndexByte(name, '.')+1:]
		if !slices.Contains([]string{"Option", "Tracing", "Annotatable", "XRay.Fields", "XRay.Inject", "XRay.Extract"}, name) {
			assert.Regexp(t, `\.`+shown+`[({]`, string(examples), "no example shows %s", name)
		}
	}
}

func TestThePageNamesWhatExists(t *testing.T) {
	names := exports(t)
	for _, m := range regexp.MustCompile("`tracing\\.([A-Za-z.]+)").FindAllStringSubmatch(page(t), -1) {
		assert.Contains(t, names, m[1])
	}
}
