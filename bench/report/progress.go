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
}

func newProgress(title string, steps int, length time.Duration) *progress {
	return &progress{title: title, steps: steps, begun: time.Now(), length: length}
}

// left is how much of the length that was given is left.
func (p *progress) left() time.Duration { return max(0, p.length-time.Since(p.begun)) }

func (p *progress) step() {
	p.done++
	if now := time.Now(); now.Sub(p.told) >= time.Second {
		p.told = now
		rest := time.Duration(float64(now.Sub(p.begun)) / float64(p.done) * float64(p.steps-p.done)).Round(time.Second)
		fmt.Fprintf(os.Stderr, "\r%s: %3d %%, about %v left      ", p.title, 100*p.done/p.steps, rest)
	}
}

func (p *progress) end() {
	fmt.Fprintf(os.Stderr, "\r%s: done in %v                     \n", p.title, time.Since(p.begun).Round(time.Second))
}
