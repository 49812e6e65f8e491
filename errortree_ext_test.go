package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// chain is an error whose text holds that of what it wraps, and which may wrap itself.
type chain struct {
	inner error
}

func (e *chain) Error() string { return "chain: " + e.inner.Error() }
func (e *chain) Unwrap() error { return e.inner }

// several is an error that cannot be compared, and may hold itself.
type several []error

func (e several) Error() string {
	texts := make([]string, len(e))
	for i, inner := range e {
		texts[i] = inner.Error()
	}
	return "several: " + strings.Join(texts, ", ")
}
func (e several) Unwrap() []error { return e }

// endless wraps another error each time it is asked.
type endless int

//lint:ignore SA5007 the mistake is the point
func (e endless) Error() string { return "secret endless: " + (e + 1).Error() }
func (e endless) Unwrap() error { return e + 1 }

// crooked is an error with a method that panics.
type crooked struct {
	method string
	inner  error
}

func (e *crooked) does(method string) {
	if e.method == method {
		panic("secret " + method)
	}
}
func (e *crooked) Error() string { e.does("Error"); return "crooked" }
func (e *crooked) Unwrap() error { e.does("Unwrap"); return e.inner }
func (e *crooked) Is(error) bool { e.does("Is"); return false }
func (e *crooked) As(any) bool   { e.does("As"); return false }

// holder is of a type that can be compared, though not every value of it can.
type holder struct{ held any }

func (e holder) Error() string { return "secret holder" }

func selfWrapped() error {
	e := &chain{}
	e.inner = fmt.Errorf("secret round")
	e.inner = &chain{inner: e}
	return e
}

func selfJoined() error {
	e := make(several, 3)
	e[0], e[1], e[2] = &chain{inner: e}, e, errSecret
	return e
}

func joinedWithItself() error {
	err := errors.Join(errSecret, errSecret, errSecret)
	parts := err.(interface{ Unwrap() []error }).Unwrap()
	parts[0], parts[1] = err, &chain{inner: err}
	return err
}

func causedByItself() error {
	e := &weft.Error{Status: 500, Code: "internal"}
	e.Cause = &chain{inner: errors.Join(errSecret, e)}
	return e
}

func manyJoined() error {
	errs := make([]error, 10_000)
	for i := range errs {
		errs[i] = fmt.Errorf("secret %d", i)
	}
	return errors.Join(errs...)
}

func deeplyWrapped() error { return deepOver(errSecret) }

func deepOver(err error) error {
	for range 20_000 {
		err = &chain{inner: err}
	}
	return err
}

// doubled is a tree of few errors and 2^60 ways through it.
func doubled() error {
	var err error = wrapped{errSecret}
	for range 60 {
		err = &pair{err, err}
	}
	return err
}

type pair [2]error

func (e *pair) Error() string   { return "secret pair" }
func (e *pair) Unwrap() []error { return e[:] }

// hostile is errors with which something is wrong, and what the log says of each.
var hostile = []struct {
	name   string
	make   func() error
	logged string
}{
	{"one that wraps itself", selfWrapped, "*weft_test.chain"},
	{"one that is joined with itself", selfJoined, `*errors.errorString "secret-dsn"`},
	{"one of errors.Join that holds itself", joinedWithItself, "*errors.joinError"},
	{"an Error caused by itself", causedByItself, `*errors.errorString "secret-dsn"`},
	{"one that wraps another each time", func() error { return endless(0) }, "weft_test.endless"},
	{"10,000 joined ones", manyJoined, "secret 9999"},
	{"20,000 in a chain", deeplyWrapped, "*weft_test.chain"},
	{"one with 2^60 ways through its tree", doubled, "pair"},
	{"joined with a nil pointer", func() error { return errors.Join((*outOfStock)(nil), errSecret) }, `*errors.errorString "secret-dsn"`},
	{"wrapping a nil pointer with an Unwrap of its own", func() error { return fmt.Errorf("secret: %w", errors.Join((*chain)(nil), errSecret)) }, "secret: "},
	{"wrapping a nil Error", func() error { return errors.Join(errSecret, (*weft.Error)(nil)) }, "secret-dsn"},
	{"wrapping a nil InvalidRequest", func() error { return errors.Join(errSecret, (*weft.InvalidRequest)(nil)) }, "secret-dsn"},
	{"one that cannot be compared", func() error { return several{errSecret} }, "several: secret-dsn"},
	{"one that holds what cannot be compared", func() error { return holder{[]int{1}} }, "secret holder"},
	{"one whose Error panics", func() error { return &crooked{"Error", errSecret} }, "secret-dsn"},
	{"one whose Unwrap panics", func() error { return &crooked{"Unwrap", nil} }, "secret Unwrap"},
	{"one whose Is panics", func() error { return &crooked{"Is", nil} }, "secret Is"},
	{"one whose As panics", func() error { return &crooked{"As", nil} }, "secret As"},
	{"one whose As panics, wrapped", func() error { return fmt.Errorf("secret: %w", &crooked{"As", nil}) }, "secret As"},
}

