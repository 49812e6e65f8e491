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
)

// Process is one that was started by [Start], or by [StartOnOneProcessor].
type Process struct {
	command *exec.Cmd
	in      io.WriteCloser
	encoder *json.Encoder
	decoder *json.Decoder
}

// Start runs this program again with args, as one that calls [Serve].
func Start(args ...string) (*Process, error) { return start((*exec.Cmd).Start, args) }

// StartOnOneProcessor is [Start] of a process that has one processor only, always the same one: the operating
// system keeps it there where it can (Linux), and GOMAXPROCS is 1 everywhere.
//
// Two processors of a machine are often two halves of one, of a virtual machine too, and what one of them does then
// slows down the other. To wake up the other takes tens of microseconds, and more where another machine has it just now.
func StartOnOneProcessor(args ...string) (*Process, error) {
	return start(func(c *exec.Cmd) error {
		c.Env = append(os.Environ(), "GOMAXPROCS=1")
		return startOnOneProcessor(c)
	}, args)
}

func start(run func(*exec.Cmd) error, args []string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, args...)
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
