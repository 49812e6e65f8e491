package awslambda_test

// The page of this module is compared with its source by the tests of the root module; that it names what there is, here.

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

// exported are the names that a package exports, with whether they have a comment.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
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
				if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
					found[d.Name.Name] = d.Doc != nil
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						found[s.Name.Name] = d.Doc != nil
					case *ast.ValueSpec:
						for _, name := range s.Names {
							found[name.Name] = d.Doc != nil || s.Doc != nil
						}
					}
				}
			}
		}
	}
	for name := range found {
		if !ast.IsExported(name) {
			delete(found, name)
		}
	}
	return found
}

func receiver(d *ast.FuncDecl) string {
	of := d.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return "" // a generic one, of which there is none here
}

func TestThePageNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("../docs/lambda.md")
	require.NoError(t, err)
	events, err := os.ReadFile("../docs/lambda-events.md")
	require.NoError(t, err)
	text = append(text, events...)
	for pkg, dir := range map[string]string{"awslambda": ".", "awslambdatest": "awslambdatest", "wefttest": "../wefttest"} {
		names := exported(t, dir)
		for _, m := range regexp.MustCompile(`\b`+pkg+`\.([A-Za-z0-9]+)`).FindAllStringSubmatch(string(text), -1) {
			assert.Contains(t, names, m[1])
		}
		if dir != "../wefttest" {
			for name, documented := range names {
				assert.True(t, documented, name)
			}
		}
	}
	for name := range exported(t, ".") {
		inside := []string{"Option", "Source", "Invocation", "Connection", "DefaultReserve", "CurrentInvocation", "Invoke", "Stream", "UnmarshalJSON", "RESTAPI", "HTTPAPI", "FunctionURL", "ALB", "VPCLattice", "Header", "Only", "WebSocket", "EventSource", "EventOption", "Receive", "Name", "Err", "DefaultDirectMember", "MessageAttribute", "SNSAttribute", "KafkaHeader", "Shard", "Bytes", "Receives", "Group", "FIFO", "Sent"}
		if !slices.Contains(inside, name) && !strings.HasPrefix(name, "From") && !strings.HasPrefix(name, "Current") {
			assert.Contains(t, string(text), name)
		}
	}
	for _, kind := range regexp.MustCompile(`failure\("([A-Za-z]+)"`).FindAllStringSubmatch(sources(t), -1) {
		if kind[1] != "Unwound" { // of streams alone
			assert.Contains(t, string(text), "Weft."+kind[1])
		}
	}
}

func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, file := range []string{"function.go", "stream.go", "batch.go", "direct.go"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}
