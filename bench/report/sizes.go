package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/results"
)

//go:embed programs/*.tmpl
var programTexts embed.FS

var routeCounts = []int{10, 100, 1000}

// programs writes for each contender a program of so many routes, each of which has types and a handler of its own,
// and compiles it. Nothing is written into the module: the compiler is shown the program as an overlay.
func programs(ctx context.Context, entrants []contest.Contender) (*results.Sizes, error) {
	found := &results.Sizes{Machine: machine(), Programs: map[string]map[int]results.Program{}}
	module, err := moduleFolder()
	if err != nil {
		return nil, err
	}
	texts, err := template.ParseFS(programTexts, "programs/*.tmpl")
	if err != nil {
		return nil, err
	}
	bar := newProgress("compiling", len(texts.Templates())*(len(routeCounts)+1), 0)
	for i := range entrants {
		slug := entrants[i].Slug
		text := texts.Lookup(slug + ".go.tmpl")
		if text == nil {
			continue // the same program as another contender's
		}
		found.Programs[slug] = map[int]results.Program{}
		if _, err := compile(ctx, module, text, slug, 1); err != nil { // so that everything else has been compiled
			return nil, err
		}
		bar.step()
		for _, n := range routeCounts {
			program, err := compile(ctx, module, text, slug, n)
			if err != nil {
				return nil, err
			}
			found.Programs[slug][n] = program
			bar.step()
		}
	}
	bar.end()
	return found, nil
}

// compile compiles one program, which is new to the compiler's cache each time.
func compile(ctx context.Context, module string, text *template.Template, slug string, routes int) (results.Program, error) {
	folder, err := os.MkdirTemp("", "weft-bench-")
	if err != nil {
		return results.Program{}, err
	}
	defer os.RemoveAll(folder)
	source, err := programText(text, routes)
	if err != nil {
		return results.Program{}, err
	}
	source = fmt.Appendf(source, "\n// %v\n", time.Now().UnixNano())
	written, overlay, binary := filepath.Join(folder, "main.go"), filepath.Join(folder, "overlay.json"), filepath.Join(folder, "program")
	place := filepath.Join(module, "report", "programs", slug) // where nothing is
	shown, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(place, "main.go"): written}})
	if err != nil {
		return results.Program{}, err
	}
	if err := os.WriteFile(written, source, 0o600); err != nil {
		return results.Program{}, err
	}
	if err := os.WriteFile(overlay, shown, 0o600); err != nil {
		return results.Program{}, err
	}
	command := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-ldflags=-s -w", "-o", binary, "./report/programs/"+slug)
	command.Dir = module
	begun := time.Now()
	if out, err := command.CombinedOutput(); err != nil {
		return results.Program{}, fmt.Errorf("compiling %s with %d routes: %w\n%.2000s", slug, routes, err, out)
	}
	took := time.Since(begun)
	info, err := os.Stat(binary)
	if err != nil {
		return results.Program{}, err
	}
	return results.Program{Bytes: info.Size(), Compile: took.Seconds()}, nil
}

func programText(text *template.Template, routes int) ([]byte, error) {
	numbers := make([]int, routes)
	for i := range numbers {
		numbers[i] = i
	}
	var source bytes.Buffer
	err := text.Execute(&source, numbers)
	return source.Bytes(), err
}
