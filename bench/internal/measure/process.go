package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Process is a contender in a process of its own, which waits between turns.
type Process struct {
	command *exec.Cmd
	in      io.WriteCloser
	encoder *json.Encoder
	decoder *json.Decoder
}

// Start runs this program again with args, as one that calls [Serve].
func Start(args ...string) (*Process, error) {
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
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &Process{command, in, json.NewEncoder(in), json.NewDecoder(out)}, nil
}

// Take lets the process take one turn.
func (p *Process) Take(turn Turn) (Taken, error) {
	if err := p.encoder.Encode(turn); err != nil {
		return Taken{}, err
	}
	var taken Taken
	if err := p.decoder.Decode(&taken); err != nil {
		return Taken{}, fmt.Errorf("the process has ended: %w", err)
	}
	if taken.Error != "" {
		return Taken{}, errors.New(taken.Error)
	}
	return taken, nil
}

// Close ends the process.
func (p *Process) Close() error {
	_ = p.in.Close()
	return p.command.Wait()
}
