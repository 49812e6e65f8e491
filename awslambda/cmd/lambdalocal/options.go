package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/weft-go/weft/awslambda/internal/doors"
)

// options are what the command line says.
type options struct {
	listen      string
	doorName    string
	door        doors.Door
	timeout     time.Duration
	initTimeout time.Duration
	concurrency int
	name        string
	memory      int
	program     string
	args        []string
}

// named are the front doors as -door names them.
var named = []struct {
	name string
	door doors.Door
}{
	{"http-api", doors.HTTPAPI},
	{"http-api-1", doors.HTTPAPI1},
	{"rest-api", doors.RESTAPI},
	{"rest-api-stream", doors.RESTAPIStreams},
	{"function-url", doors.FunctionURL},
	{"function-url-stream", doors.FunctionURLStreams},
	{"alb", doors.ALB},
	{"alb-multi", doors.ALBMultiValue},
	{"lattice-1", doors.Lattice1},
	{"lattice-2", doors.Lattice2},
}

func doorNames() string {
	var names []string
	for _, n := range named {
		names = append(names, n.name)
	}
	return strings.Join(names, ", ")
}

// flags are those of the command line, which set o.
func (o *options) flags(stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("lambdalocal", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "serve on this `address`; the port 0 is a free one")
	flags.StringVar(&o.doorName, "door", named[0].name, "the front door: "+doorNames())
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "the function's timeout")
	flags.DurationVar(&o.initTimeout, "init-timeout", 10*time.Second, "how long the function may take to start")
	flags.IntVar(&o.concurrency, "concurrency", 1, "how many invocations its process takes at once, as AWS_LAMBDA_MAX_CONCURRENCY")
	flags.StringVar(&o.name, "name", "function", "the function's name, where AWS_LAMBDA_FUNCTION_NAME is not set")
	flags.IntVar(&o.memory, "memory", 128, "its memory in `MB`, where AWS_LAMBDA_FUNCTION_MEMORY_SIZE is not set; it is only said")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: lambdalocal [flags] -- program [arguments]")
		flags.PrintDefaults()
	}
	return flags
}

// parse reads the arguments. Where they are not ok, it has said why, and there is a status to end with.
func parse(args []string, stderr io.Writer) (o options, status int, ok bool) {
	flags := o.flags(stderr)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return o, 0, false
	} else if err != nil {
		return o, 2, false
	}
	wrong := func(format string, values ...any) (options, int, bool) {
		fmt.Fprintf(stderr, "lambdalocal: "+format+"\n", values...)
		return o, 2, false
	}
	for _, n := range named {
		if n.name == o.doorName {
			o.door = n.door
		}
	}
	switch {
	case o.door == "":
		return wrong("there is no front door %q: -door is one of %s", o.doorName, doorNames())
	case o.timeout <= 0 || o.initTimeout <= 0:
		return wrong("-timeout and -init-timeout have to be more than nothing")
	case o.concurrency < 1:
		return wrong("-concurrency %d: at least one invocation has to be taken", o.concurrency)
	case flags.NArg() == 0:
		flags.Usage()
		return wrong("which program? It is built first: go build -o bootstrap . && lambdalocal -- ./bootstrap")
	}
	o.program, o.args = flags.Arg(0), flags.Args()[1:]
	return o, 0, true
}

// find is the path of the program, also where the PATH has it.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("the function's program cannot be run: %w", err)
	}
	return filepath.Abs(path)
}
