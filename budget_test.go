//go:build !race

package weft

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The allocation budgets of docs/design.md. They are exact, so they are tests;
// times are benchmarks. The race detector allocates by itself, hence the build tag.

// quietWriter is a ResponseWriter without costs of its own.
type quietWriter struct{ header http.Header }

func (w *quietWriter) Header() http.Header         { return w.header }
func (w *quietWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *quietWriter) WriteHeader(int)             {}

func allocations(t *testing.T, h http.Handler, hr *http.Request, body string) float64 {
	t.Helper()
	w := &quietWriter{http.Header{}}
	content := strings.NewReader(body)
	return testing.AllocsPerRun(200, func() {
		clear(w.header)
		content.Reset(body)
		hr.Body = readCloser{content}
		h.ServeHTTP(w, hr)
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

type pong struct {
	Text string `json:"text"`
}

func ping(context.Context, struct{}) (pong, error) { return pong{"hello"}, nil }

func budgetServer(t *testing.T, app *App) *Server {
	t.Helper()
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	return srv
}

func TestLaw9AStageCostsNoAllocation(t *testing.T) {
	pass := MiddlewareFunc(func(r *Request, next Next) Response { return next(r) })
	kinds := map[string]Middleware{
		"middleware": pass,
		"named":      NewMiddleware("named", pass),
		"before":     Before("before", func(*Request) error { return nil }),
		"after":      After("after", func(_ *Request, resp Response) Response { return resp }),
		"on error":   OnError("on error", func(_ *Request, resp Response, _ error) Response { return resp }),
	}
	get := httptest.NewRequest("GET", "/x", nil)
	with := func(n int, attach func(app *App, h *Handler[struct{}, pong], m ...Middleware) *Handler[struct{}, pong], m Middleware) float64 {
		app := New()
		stages := make([]Middleware, n)
		for i := range stages {
			stages[i] = m
		}
		app.Handle("GET /x", attach(app, Handle(ping), stages...))
		return allocations(t, budgetServer(t, app), get, "")
	}
	levels := map[string]func(app *App, h *Handler[struct{}, pong], m ...Middleware) *Handler[struct{}, pong]{
		"app": func(app *App, h *Handler[struct{}, pong], m ...Middleware) *Handler[struct{}, pong] {
			app.Use(m...)
			return h
		},
		"route": func(_ *App, h *Handler[struct{}, pong], m ...Middleware) *Handler[struct{}, pong] { return h.Use(m...) },
		"interceptor": func(_ *App, h *Handler[struct{}, pong], m ...Middleware) *Handler[struct{}, pong] {
			return h.Intercept(m...)
		},
	}
	for level, attach := range levels {
		for kind, m := range kinds {
			t.Run(kind+" at "+level, func(t *testing.T) {
				none := with(0, attach, m)
				assert.Equal(t, none, with(1, attach, m), "one stage")
				assert.Equal(t, none, with(8, attach, m), "eight stages")
				assert.Equal(t, none+1, with(20, attach, m), "beyond them, one allocation for all")
			})
		}
	}
}

func TestLaw9AGuardCostsNoAllocation(t *testing.T) {
	pass := NewGuard("pass", func(*Request) error { return nil })
	no := Deny("")
	denies := NewGuard("denies", func(*Request) error { return no })
	type principal struct{ name, role string }
	byValue, byPointer := NewKey[principal]("by value"), NewKey[*principal]("by pointer")
	found := &principal{"Ada", "owner"}
	get := httptest.NewRequest("GET", "/x", nil)
	measure := func(prepare func(*Handler[struct{}, pong]) *Handler[struct{}, pong]) float64 {
		app := New()
		app.Handle("GET /x", prepare(Handle(ping)))
		return allocations(t, budgetServer(t, app), get, "")
	}
	guarded := func(g ...Guard) float64 {
		return measure(func(h *Handler[struct{}, pong]) *Handler[struct{}, pong] { return h.Guard(g...) })
	}
	none := guarded()
	assert.Equal(t, none, guarded(pass), "one guard")
	assert.Equal(t, none, guarded(slices.Repeat([]Guard{pass}, 20)...), "twenty guards")
	assert.Equal(t, none, guarded(All(pass, Any(denies, denies, pass), Not(denies), Unless(denies, pass))), "a combination, with branches that say no")
	assert.Equal(t, none, guarded(ValueGuard(byPointer, "pointer", func(*Request) (*principal, error) { return found, nil })), "a value behind a pointer")
	assert.Equal(t, none+1, guarded(ValueGuard(byValue, "struct", func(*Request) (principal, error) { return *found, nil })), "a struct")
	assert.Equal(t, none, measure(func(h *Handler[struct{}, pong]) *Handler[struct{}, pong] {
		return h.Check(func(context.Context, struct{}) error { return nil })
	}), "a check")
}

func TestLaw9AnAroundCostsNoAllocation(t *testing.T) {
	around := func(ctx context.Context, in struct{}, next func(context.Context, struct{}) (pong, error)) (pong, error) {
		return next(ctx, in)
	}
	get := httptest.NewRequest("GET", "/x", nil)
	measure := func(n int) float64 {
		app := New()
		h := Handle(ping)
		for range n {
			h = h.Around(around)
		}
		app.Handle("GET /x", h)
		return allocations(t, budgetServer(t, app), get, "")
	}
	none := measure(0)
	assert.Equal(t, none, measure(1), "one around")
	assert.Equal(t, none, measure(8), "eight")
	assert.Equal(t, none+1, measure(20), "beyond them, one allocation for all")
}

// counted is a service of a request; K tells one from another.
type counted[K any] struct{ below any }

func countedOn[K, Below any](c *Container) {
	PerRequest[*counted[K]](c, Fn1(func(b *counted[Below]) *counted[K] { return &counted[K]{b} }))
}

func serviceHandler[S any]() *Handler[struct{}, pong] {
	return HandleFrom(func(S, context.Context, struct{}) (pong, error) { return pong{"hello"}, nil })
}

func TestLaw9ServicesThatAreNotNeededCostNothing(t *testing.T) {
	get := httptest.NewRequest("GET", "/x", nil)
	measure := func(c *Container, h *Handler[struct{}, pong], m ...Middleware) float64 {
		app := New(WithContainer(c))
		app.Use(m...)
		app.Handle("GET /x", h)
		return allocations(t, budgetServer(t, app), get, "")
	}
	c := NewContainer(nil)
	Singleton[*pong](c, func() *pong { return &pong{} })
	PerRequest[*counted[[1]int]](c, func(*pong) *counted[[1]int] { return nil })
	pass := MiddlewareFunc(func(r *Request, next Next) Response { return next(r) })
	none, one := measure(nil, Handle(ping)), measure(nil, Handle(ping), pass)
	assert.Equal(t, none, measure(c, Handle(ping)), "a container")
	assert.Equal(t, none, measure(c, serviceHandler[*pong]()), "a handler of a singleton")
	assert.Equal(t, one, measure(c, Handle(ping), MiddlewareFrom(func(_ *pong, r *Request, next Next) Response { return next(r) })), "a middleware of one")
	assert.Equal(t, none, measure(c, Handle(ping).Guard(GuardFrom(func(*pong, *Request) error { return nil }))), "a guard of one")
	assert.Equal(t, none, measure(c, CheckFrom(Handle(ping), func(*pong, context.Context, struct{}) error { return nil })), "a check of one")
	assert.Equal(t, none, measure(c, AroundFrom(Handle(ping), func(_ *pong, ctx context.Context, in struct{}, next func(context.Context, struct{}) (pong, error)) (pong, error) {
		return next(ctx, in)
	})), "an around of one")
}

// One for the scope, whatever is in it, beside the services themselves; and one more for an app of more than sixty.
func TestLaw9TheServicesOfARequestCostOneAllocationBesideThemselves(t *testing.T) {
	get := httptest.NewRequest("GET", "/x", nil)
	chain := func(others int) *Container {
		c := NewContainer(nil)
		PerRequest[*counted[[1]int]](c, Fn0(func() *counted[[1]int] { return &counted[[1]int]{} }))
		countedOn[[2]int, [1]int](c)
		countedOn[[3]int, [2]int](c)
		countedOn[[4]int, [3]int](c)
		countedOn[[5]int, [4]int](c)
		countedOn[[6]int, [5]int](c)
		countedOn[[7]int, [6]int](c)
		countedOn[[8]int, [7]int](c)
		countedOn[[9]int, [8]int](c)
		countedOn[[10]int, [9]int](c)
		for range others { // that another route needs
			PerRequest[*pong](c, func() *pong { return nil }, InGroup())
		}
		return c
	}
	measure := func(c *Container, h *Handler[struct{}, pong], others ...Endpoint) float64 {
		app := New(WithContainer(c))
		app.Handle("GET /x", h)
		for _, o := range others {
			app.Handle("GET /others", o)
		}
		return allocations(t, budgetServer(t, app), get, "")
	}
	none := measure(nil, Handle(ping))
	for _, others := range []int{0, 10, 40, 200} {
		var more []Endpoint
		if others > 0 {
			more = append(more, serviceHandler[[]*pong]())
		}
		budget := 1.0
		if others > 60 {
			budget++
		}
		for n, h := range map[int]*Handler[struct{}, pong]{
			1: serviceHandler[*counted[[1]int]](), 3: serviceHandler[*counted[[3]int]](),
			5: serviceHandler[*counted[[5]int]](), 10: serviceHandler[*counted[[10]int]](),
		} {
			t.Run(fmt.Sprintf("%d of %d", n, others+10), func(t *testing.T) {
				own := measure(chain(others), h, more...) - none - float64(n)
				t.Logf("%v allocations of its own", own)
				assert.LessOrEqual(t, own, budget)
			})
		}
	}
}

func TestLaw9ClosingCostsNoAllocation(t *testing.T) {
	get := httptest.NewRequest("GET", "/x", nil)
	app := New(WithContainer(NewContainer(nil)))
	PerRequest[*closable](app.container, Fn0(func() *closable { return &closable{1} }))
	app.Handle("GET /x", serviceHandler[*closable]())
	bare := New()
	bare.Handle("GET /x", Handle(ping))
	assert.Equal(t, allocations(t, budgetServer(t, bare), get, "")+2, allocations(t, budgetServer(t, app), get, ""), "the service and the scope")
}

type closable struct{ n int }

func (*closable) Close() error { return nil }

func TestLaw9OneFinallyCostsNoAllocation(t *testing.T) {
	for n, more := range []float64{0, 0, 1} {
		app := New()
		for i := range n {
			app.Use(Finally(fmt.Sprint(i), func(*Request, Sent) {}))
		}
		app.Handle("GET /x", Handle(ping))
		bare := New()
		bare.Handle("GET /x", Handle(ping))
		get := httptest.NewRequest("GET", "/x", nil)
		assert.Equal(t, allocations(t, budgetServer(t, bare), get, "")+more, allocations(t, budgetServer(t, app), get, ""), "%d stages", n)
	}
}

func TestLaw9AnAbsentObserverCostsNothing(t *testing.T) {
	get := httptest.NewRequest("GET", "/x", nil)
	measure := func(opts ...Option) float64 {
		app := New(opts...)
		app.Use(MiddlewareFunc(func(r *Request, next Next) Response { return next(r) }))
		app.Handle("GET /x", Handle(ping))
		return allocations(t, budgetServer(t, app), get, "")
	}
	assert.Equal(t, measure(), measure(WithObserver(uninterested{})))
	assert.Equal(t, measure(), measure(WithPlanCheck(func(*Plan) []BuildError { return nil })))
}

// An observer that looks at no stage leaves a route as it is linked without one: extraction and handler still share an entrance.
func TestLaw9AnUninterestedObserverLeavesARouteAsItIs(t *testing.T) {
	linked := func(opts ...Option) *linker {
		app := New(opts...)
		app.Handle("POST /x", Handle(func(_ context.Context, in pong) (pong, error) { return in, nil }))
		r := resolve(app)
		require.NoError(t, r.err())
		srv := &Server{}
		l := &linker{server: srv, services: &assembler{}, observers: app.observers, first: 1}
		l.routing = &stage{info: &StageInfo{}, server: srv}
		l.route(r.routes[0])
		return l
	}
	none := linked()
	assert.Equal(t, none.marks, linked(WithObserver(uninterested{})).marks)
	assert.Equal(t, none.marks, linked(WithObserver(only{KindHandler})).marks)
	assert.Equal(t, none.marks+1, linked(WithObserver(only{KindExtract})).marks, "an entrance of its own")
}

type only struct{ kind Kind }

func (o only) Observes(stage *StageInfo) bool { return stage.Kind == o.kind }
func (only) Enter(ctx context.Context, _ *StageInfo) (context.Context, Exit) {
	return ctx, nil
}

type uninterested struct{}

func (uninterested) Observes(*StageInfo) bool { return false }
func (uninterested) Enter(ctx context.Context, _ *StageInfo) (context.Context, Exit) {
	panic("never asked for")
}

// One byte more, and every request takes 64 more.
func TestBudgetOfARequestsState(t *testing.T) {
	assert.LessOrEqual(t, reflect.TypeFor[state]().Size(), uintptr(512))
}

func TestBudgetOfAPlainGET(t *testing.T) {
	app := New()
	app.Handle("GET /x", Handle(ping))
	byHand := http.NewServeMux()
	byHand.HandleFunc("GET /x", func(w http.ResponseWriter, _ *http.Request) {
		body, err := encodeJSON(pong{"hello"})
		if err != nil {
			http.Error(w, "internal", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body)
	})
	get := httptest.NewRequest("GET", "/x", nil)
	hand, ours := allocations(t, byHand, get, ""), allocations(t, budgetServer(t, app), get, "")
	t.Logf("GET: %v allocations, %v by hand", ours, hand)
	assert.LessOrEqual(t, ours, hand+2)
}

func TestBudgetOfAPlainPOST(t *testing.T) {
	type order struct {
		Customer string `json:"customer"`
		Items    []struct {
			SKU      string `json:"sku"`
			Quantity int    `json:"quantity"`
		} `json:"items"`
	}
	app := New()
	app.Handle("POST /x", Handle(func(_ context.Context, in order) (order, error) { return in, nil }))
	byHand := http.NewServeMux()
	byHand.HandleFunc("POST /x", func(w http.ResponseWriter, hr *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, DefaultLimit))
		var in order
		if err == nil {
			err = json.Unmarshal(body, &in, json.RejectUnknownMembers(true))
		}
		if err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		out, _ := encodeJSON(in)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(out)
	})
	const body = `{"customer":"alice","items":[{"sku":"a","quantity":1},{"sku":"b","quantity":2}]}`
	post := httptest.NewRequest("POST", "/x", strings.NewReader(body))
	post.Header.Set("Content-Type", "application/json")
	hand, ours := allocations(t, byHand, post, body), allocations(t, budgetServer(t, app), post, body)
	t.Logf("POST: %v allocations, %v by hand", ours, hand)
	assert.LessOrEqual(t, ours, hand+1)
}

// The links of all header fields are one allocation. A status alone is one too, and what is as declared costs nothing.
func TestBudgetOfAnOutputStruct(t *testing.T) {
	type status struct {
		Code int `status:"200"`
	}
	type located struct {
		status
		Location string `header:"Location"`
		Pong     pong   `body:"json"`
	}
	type rich struct {
		located
		Trace string   `header:"X-Trace"`
		Age   int      `header:"Age"`
		Tags  []string `header:"X-Tag"`
	}
	plain := New()
	plain.Handle("GET /x", Handle(ping))
	get := httptest.NewRequest("GET", "/x", nil)
	as := allocations(t, budgetServer(t, plain), get, "")
	for _, row := range []struct {
		name    string
		handler Endpoint
		more    float64
	}{
		{"a body", Handle(func(context.Context, struct{}) (located, error) { return located{Pong: pong{"hello"}}, nil }), 0},
		{"a status and a body", Handle(func(context.Context, struct{}) (located, error) {
			return located{status{201}, "", pong{"hello"}}, nil
		}), 1},
		{"a status, a header and a body", Handle(func(context.Context, struct{}) (located, error) {
			return located{status{201}, "/1", pong{"hello"}}, nil
		}), 1},
		{"a status, four headers and a body", Handle(func(context.Context, struct{}) (rich, error) {
			return rich{located{status{201}, "/1", pong{"hello"}}, "t", 7, []string{"a"}}, nil
		}), 2}, // the list is the handler's
	} {
		t.Run(row.name, func(t *testing.T) {
			app := New()
			app.Handle("GET /x", row.handler)
			ours := allocations(t, budgetServer(t, app), get, "")
			t.Logf("%v allocations, %v as JSON", ours, as)
			assert.Equal(t, as+row.more, ours)
		})
	}
}

// budgetCodec writes without an allocation of its own.
type budgetCodec struct{ answer []byte }

func (budgetCodec) MediaTypes() []string                             { return []string{"application/x-budget"} }
func (c budgetCodec) Encode(any) ([]byte, error)                     { return c.answer, nil }
func (budgetCodec) Decode([]byte, any) error                         { return nil }
func (pongWithTag) ETag() string                                     { return `"v1"` }
func (pongWithoutTag) ETag() string                                  { return "" }
func pingWithTag(context.Context, struct{}) (p pongWithTag, _ error) { return p, nil }

type (
	pongWithTag    pong
	pongWithoutTag pong
)

// Choosing costs nothing. A tag is one link more, and what an answer sends beside its type shares one array.
func TestBudgetOfNegotiation(t *testing.T) {
	measure := func(h Endpoint, accept string, opts ...Option) float64 {
		app := New(opts...)
		app.Handle("GET /x", h)
		get := httptest.NewRequest("GET", "/x", nil)
		if accept != "" {
			get.Header.Set("Accept", accept)
		}
		return allocations(t, budgetServer(t, app), get, "")
	}
	codecs := WithFormats(Formats{Codecs: []MediaCodec{budgetCodec{[]byte("pong")}}})
	json := measure(Handle(ping), "")
	assert.Equal(t, json, measure(Negotiate(Handle(ping), Formats{}), "application/json", codecs), "JSON alone")
	assert.Equal(t, json, measure(Handle(ping), "text/html;q=0.9, */*;q=0.1"), "Accept is not looked at")
	assert.Equal(t, json+1, measure(Handle(ping), "application/json", codecs), "one of two, with Vary")
	assert.Equal(t, json, measure(Handle(ping), "text/html;q=0.9, application/x-budget;q=0.2, */*;q=0.1", codecs), "the other, whose codec allocates nothing")
	assert.Equal(t, json+1, measure(Handle(pingWithTag), ""), "a tag")
	assert.Equal(t, json, measure(Handle(func(context.Context, struct{}) (p pongWithoutTag, _ error) { return p, nil }), ""), "none")
}

func TestAPlanOfAThousandRoutes(t *testing.T) {
	app := New()
	for i := range 1000 {
		app.Group(fmt.Sprintf("/g%d", i%50)).Handle(fmt.Sprintf("GET /r%d/{id}", i), Handle(ping))
	}
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Len(t, plan.Routes, 1000)
}

func BenchmarkPlanOfAThousandRoutes(b *testing.B) {
	app := New()
	for i := range 1000 {
		app.Group(fmt.Sprintf("/g%d", i%50)).Handle(fmt.Sprintf("GET /r%d/{id}", i), Handle(ping))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := app.Plan(); err != nil {
			b.Fatal(err)
		}
	}
}

// Refusals are many where a service is attacked: they cost little more than what they say.
func TestBudgetOfRefusals(t *testing.T) {
	app := New(WithLogger(slog.New(slog.DiscardHandler)))
	app.Handle("GET /denied", Handle(ping).Guard(NewGuard("nobody", func(*Request) error { return Deny("nobody") })))
	app.Handle("GET /error", Handle(func(context.Context, struct{}) (pong, error) {
		return pong{}, &Error{Status: 409, Code: "closed", Detail: "It is closed."}
	}))
	app.Handle("GET /mapped", Handle(func(context.Context, struct{}) (pong, error) { return pong{}, http.ErrNoLocation }).
		Catch(OnIs(http.ErrNoLocation, func(*Request, error) Response { return Fail(&Error{Status: 404}) })))
	app.Handle("GET /unmapped", Handle(ping).Guard(NewGuard("nobody", func(*Request) error { return Deny("nobody") })).
		Catch(On(func(_ *Request, err *http.MaxBytesError) Response { return Fail(err) })))
	type wrong struct {
		A int    `query:"a" validate:"min=1"`
		B int    `query:"b" validate:"min=1"`
		C string `query:"c" validate:"required"`
	}
	app.Handle("GET /invalid", Handle(func(context.Context, wrong) (pong, error) { return pong{}, nil }))
	srv := budgetServer(t, app)
	for path, budget := range map[string]float64{"/denied": 7, "/unmapped": 7, "/error": 8, "/mapped": 13, "/invalid": 45} {
		got := allocations(t, srv, httptest.NewRequest("GET", path, nil), "")
		t.Logf("%s: %v allocations", path, got)
		assert.LessOrEqual(t, got, budget, path)
	}
}

// A plain function costs what it did where nobody observes it, and where an observer looks at none of its stages.
func TestLaw9AFunctionThatIsNotObservedCostsNothingMore(t *testing.T) {
	pass := func(ctx context.Context, in pong, next func(context.Context, pong) (pong, error)) (pong, error) {
		return next(ctx, in)
	}
	measure := func(arounds int, opts ...FuncOption) float64 {
		h := Handle(func(_ context.Context, in pong) (pong, error) { return in, nil })
		for range arounds {
			h = h.Around(pass)
		}
		fn := MustFunc(t.Context(), h, opts...)
		ctx := t.Context()
		return testing.AllocsPerRun(200, func() { _, _ = fn(ctx, pong{}) })
	}
	for arounds, budget := range map[int]float64{0: 3, 1: 3, 5: 3, 25: 4} {
		assert.LessOrEqual(t, measure(arounds), budget, "%d arounds", arounds)
		assert.Equal(t, measure(arounds), measure(arounds, WithObserver(uninterested{})), "%d arounds", arounds)
	}
}
