// Package process runs this program again, as processes that answer one question after the other until
// their standard input ends, which it does when the one that asks ends.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Program is a copy of this program.
type Program struct{ path string }

// Copy copies this program into a file of its own, and so to another place in memory: which parts of a program get in
// each other's way in the caches depends on where it lies, and it lies there for as long as the file does. Remove removes it.
func Copy() (*Program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	from, err := os.Open(self)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := os.CreateTemp("", "bench-*"+filepath.Ext(self))
	if err != nil {
		return nil, err
	}
	p := &Program{to.Name()}
	_, err = io.Copy(to, struct{ io.Reader }{from}) // not by the file system, which might let both share their pages
	if err = errors.Join(err, to.Close(), os.Chmod(p.path, 0o700)); err != nil {
		return nil, errors.Join(err, p.Remove())
	}
	return p, nil
}

// Remove removes the copy, which must not run any more.
func (p *Program) Remove() error { return os.Remove(p.path) }

// Process is one that was started by [Program.Start], or by [Program.StartOnOneProcessor].
type Process struct {
	command *exec.Cmd
	in      io.WriteCloser
	encoder *json.Encoder
	decoder *json.Decoder
}

// Start runs the program with args, as one that calls [Serve].
func (p *Program) Start(args ...string) (*Process, error) { return p.start((*exec.Cmd).Start, args) }

// StartOnOneProcessor is Start of a process that has one processor only, always the same one: the operating
// system keeps it there where it can (Linux), and GOMAXPROCS is 1 everywhere.
//
// Two processors of a machine are often two halves of one, of a virtual machine too, and what one of them does then
// slows down the other. To wake up the other takes tens of microseconds, and more where another machine has it just now.
func (p *Program) StartOnOneProcessor(args ...string) (*Process, error) {
	return p.start(func(c *exec.Cmd) error {
		c.Env = append(os.Environ(), "GOMAXPROCS=1")
		return startOnOneProcessor(c)
	}, args)
}

func (p *Program) start(run func(*exec.Cmd) error, args []string) (*Process, error) {
	command := exec.Command(p.path, args...)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := run(command); err != nil {
		return nil, err
	}
	return &Process{command, in, json.NewEncoder(in), json.NewDecoder(out)}, nil
}

// reply is what a process says to a question.
type reply struct {
	Error  string          `json:"error,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"`
}

// Ask puts a question and waits for its answer.
func (p *Process) Ask(question, answer any) error {
	if err := p.encoder.Encode(question); err != nil {
		return fmt.Errorf("the process has ended: %w", err)
	}
	var r reply
	if err := p.decoder.Decode(&r); err != nil {
		return fmt.Errorf("the process has ended: %w", err)
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return json.Unmarshal(r.Answer, answer)
}

// Close ends the process.
func (p *Process) Close() error {
	_ = p.in.Close()
	return p.command.Wait()
}

// Serve answers questions from in on out, until in ends.
func Serve[Question, Answer any](in io.Reader, out io.Writer, answer func(Question) (Answer, error)) error {
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var question Question
		if err := decoder.Decode(&question); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var r reply
		a, err := answer(question)
		if err != nil {
			r.Error = err.Error()
		} else if r.Answer, err = json.Marshal(a); err != nil {
			return err
		}
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
}
