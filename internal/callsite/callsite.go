// Package callsite finds the line of a user's program that called into weft,
// so that plans and Build errors can name it.
package callsite

import (
	"path"
	"runtime"
	"strconv"
	"strings"
)

// Site is a line of source code. The zero Site is unknown.
type Site struct {
	File string // as the compiler knows it, with forward slashes
	Line int
}

// String is "folder/file.go:12": enough to find the line, and the same on every machine.
func (s Site) String() string {
	if s.File == "" {
		return "unknown"
	}
	return path.Base(path.Dir(s.File)) + "/" + path.Base(s.File) + ":" + strconv.Itoa(s.Line)
}

// Caller returns the nearest caller whose file is not in the folder of the file
// that calls Caller; tests there count as callers. Folders are compared, not
// packages, because a function inlined from a generic one is named after the package it was inlined into.
func Caller() Site {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	frame, more := frames.Next()
	inside := path.Dir(frame.File)
	for more {
		frame, more = frames.Next()
		if path.Dir(frame.File) != inside || strings.HasSuffix(frame.File, "_test.go") {
			return Site{File: frame.File, Line: frame.Line}
		}
	}
	return Site{}
}
