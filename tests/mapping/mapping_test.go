// Package mapping_test draws exception mappers at every level and errors of
// every shape, and compares who answers with a model of the rule in the
// documentation of weft.Mapper.
package mapping_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

func TestMain(m *testing.M) {
	// No files of failed runs: what a failure prints reproduces it.
	if err := errors.Join(flag.Set("rapid.nofailfile", "true"), flag.Set("rapid.shrinktime", "5s")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// subject is what mappers can be for.
type subject struct {
	kind     kind
	name     string // in the plan
	sentinel error
	methods  int
	make     func(fn func(*weft.Request, error) weft.Response) weft.Mapper
}

func forType[E error](kind kind, name string, methods int) *subject {
	return &subject{kind: kind, name: name, methods: methods, make: func(fn func(*weft.Request, error) weft.Response) weft.Mapper {
		return weft.On(func(r *weft.Request, err E) weft.Response { return fn(r, err) })
	}}
}

var subjects = func() []*subject {
	all := []*subject{
		forType[*alpha](ofConcrete, typeAlpha, 0), forType[beta](ofConcrete, typeBeta, 0),
		forType[*gamma](ofConcrete, typeGamma, 0), forType[delta](ofConcrete, typeDelta, 0),
		forType[*weft.Error](ofConcrete, typeError, 0), forType[*weft.InvalidRequest](ofConcrete, typeInvalid, 0),
		forType[*weft.PanicError](ofConcrete, typePanic, 0),
		forType[error](ofInterface, asError, 1), forType[one](ofInterface, isOne, 2),
		forType[two](ofInterface, isTwo, 3), forType[three](ofInterface, isThree, 2),
	}
	for _, s := range sentinels {
		all = append(all, &subject{kind: ofSentinel, name: fmt.Sprintf("is %q", s), sentinel: s, make: func(fn func(*weft.Request, error) weft.Response) weft.Mapper {
			return weft.OnIs(s, fn)
		}})
	}
	return all
}()

// world is what is declared: the levels are the route's, then the groups' from the inside out, then the app's.
type world struct{ levels []level }

func drawWorld(t *rapid.T) *world {
	w := &world{}
	for i := range rapid.IntRange(2, 5).Draw(t, "levels") {
		var l level
		for _, s := range rapid.SliceOfNDistinct(rapid.SampledFrom(subjects), 0, 8, func(s *subject) string { return s.name }).Draw(t, "mappers") {
			m := &mapper{subject: s, id: fmt.Sprintf("%d-%d", i, len(l))}
			m.does = rapid.SampledFrom([]manner{answers, answers, answers, hands, hands, panics, nothing}).Draw(t, "manner")
			switch m.does {
			case answers:
				m.status = rapid.SampledFrom([]int{200, 404, 418, 500, 503}).Draw(t, "status")
			case hands:
				m.hands = drawNode(t, 2)
			}
			l = append(l, m)
		}
		w.levels = append(w.levels, l)
	}
	return w
}

// shuffled is the same declarations in another order.
func (w *world) shuffled(t *rapid.T) *world {
	other := &world{}
	for _, l := range w.levels {
		other.levels = append(other.levels, rapid.Permutation(l).Draw(t, "order"))
	}
	return other
}

// raising is how an error leaves a stage.
type raising string

const (
	returned raising = "returned"
	failed   raising = "in a Response"
	panicked raising = "as a panic"
	missed   raising = "as no route matches"
)

// errand is what one request is to do, and what came of it.
type errand struct {
	stage string // that raises the error
	how   raising
	err   error

	given []error
	seen  error // by the outermost stage
}

type errandKey struct{}

func errandOf(ctx context.Context) *errand { return ctx.Value(errandKey{}).(*errand) }

// raise does what the errand says, where it is meant for the stage.
func (e *errand) raise(stage string) (weft.Response, error) {
	if e.stage != stage {
		return weft.Empty(), nil
	}
	switch e.how {
	case panicked:
		panic(e.err)
	case failed:
		return weft.Fail(e.err), nil
	}
	return weft.Empty(), e.err
}

func raiser(stage string) weft.Middleware {
	return weft.NewMiddleware(stage, func(r *weft.Request, next weft.Next) weft.Response {
		resp, err := errandOf(r.Context()).raise(stage)
		switch {
		case err != nil:
			return weft.Fail(err)
		case resp.Err() != nil:
			return resp
		}
		return next(r)
	})
}

// errorLog counts what is logged as an error.
type errorLog struct {
	slog.Handler
	count *int
}

func (l errorLog) Enabled(context.Context, slog.Level) bool { return true }
func (l errorLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l errorLog) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		*l.count++
	}
	return nil
}