// others are mappers that none of the hostile errors is for.
func others() []weft.Mapper {
	return []weft.Mapper{onIs(errClosed, "closed"), onIs(holder{1}, "holder"), on[*outOfStock]("stock"), on[temporary]("temporary")}
}

func TestAHostileErrorIsAPlain500LoggedOnce(t *testing.T) {
	for _, e := range hostile {
		for _, at := range places {
			t.Run(e.name+" in "+at.name, func(t *testing.T) {
				tr := &trace{}
				app, log := newApp()
				app.Catch(others()...)
				app.Use(tr.stage("edge"))
				group := app.Group("/g")
				group.Catch(others()...)
				h := at.attach(app, group, tr.handler("core"), weft.Before("fails", func(*weft.Request) error { return e.make() }))
				group.Handle("GET /x", h.Catch(others()...))
				started := time.Now()
				got := serve(t, app).send("GET", "/g/x", "")
				assert.Less(t, time.Since(started), 5*time.Second)
				assertProblem(t, got, 500)
				assert.Equal(t, "edge", stagesOf(got.header))
				assert.NotContains(t, got.body, "secret")
				logged := log.errors()
				require.Len(t, logged, 1)
				assert.Contains(t, logged[0], e.logged)
				assert.Contains(t, logged[0], "stage=fails")
				if !strings.Contains(e.name, "panics") {
					assert.NotContains(t, logged[0], "stack=", "nothing panicked on the way")
				}
			})
		}
	}
}

// Asking an error is no way to lose the request either when its context has ended.
func TestAHostileErrorAfterTheDeadline(t *testing.T) {
	for _, e := range hostile {
		t.Run(e.name, func(t *testing.T) {
			app, log := newApp()
			app.Use(weft.NewMiddleware("deadline", func(r *weft.Request, _ weft.Next) weft.Response {
				ctx, cancel := context.WithDeadline(r.Context(), time.Unix(0, 0))
				defer cancel()
				return weft.Fail(e.make()).WithHeader("X-Late", fmt.Sprint(ctx.Err() != nil))
			}))
			app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) { return "", nil }))
			got := serve(t, app).send("GET", "/x", "")
			assertProblem(t, got, 500)
			assert.Equal(t, "true", got.header.Get("X-Late"))
			assert.Len(t, log.errors(), 1)
		})
	}
}

func TestFailTakesAHostileErrorOutsideAServerToo(t *testing.T) {
	for _, e := range hostile {
		t.Run(e.name, func(t *testing.T) {
			err := e.make()
			started := time.Now()
			resp := weft.Fail(err)
			assert.Less(t, time.Since(started), 5*time.Second)
			assert.Equal(t, http.StatusInternalServerError, resp.Status())
			assert.IsType(t, err, resp.Err(), "the error itself")
			body, broken := resp.Render()
			require.NoError(t, broken)
			assert.JSONEq(t, `{"title":"Internal Server Error","status":500,"code":"internal"}`, string(body))
		})
	}
}

