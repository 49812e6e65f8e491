// Package awslambdatest is AWS in front of a function, for tests: it makes events of requests as the front doors do, and reads the answers as they
// do. [SQSBatch] and the like are the events of queues and streams, and [Failed] which of their records come back. [RuntimeAPI] is what stands behind a function's process.
package awslambdatest

import (
	"io"
	"net/http"
	"slices"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/internal/doors"
	"github.com/weft-go/weft/wefttest"
)

// Door is a front door, with the form of its events.
type Door string

// The front doors.
const (
	RESTAPI            = Door(doors.RESTAPI)
	HTTPAPI            = Door(doors.HTTPAPI)
	HTTPAPI1           = Door(doors.HTTPAPI1)
	FunctionURL        = Door(doors.FunctionURL)
	FunctionURLStreams = Door(doors.FunctionURLStreams)
	RESTAPIStreams     = Door(doors.RESTAPIStreams)
	ALB                = Door(doors.ALB)
	ALBMultiValue      = Door(doors.ALBMultiValue)
	Lattice1           = Door(doors.Lattice1)
	Lattice2           = Door(doors.Lattice2)
)

// Doors are all of them.
func Doors() (all []Door) {
	for _, d := range doors.All() {
		all = append(all, Door(d))
	}
	return all
}

// Differs is what is documented to be different behind the door from a connection.
func (d Door) Differs() []wefttest.Difference {
	different := []wefttest.Difference{wefttest.Collects}
	if doors.Door(d).Streams() {
		different = nil
	}
	switch d {
	case HTTPAPI:
		return append(different, wefttest.DecodesPath, wefttest.JoinsHeaders, wefttest.JoinsAnswers)
	case HTTPAPI1:
		return append(different, wefttest.DecodesPath)
	case FunctionURL, FunctionURLStreams:
		return append(different, wefttest.JoinsHeaders, wefttest.JoinsAnswers)
	case ALB:
		return append(different, wefttest.LastHeader, wefttest.LastParameter, wefttest.LastCookie, wefttest.JoinsAnswers)
	case Lattice1:
		return append(different, wefttest.JoinsHeaders, wefttest.LastCookie, wefttest.JoinsAnswers)
	case Lattice2:
		return append(different, wefttest.LastCookie, wefttest.JoinsAnswers)
	}
	return different
}

// Transport carries requests to the server by events. It is what [wefttest.TestTransport] takes.
func Transport(srv *weft.Server, d Door, opts ...awslambda.Option) wefttest.Carry {
	if doors.Door(d).Streams() {
		opts = append(slices.Clip(opts), awslambda.Streaming())
	}
	f, err := awslambda.New(srv, opts...)
	return func(hr *http.Request) (*http.Response, error) {
		if err != nil {
			return nil, err
		}
		event, err := Event(d, hr)
		if err != nil {
			return nil, err
		}
		answer, err := f.Stream(hr.Context(), event)
		if err != nil {
			return nil, err
		}
		return Answer(d, hr, answer)
	}
}

// Event is what the door makes of a request. The request is as a server gets it, or as a client makes it.
func Event(d Door, hr *http.Request) ([]byte, error) {
	return doors.Event(doors.Door(d), hr, doors.About{})
}

// Answer is what the client gets of a function's answer. An error is the door's 502.
func Answer(d Door, hr *http.Request, from io.Reader) (*http.Response, error) {
	return doors.Answer(doors.Door(d), hr, from)
}
