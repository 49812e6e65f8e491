package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/weft-go/weft/bench/internal/results"
)

// book is all that is known; what was not measured yet is nil.
type book struct {
	InProcess *results.InProcess
	TCP       *results.TCP
	Sizes     *results.Sizes
}

const (
	inProcessFile = "inprocess.json"
	tcpFile       = "tcp.json"
	sizesFile     = "sizes.json"
)

// read reads what was written before, so that one part can be measured anew.
func (b *book) read(folder string) error {
	var p results.InProcess
	var t results.TCP
	var z results.Sizes
	for _, part := range []struct {
		name string
		into any
		keep func()
	}{
		{inProcessFile, &p, func() { b.InProcess = &p }},
		{tcpFile, &t, func() { b.TCP = &t }},
		{sizesFile, &z, func() { b.Sizes = &z }},
	} {
		found, err := results.Read(filepath.Join(folder, "results", part.name), part.into)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		if found {
			part.keep()
		}
	}
	return nil
}

// write writes what was measured, the plots and RESULTS.md.
func (b *book) write(folder string) error {
	in := func(name string) string { return filepath.Join(folder, "results", name) }
	if b.InProcess != nil {
		if err := results.Write(in(inProcessFile), b.InProcess); err != nil {
			return err
		}
	}
	if b.TCP != nil {
		if err := results.Write(in(tcpFile), b.TCP); err != nil {
			return err
		}
	}
	if b.Sizes != nil {
		if err := results.Write(in(sizesFile), b.Sizes); err != nil {
			return err
		}
	}
	plots, err := b.plot(filepath.Join(folder, "results"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "RESULTS.md"), []byte(b.markdown(plots)), 0o644)
}