// What follows a loop, or stands beside a nil pointer, is found all the same.
func TestMappersFindTheirErrorInAHostileTree(t *testing.T) {
	looped := func() error {
		e := make(several, 3)
		e[0], e[1], e[2] = &chain{inner: e}, e, &outOfStock{"tea"}
		return e
	}
	for name, err := range map[string]error{
		"after loops":                    looped(),
		"last of 10,000":                 errors.Join(manyJoined(), &outOfStock{"tea"}),
		"at the end of 20,000":           deepOver(&outOfStock{"tea"}),
		"after a nil pointer":            errors.Join((*outOfStock)(nil), (*chain)(nil), &outOfStock{"tea"}),
		"after one that fills in nil":    errors.Join(fillsInNil{}, &outOfStock{"tea"}),
		"after one that cannot be equal": errors.Join(holder{[]int{1}}, several{}, &outOfStock{"tea"}),
	} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", err }).Catch(others()...))
			assert.Equal(t, "stock: out of stock: tea", serve(t, app).send("GET", "/x", "").body)
			assert.Empty(t, log.errors())
		})
	}
}

// fillsInNil says that it is any error, and has none.
type fillsInNil struct{}

func (fillsInNil) Error() string { return "fills in nil" }
func (fillsInNil) As(target any) bool {
	if e, ok := target.(**outOfStock); ok {
		*e = nil
	}
	return true
}

// An error whose As fills in nil is for no mapper, whichever kind of type it is asked for.
func TestAMapperIsNeverGivenNil(t *testing.T) {
	for name, m := range map[string]weft.Mapper{"a concrete type": on[*outOfStock]("stock"), "an interface": on[temporary]("temporary")} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", fillsInNil{} }).Catch(m))
			assertProblem(t, serve(t, app).send("GET", "/x", ""), 500)
			require.Len(t, log.errors(), 1)
		})
	}
}

// alias is an error that says it is another.
type alias struct {
	name string
	of   []error
}

func (e *alias) Error() string { return e.name }
func (e *alias) Is(target error) bool {
	for _, other := range e.of {
		if target == other {
			return true
		}
	}
	return false
}

// What an error is comes before what it says it is; then the name decides, never the order.
func TestErrorsThatSayTheyAreEachOther(t *testing.T) {
	a, b := &alias{name: "a"}, &alias{name: "b"}
	a.of, b.of = []error{b}, []error{a}
	both := &alias{"both", []error{b, a}}
	for _, row := range []struct {
		name    string
		err     error
		mappers []weft.Mapper
		want    string
	}{
		{"its own mapper", a, []weft.Mapper{onIs(a, "A"), onIs(b, "B")}, "A: a"},
		{"its own mapper again", b, []weft.Mapper{onIs(a, "A"), onIs(b, "B")}, "B: b"},
		{"the other's where it has none", a, []weft.Mapper{onIs(b, "B")}, "B: a"},
		{"and back", b, []weft.Mapper{onIs(a, "A")}, "A: b"},
		{"the first by name where it is several", both, []weft.Mapper{onIs(b, "B"), onIs(a, "A")}, "A: both"},
		{"what is outermost where it wraps the other", fmt.Errorf("%w", errors.Join(b, a)), []weft.Mapper{onIs(a, "A"), onIs(b, "B")}, "B: b\na"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				app, _ := newApp()
				app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (string, error) { return "", row.err }).Catch(row.mappers...))
				assert.Equal(t, row.want, serve(t, app).send("GET", "/x", "").body)
				for i, j := 0, len(row.mappers)-1; i < j; i, j = i+1, j-1 {
					row.mappers[i], row.mappers[j] = row.mappers[j], row.mappers[i]
				}
			}
		})
	}
}

// Extraction asks errors too.
func TestAHostileErrorOfAnExtractor(t *testing.T) {
	for _, e := range hostile {
		fails := weft.NewExtractor("fails", func(*weft.Request) (string, error) { return "", e.make() })
		for name, x := range map[string]weft.Extractor[string]{
			"by itself": fails, "with a default": weft.Default(fails, "none"), "mapped": weft.Map(fails, func(s string) (string, error) { return s, nil }),
		} {
			t.Run(e.name+" "+name, func(t *testing.T) {
				app, log := newApp()
				app.Handle("GET /x", weft.Handle(func(context.Context, string) (string, error) { return "", nil }).Extract(x))
				got := serve(t, app).send("GET", "/x", "")
				assertProblem(t, got, 500)
				assert.NotContains(t, got.body, "secret")
				assert.Len(t, log.errors(), 1)
			})
		}
	}
}
