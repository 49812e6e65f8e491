package tracing

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
)

const (
	envDisabled        = "POWERTOOLS_TRACE_DISABLED"
	envStages          = "POWERTOOLS_TRACE_MIDDLEWARES"
	envCaptureError    = "POWERTOOLS_TRACER_CAPTURE_ERROR"
	envCaptureResponse = "POWERTOOLS_TRACER_CAPTURE_RESPONSE"
	envService         = "POWERTOOLS_SERVICE_NAME"
	envOTelService     = "OTEL_SERVICE_NAME"
	envSAM             = "AWS_SAM_LOCAL"
	envChalice         = "AWS_CHALICE_CLI_MODE"
)

// choice is what an option says, where it was given.
type choice struct{ made, on bool }

func chosen(on bool) choice { return choice{true, on} }

// settle fills in what no option said.
func (t *Tracing) settle() {
	if !t.enabled.made {
		emulated := os.Getenv(envSAM) != "" || os.Getenv(envChalice) != ""
		t.enabled = chosen(!t.variable(envDisabled, false) && !emulated)
	}
	if !t.all.made {
		t.all = chosen(t.variable(envStages, false))
	}
	if !t.captureErrors.made {
		t.captureErrors = chosen(t.variable(envCaptureError, true))
	}
	if !t.captureResponses.made {
		t.captureResponses = chosen(t.variable(envCaptureResponse, true))
	}
	if t.service == "" {
		t.service = cmp.Or(os.Getenv(envService), os.Getenv(envOTelService))
	}
}

var (
	yes = []string{"1", "y", "yes", "t", "true", "on"}
	no  = []string{"0", "n", "no", "f", "false", "off"}
)

// variable is a switch of the environment.
func (t *Tracing) variable(name string, otherwise bool) bool {
	value := os.Getenv(name)
	switch {
	case value == "":
		return otherwise
	case slices.Contains(yes, strings.ToLower(value)):
		return true
	case slices.Contains(no, strings.ToLower(value)):
		return false
	}
	t.problem(t.at, fmt.Sprintf("the variable %s of the environment is %q, which is neither yes nor no", name, value),
		"set it to true or false, or take it out")
	return otherwise
}