// site is a world as it was built.
type site struct {
	server *weft.Server
	log    errorLog
	path   string
}

func (w *world) build(t require.TestingT) *site {
	s := &site{log: errorLog{count: new(int)}}
	app := weft.New(weft.WithLogger(slog.New(s.log)))
	app.Use(weft.OnError("see", func(r *weft.Request, resp weft.Response, err error) weft.Response {
		errandOf(r.Context()).seen = err
		return resp
	}), raiser(w.stage(len(w.levels)-1)))
	catch := func(to func(...weft.Mapper), l level) {
		for _, m := range l { // one by one: the order of calls is an order too
			to(m.make(m.act))
		}
	}
	last := len(w.levels) - 1
	catch(app.Catch, w.levels[last])
	handle, group := app.Handle, app.Group
	for i := last - 1; i > 0; i-- {
		g := group(fmt.Sprint("/g", i), raiser(w.stage(i)))
		catch(g.Catch, w.levels[i])
		handle, group = g.Handle, g.Group
		s.path += fmt.Sprint("/g", i)
	}
	h := weft.Handle(func(ctx context.Context, _ struct{}) (weft.Response, error) { return errandOf(ctx).raise("handler") }).
		Use(raiser(w.stage(0))).Intercept(raiser("interceptor"))
	for _, m := range w.levels[0] {
		h = h.Catch(m.make(m.act))
	}
	handle("GET /x", h)
	var err error
	s.server, err = app.Build(context.Background())
	require.NoError(t, err)
	return s
}

// stage is the name of the middleware of a level.
func (w *world) stage(level int) string { return fmt.Sprint("middleware ", level) }

// act is the function of a mapper.
func (m *mapper) act(r *weft.Request, err error) weft.Response {
	e := errandOf(r.Context())
	e.given = append(e.given, err)
	switch m.does {
	case hands:
		return weft.Fail(m.hands.value).WithHeader("X-Handed-"+m.id, "1")
	case panics:
		panic(m.id)
	case nothing:
		return weft.Response{}
	}
	return weft.Text(m.id).WithStatus(m.status)
}

// answer is what came of a request.
type answer struct {
	status int
	body   string
	header http.Header
	logged int
	*errand
}

func (s *site) send(path string, e *errand) answer {
	*s.log.count = 0
	rec := httptest.NewRecorder()
	hr := httptest.NewRequest("GET", s.path+path, nil)
	s.server.ServeHTTP(rec, hr.WithContext(context.WithValue(hr.Context(), errandKey{}, e)))
	return answer{rec.Code, rec.Body.String(), rec.Header(), *s.log.count, e}
}

// draw draws an error and where it arises; from is the first level that it meets.
func (w *world) draw(t *rapid.T) (path string, e errand, root *node, from int) {
	root = drawNode(t, 3)
	e = errand{err: root.value, how: rapid.SampledFrom([]raising{returned, failed, panicked, missed}).Draw(t, "how")}
	if e.how == missed {
		return "/nowhere", e, &node{value: errOfWeft, type_: typeError, interfaces: []string{asError}, status: 404}, min(1, len(w.levels)-1)
	}
	stages := []string{"handler", "interceptor"}
	for i := range w.levels {
		stages = append(stages, w.stage(i))
	}
	e.stage = rapid.SampledFrom(stages).Draw(t, "stage")
	from = max(0, slices.Index(stages, e.stage)-2)
	if e.how == panicked {
		return "/x", e, &node{value: errOfWeft, inner: []*node{root}, type_: typePanic, interfaces: []string{asError}}, from
	}
	return "/x", e, arisen(root), from
}

