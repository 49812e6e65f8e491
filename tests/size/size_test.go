// Package size measures what a program pays for weft in bytes.
package size

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	_ "github.com/weft-go/weft" // what is built anew: a cached result must not outlive a change of it
)

// build compiles a program with n handler types of their own and returns its size in bytes.
func build(t *testing.T, n int) int64 {
	t.Helper()
	var source strings.Builder
	source.WriteString("package main\n\nimport (\n\t\"context\"\n\n\t\"github.com/weft-go/weft\"\n)\n\nfunc main() {\n\tapp := weft.New()\n")
	for i := range n {
		fmt.Fprintf(&source, "\tapp.Handle(\"POST /r%d\", weft.Handle(h%d).Named(\"x\").Status(201).Use())\n", i, i)
	}
	source.WriteString("\tif _, err := app.Build(context.Background()); err != nil {\n\t\tpanic(err)\n\t}\n}\n")
	for i := range n {
		fmt.Fprintf(&source, `
type in%[1]d struct { A string; B int }
type out%[1]d struct { C string; D []int }
func h%[1]d(_ context.Context, in in%[1]d) (out%[1]d, error) { return out%[1]d{C: in.A}, nil }
`, i)
	}
	folder := t.TempDir()
	file, program := filepath.Join(folder, "main.go"), filepath.Join(folder, "program")
	require.NoError(t, os.WriteFile(file, []byte(source.String()), 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, file).CombinedOutput()
	require.NoError(t, err, string(out))
	info, err := os.Stat(program)
	require.NoError(t, err)
	return info.Size()
}

// A handler type must stay cheap: behind it is code without type parameters.
// The figure holds only while nothing in weft looks methods up by a name that
// is not a constant, which would make the linker keep every method of every type.
func TestAHandlerTypeAddsUnder16KiBToABinary(t *testing.T) {
	const more = 50
	each := (build(t, 1+more) - build(t, 1)) / more
	t.Logf("%d bytes for each handler type, its two types and its route included", each)
	assert.Less(t, each, int64(16<<10))
}
