// Package contest says what contenders are asked, what a right answer is, and
// how an application is driven in process and over a listener.
package contest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// Contender is one way to write the service. Its functions make applications;
// one that is nil stands in Without with the reason.
type Contender struct {
	// Slug is its name in commands, Name in tables.
	Slug, Name string
	// Module is whose version is told, "" for the standard library.
	Module string
	// About is one sentence on how it is written.
	About string

	// Shop has all typed routes; see Workloads.
	Shop func() App
	// Middleware is GET /greeting behind n pass-through middleware, Guards behind n checks of a header.
	Middleware, Guards func(n int) App
	// Arounds is the typed GET behind n functions that see its decoded value.
	Arounds func(n int) App
	// Streams is GET /items, which sends the first n of the items while they are made, as a JSON array.
	Streams func(n int) App
	// Services is GET /paid with n services made for the request and closed behind it.
	Services func(n int) App
	// Routes is n typed routes GET /r0/{id}, GET /r1/{id} and so on.
	Routes func(n int) App
	// Plan is n such routes and 200 services of a request, proved but not built.
	Plan func(n int) App

	// Without says why a workload is not done, by its ID. What no function is there for may also be
	// told by the first part of IDs, up to the dash, and what is left by "".
	Without map[string]string
	// Apart says why times in process cannot be compared with those of the others, where they cannot.
	Apart string
}

// App is an application that was made of a Contender.
type App interface {
	// Caller returns a function that has the request answered once more each
	// time it is called, and returns the status. It is for one goroutine.
	Caller(Request) func() int
	// Answer is what a client would see.
	Answer(Request) (Answer, error)
	// Serve answers connections until the listener is closed.
	Serve(net.Listener) error
}

// Request is what is sent.
type Request struct {
	Method, Target string
	Header         [][2]string
	Body           string // JSON where it is not ""
}

// With returns the request with another header field.
func (r Request) With(name, value string) Request {
	r.Header = append(r.Header[:len(r.Header):len(r.Header)], [2]string{name, value})
	return r
}

// Answer is what comes back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// HTTP is an App of an http.Handler. Callers drive it with a request that is used
// again and a ResponseWriter that keeps nothing.
func HTTP(h http.Handler) App { return httpApp{h} }

// Handler is the handler of an App that HTTP made.
func Handler(a App) (http.Handler, bool) {
	h, ok := a.(httpApp)
	return h.Handler, ok
}

type httpApp struct{ http.Handler }

func (a httpApp) Caller(r Request) func() int {
	call, w := r.call(), sidebyside.NewWriter()
	return func() int {
		call.Send(a.Handler, w)
		return w.Status
	}
}

func (a httpApp) Answer(r Request) (Answer, error) {
	rec := httptest.NewRecorder()
	r.call().SendTo(a.Handler, rec)
	return Answer{rec.Code, rec.Result().Header, rec.Body.Bytes()}, nil
}

func (a httpApp) Serve(l net.Listener) error {
	return (&http.Server{Handler: a.Handler}).Serve(l) //nolint:gosec // on loopback, for a bounded time
}

// Ask sends the request to a server, whose address is base.
func Ask(client *http.Client, base string, r Request) (Answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), r.Method, base+r.Target, strings.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	if r.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, field := range r.Header {
		req.Header.Set(field[0], field[1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header, body}, err
}

func (r Request) call() *sidebyside.Call {
	call := sidebyside.NewCall(r.Method, r.Target, r.Body)
	for _, h := range r.Header {
		call.WithHeader(h[0], h[1])
	}
	return call
}