// same reports whether two errors are one and the same.
func same(a, b error) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	if v := reflect.ValueOf(a); !v.Comparable() {
		return v.Pointer() == reflect.ValueOf(b).Pointer() && v.Len() == reflect.ValueOf(b).Len()
	}
	return a == b
}

func TestTheRuleDecidesWhichMapperAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		s, shuffled := w.build(t), w.shuffled(t).build(t)
		for range 10 {
			path, e, root, from := w.draw(t)
			want := expect(w.levels[from:], root)
			if e.how == panicked { // a defect, whatever it is mapped to
				want.logged = 1
			}
			for name, s := range map[string]*site{"as declared": s, "in another order": shuffled} {
				got := s.send(path, &errand{stage: e.stage, how: e.how, err: e.err})
				check(t, name, w, e, root, want, got)
			}
		}
	})
}

func check(t *rapid.T, name string, w *world, e errand, root *node, want outcome, got answer) {
	about := fmt.Sprintf("%s: %s %s: %#v, of %#v", name, e.stage, e.how, root, w.levels)
	assert.Equal(t, want.status, got.status, about)
	assert.Equal(t, want.logged, got.logged, "lines in the log: %s", about)
	if want.answered != nil {
		assert.Equal(t, want.answered.id, got.body, about)
	} else {
		assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"), about)
	}
	if assert.Len(t, got.given, len(want.given), "mappers that were called: %s", about) {
		for i, given := range want.given {
			if given == errOfWeft || given == nil {
				continue // weft made it
			}
			assert.True(t, same(given, got.given[i]), "the mapper was given %#v: %s", got.given[i], about)
		}
	}
	for _, given := range got.given {
		v := reflect.ValueOf(given)
		assert.False(t, v.Kind() == reflect.Pointer && v.IsNil(), "a mapper was given nil: %s", about)
	}
	if m := want.defect; m != nil && m.does == panics {
		p, ok := got.seen.(*weft.PanicError)
		assert.True(t, ok && p.Value == m.id, "the stages outside are told %#v: %s", got.seen, about)
		return
	}
	checkOriginal(t, about, e, root, got)
	if want.defect == nil {
		var handed []string
		for field := range got.header {
			if id, found := strings.CutPrefix(field, "X-Handed-"); found {
				handed = append(handed, id)
			}
		}
		var wanted []string
		for _, m := range want.handed {
			wanted = append(wanted, m.id)
		}
		assert.ElementsMatch(t, wanted, handed, "what they put on their failures: %s", about)
	}
}

// checkOriginal looks at the error that the stages outside are told.
func checkOriginal(t *rapid.T, about string, e errand, root *node, got answer) {
	switch e.how {
	case missed:
		assert.IsType(t, &weft.Error{}, got.seen, about)
	case panicked:
		if p, ok := got.seen.(*weft.PanicError); assert.True(t, ok, "%T: %s", got.seen, about) {
			assert.True(t, same(e.err, p.Value.(error)), about)
		}
	default:
		if root.value == nil {
			assert.Error(t, got.seen, about)
			return
		}
		assert.True(t, same(e.err, got.seen), "the stages outside are told %#v: %s", got.seen, about)
	}
}

// The names by which the model tells mappers apart are those of the plan.
func TestThePlanNamesWhatMappersAreFor(t *testing.T) {
	app := weft.New()
	for _, s := range subjects {
		app.Catch(s.make(func(*weft.Request, error) weft.Response { return weft.Empty() }))
	}
	app.Handle("GET /x", weft.Health())
	plan, err := app.Plan()
	require.NoError(t, err)
	var names, want []string
	for _, c := range plan.Routes[0].Catches {
		names = append(names, c.Error)
	}
	for _, s := range subjects {
		want = append(want, s.name)
	}
	assert.Equal(t, want, names)
}
