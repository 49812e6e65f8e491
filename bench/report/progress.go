package main

import (
	"fmt"
	"os"
	"time"
)

// progress tells on standard error how far something is.
type progress struct {
	title       string
	steps, done int
	begun, told time.Time
	length      time.Duration
	every       time.Duration
	line        string // with what a line begins and ends
}

func newProgress(title string, steps int, length time.Duration) *progress {
	p := &progress{title: title, steps: steps, begun: time.Now(), told: time.Now(), length: length, every: 10 * time.Second, line: "%s\n"}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 { // a person looks on
		p.every, p.line = time.Second, "\r%-60s"
	}
	return p
}

// left is how much of the length that was given is left.
func (p *progress) left() time.Duration { return max(0, p.length-time.Since(p.begun)) }

func (p *progress) step() {
	p.done++
	p.steps = max(p.steps, p.done) // some are taken again
	if now := time.Now(); now.Sub(p.told) >= p.every {
		p.told = now
		rest := time.Duration(float64(now.Sub(p.begun)) / float64(p.done) * float64(p.steps-p.done)).Round(time.Second)
		fmt.Fprintf(os.Stderr, p.line, fmt.Sprintf("%s: %d %%, about %v left", p.title, 100*p.done/p.steps, rest))
	}
}

func (p *progress) end() {
	fmt.Fprintf(os.Stderr, p.line, fmt.Sprintf("%s: done in %v", p.title, time.Since(p.begun).Round(time.Second)))
	if p.every == time.Second {
		fmt.Fprintln(os.Stderr)
	}
}
