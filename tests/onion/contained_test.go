package onion_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// brittle is an error of the user's whose methods have defects of their own.
type brittle struct {
	is, as func()
	text   func() string
}

func (e *brittle) Error() string {
	if e.text != nil {
		return e.text()
	}
	return secret
}

func (e *brittle) Is(error) bool {
	if e.is != nil {
		e.is()
	}
	return false
}

func (e *brittle) As(any) bool {
	if e.as != nil {
		e.as()
	}
	return false
}

var brittleErrors = []struct {
	name string
	make func() error
}{
	{"whose Error panics", func() error { return &brittle{text: func() string { panic(secret) }} }},
	{"whose Is panics", func() error { return &brittle{is: func() { panic(secret) }} }},
	{"whose As panics", func() error { return &brittle{as: func() { panic(secret) }} }},
	{"whose Is panics with itself", func() error {
		e := &brittle{}
		e.is = func() { panic(e) }
		return e
	}},
	{"whose As panics with itself", func() error {
		e := &brittle{}
		e.as = func() { panic(e) }
		return e
	}},
	{"whose As panics with itself from the second time on", func() error {
		e, asked := &brittle{}, 0
		e.as = func() {
			if asked++; asked > 1 {
				panic(e)
			}
		}
		return e
	}},
	{"whose Is wants the connection dropped", func() error { return &brittle{is: func() { panic(http.ErrAbortHandler) }} }},
}

// An error can be asked only through methods that the user wrote. Whatever they
// do, the request ends, with the generic 500 or dropped where they ask for that.
func TestAnErrorWithDefectsOfItsOwnEndsItsRequest(t *testing.T) {
	for _, e := range brittleErrors {
		for _, from := range []form{function, theHandler} {
			t.Run(e.name+" from "+string(from), func(t *testing.T) {
				w := newWorld()
				outer := newStage("outer", function, false)
				w.app.Use(outer.value)
				tr := &trace{err: e.make(), how: deviation{fails, false}, deviant: "failing"}
				if from == function {
					w.app.Use(newStage("failing", function, false).value)
				}
				w.app.Handle("GET /", answersNothing.build("failing").Endpoint())

				rec, dropped := send(t, w.build(t), newRequest("GET", "", "/"), tr)

				if dropped == http.ErrAbortHandler {
					return
				}
				require.Nil(t, dropped, "the panic left the server")
				assert.Equal(t, http.StatusInternalServerError, rec.Code)
				assert.Equal(t, []string{"outer"}, rec.Header()[wayHeader][len(rec.Header()[wayHeader])-1:])
				assert.NotContains(t, rec.Body.String(), secret)
			})
		}
	}
}

// clumsy is an Observer that panics at one moment.
type clumsy struct{ at string }

func (*clumsy) Observes(*weft.StageInfo) bool { return true }

func (o *clumsy) Enter(ctx context.Context, stage *weft.StageInfo) (context.Context, weft.Exit) {
	if o.at == "entering "+stage.Name {
		panic(errors.New(secret))
	}
	return ctx, func(int, error) {
		if o.at == "leaving "+stage.Name {
			panic(errors.New(secret))
		}
	}
}

// An Observer with a defect is no reason for another to be left with a stage
// that never ends: a tracer keeps its span open, a gauge keeps counting.
func TestAnObserverIsToldOfTheEndWhateverAnotherDoes(t *testing.T) {
	for _, at := range []string{"entering stage", "leaving stage", "entering handler", "leaving handler", "leaving respond"} {
		for _, order := range []string{"outside", "inside"} {
			t.Run("a panic "+at+" "+order+" it", func(t *testing.T) {
				proper := newWitness(new(atomic.Int64))
				opts := []weft.Option{weft.WithObserver(&clumsy{at}), weft.WithObserver(proper)}
				if order == "inside" {
					opts[0], opts[1] = opts[1], opts[0]
				}
				w := newWorld(opts...)
				w.app.Use(newStage("stage", function, false).value)
				w.app.Handle("GET /", answersJSON.build("handler").Named("handler").Endpoint())

				_, dropped := send(t, w.build(t), newRequest("GET", "", "/"), &trace{})

				assert.Nil(t, dropped)
				for _, v := range proper.take() {
					assert.Len(t, v.exits, 1, "the exit of %s", v.Name)
				}
			})
		}
	}
}
