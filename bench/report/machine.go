package main

import (
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/internal/results"
)

// machine is what this is measured on and with.
func machine() results.Machine {
	m := results.Machine{
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPU: processor(), Processors: runtime.NumCPU(),
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Command: command(os.Args[1:]),
		Weft: commit(), Modules: map[string]string{},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	wanted := map[string]bool{"github.com/go-json-experiment/json": true, "github.com/go-playground/validator/v10": true, "github.com/samber/do/v2": true, "github.com/ggicci/httpin": true, "github.com/valyala/fasthttp": true}
	for _, c := range contenders.All() {
		wanted[c.Module] = true
	}
	for _, dep := range info.Deps {
		if wanted[dep.Path] && dep.Path != "github.com/weft-go/weft" {
			m.Modules[dep.Path] = dep.Version
		}
	}
	return m
}

// command is what a reader types; where something was written is not of interest.
func command(args []string) string {
	words := []string{"go run ./bench/report"}
	for i, arg := range args {
		if name := strings.TrimLeft(arg, "-"); name == "out" || strings.HasPrefix(name, "out=") || i > 0 && strings.TrimLeft(args[i-1], "-") == "out" {
			continue
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

func processor() string {
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	if out, err := exec.Command("sysctl", "-n", "machdep.cpu.brand_string").Output(); err == nil {
		return strings.TrimSpace(string(out))
	}
	return "unknown"
}

// commit is the state of the repository.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
