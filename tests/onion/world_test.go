package onion_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

func TestMain(m *testing.M) {
	// More steps than rapid's 30, to get groups in groups with handlers in them,
	// and no files of failed runs: what a failure prints reproduces it.
	if err := errors.Join(flag.Set("rapid.steps", "60"), flag.Set("rapid.nofailfile", "true"), flag.Set("rapid.shrinktime", "5s")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// declarer is what an App and a Group have in common.
type declarer interface {
	Use(m ...weft.Middleware)
	Intercept(m ...weft.Middleware)
	Meta(values ...any)
	Handle(pattern string, e weft.Endpoint)
	Group(prefix string, m ...weft.Middleware) *weft.Group
}

// builder is a *weft.Handler without its types.
type builder interface {
	Use(m ...weft.Middleware) builder
	Intercept(m ...weft.Middleware) builder
	Meta(values ...any) builder
	Status(status int) builder
	Named(name string) builder
	Limit(bytes int64) builder
	Endpoint() weft.Endpoint
}

type built[Req, Resp any] struct{ h *weft.Handler[Req, Resp] }

func (b built[Req, Resp]) Use(m ...weft.Middleware) builder {
	return built[Req, Resp]{b.h.Use(m...)}
}

func (b built[Req, Resp]) Intercept(m ...weft.Middleware) builder {
	return built[Req, Resp]{b.h.Intercept(m...)}
}

func (b built[Req, Resp]) Meta(values ...any) builder { return built[Req, Resp]{b.h.Meta(values...)} }
func (b built[Req, Resp]) Status(status int) builder  { return built[Req, Resp]{b.h.Status(status)} }
func (b built[Req, Resp]) Named(name string) builder  { return built[Req, Resp]{b.h.Named(name)} }
func (b built[Req, Resp]) Limit(bytes int64) builder  { return built[Req, Resp]{b.h.Limit(bytes)} }
func (b built[Req, Resp]) Endpoint() weft.Endpoint    { return b.h }

// handlerForm is what a handler reads and answers with.
type handlerForm string

const (
	answersNothing  handlerForm = "struct{} to struct{}"
	answersJSON     handlerForm = "struct{} to JSON"
	answersResponse handlerForm = "*Request to Response"
	readsJSON       handlerForm = "JSON to JSON"
)

var handlerForms = []handlerForm{answersNothing, answersJSON, answersResponse, readsJSON}

func (f handlerForm) reads() bool   { return f == readsJSON }
func (f handlerForm) encodes() bool { return f == answersJSON || f == readsJSON }

type question struct {
	N int `json:"n"`
}

type reply struct {
	Answer string `json:"answer"`
}

const handled = "handled"

// build makes a handler of the form whose function is known to the trace as label.
func (f handlerForm) build(label string) builder {
	run := func(ctx context.Context) error {
		tr := traceOf(ctx)
		tr.route = weft.RouteOf(ctx)
		tr.record("> %s", label)
		if tr.core != nil {
			tr.core()
		}
		_, err := tr.act(tr.deviation(label))
		return err
	}
	switch f {
	case answersNothing:
		return built[struct{}, struct{}]{weft.Handle(func(ctx context.Context, _ struct{}) (struct{}, error) {
			return struct{}{}, run(ctx)
		})}
	case answersJSON:
		return built[struct{}, reply]{weft.Handle(func(ctx context.Context, _ struct{}) (reply, error) {
			return reply{handled}, run(ctx)
		})}
	case answersResponse:
		return built[*weft.Request, weft.Response]{weft.Handle(func(ctx context.Context, _ *weft.Request) (weft.Response, error) {
			return weft.Text(handled), run(ctx)
		})}
	default:
		return built[question, reply]{weft.Handle(func(ctx context.Context, q question) (reply, error) {
			if q.N != 1 {
				return reply{}, fmt.Errorf("decoded %d", q.N)
			}
			return reply{handled}, run(ctx)
		})}
	}
}

// world is an app as it is declared step by step, and its model.
type world struct {
	log      logbook
	app      *weft.App
	groups   []*group // the first is the app
	handlers []*handler
	routes   []*route
	stages   []*stage
	mux      *http.ServeMux // the judge of which route a request belongs to
	names    int
}

// drawWorld declares an app in random steps.
func drawWorld(t *rapid.T, opts ...weft.Option) *world {
	w := newWorld(opts...)
	t.Repeat(map[string]func(*rapid.T){
		"use on a level":        w.useOnLevel,
		"intercept on a level":  w.interceptOnLevel,
		"meta on a level":       w.metaOnLevel,
		"open a group":          w.openGroup,
		"open another group":    w.openGroup, // twice as likely
		"make a handler":        w.makeHandler,
		"extend a handler":      w.extendHandler,
		"extend another":        w.extendHandler,
		"register a handler":    w.registerHandler,
		"register another":      w.registerHandler,
		"register yet another":  w.registerHandler,
		"register a fourth one": w.registerHandler,
	})
	return w
}

func newWorld(opts ...weft.Option) *world {
	w := &world{mux: http.NewServeMux()}
	w.app = weft.New(append(opts, weft.WithLogger(w.log.logger()))...)
	w.groups = []*group{{declare: w.app}}
	return w
}

func (w *world) name(prefix string) string {
	w.names++
	return fmt.Sprintf("%s%d", prefix, w.names)
}

func (w *world) drawGroup(t *rapid.T) *group {
	return rapid.SampledFrom(w.groups).Draw(t, "group")
}

// drawStages draws stages, new ones and some that are attached elsewhere too.
func (w *world) drawStages(t *rapid.T, least, most int) []*stage {
	drawn := make([]*stage, rapid.IntRange(least, most).Draw(t, "stages"))
	for i := range drawn {
		if len(w.stages) > 0 && rapid.IntRange(0, 4).Draw(t, "shared") == 0 {
			drawn[i] = rapid.SampledFrom(w.stages).Draw(t, "which")
			continue
		}
		f := rapid.SampledFrom(stageForms).Draw(t, "form")
		once := rapid.IntRange(0, 4).Draw(t, "once") == 0
		drawn[i] = newStage(w.name("s"), f, once)
		w.stages = append(w.stages, drawn[i])
	}
	return drawn
}

// attach hands the stages to attach in one call or one by one, with a nil here
// and there and from a slice with room to grow that is overwritten afterwards.
func attach(t *rapid.T, stages []*stage, attach func(...weft.Middleware)) {
	values := make([]weft.Middleware, 0, 2*len(stages)+2)
	flush := func() {
		attach(values...)
		overwritten := values[:cap(values)]
		for i := range overwritten {
			overwritten[i] = newStage("overwritten", function, false).value
		}
		values = values[:0]
	}
	for _, s := range stages {
		values = append(values, s.value)
		if rapid.IntRange(0, 9).Draw(t, "nil") == 0 {
			values = append(values, nil)
		}
		if rapid.Bool().Draw(t, "one by one") {
			flush()
		}
	}
	flush()
}

func (w *world) useOnLevel(t *rapid.T) {
	g, stages := w.drawGroup(t), w.drawStages(t, 1, 3)
	attach(t, stages, g.declare.Use)
	g.middleware = append(g.middleware, stages...)
}

func (w *world) interceptOnLevel(t *rapid.T) {
	g, stages := w.drawGroup(t), w.drawStages(t, 1, 3)
	attach(t, stages, g.declare.Intercept)
	g.interceptors = append(g.interceptors, stages...)
}

// metadata of three types, so that levels shadow each other type by type.
type (
	role  string
	owner string
	cost  int
)

func drawMeta(t *rapid.T) []any {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.Map(rapid.StringN(1, 4, -1), func(s string) any { return role(s) }),
		rapid.Map(rapid.StringN(1, 4, -1), func(s string) any { return owner(s) }),
		rapid.Map(rapid.Int(), func(n int) any { return cost(n) }),
	), 1, 3).Draw(t, "meta")
}

func (w *world) metaOnLevel(t *rapid.T) {
	g, values := w.drawGroup(t), drawMeta(t)
	g.declare.Meta(values...)
	g.meta = append(g.meta, values...)
}

// literals are segments as patterns and paths spell them; few, so that they meet.
var literals = []string{"a", "b", "c%2Fd", "caf%C3%A9"}

var hosts = []string{"one.test", "two.test"}

func (w *world) drawSegments(t *rapid.T, least, most int) string {
	path := ""
	for range rapid.IntRange(least, most).Draw(t, "segments") {
		if rapid.IntRange(0, 2).Draw(t, "wildcard") == 0 {
			path += "/{" + w.name("w") + "}"
		} else {
			path += "/" + rapid.SampledFrom(literals).Draw(t, "literal")
		}
	}
	return path
}

func (w *world) openGroup(t *rapid.T) {
	shallow := func(g *group) bool { return len(g.lineage()) < 5 }
	outer := rapid.SampledFrom(w.groups).Filter(shallow).Draw(t, "outer")
	g := &group{outer: outer, path: w.drawSegments(t, 0, 2)}
	declared := g.path
	if outer.wholeHost() == "" && rapid.IntRange(0, 5).Draw(t, "hosted") == 0 {
		g.host = rapid.SampledFrom(hosts).Draw(t, "host")
		declared = g.host + g.path
		if g.path == "" {
			declared += "/"
		}
	}
	g.middleware = w.drawStages(t, 0, 7)
	values := make([]weft.Middleware, len(g.middleware))
	for i, s := range g.middleware {
		values[i] = s.value
	}
	g.declare = outer.declare.Group(declared, values...)
	clear(values)
	w.groups = append(w.groups, g)
}

func (w *world) makeHandler(t *rapid.T) {
	label := w.name("h")
	h := &handler{form: rapid.SampledFrom(handlerForms).Draw(t, "form"), label: label, name: label}
	h.built = h.form.build(label).Named(label)
	w.extend(t, h, w.drawStages(t, 0, 7))
	w.handlers = append(w.handlers, h)
}

// drawHandler draws one that was made before, or makes the first.
func (w *world) drawHandler(t *rapid.T) *handler {
	if len(w.handlers) == 0 {
		w.makeHandler(t)
	}
	return rapid.SampledFrom(w.handlers).Draw(t, "handler")
}

// extend adds middleware to h itself, which nothing else knows yet.
func (w *world) extend(t *rapid.T, h *handler, stages []*stage) {
	attach(t, stages, func(m ...weft.Middleware) { h.built = h.built.Use(m...) })
	h.middleware = append(h.middleware, stages...)
}

// extendHandler makes a changed copy of a handler; the one it was made from stays in use.
func (w *world) extendHandler(t *rapid.T) {
	base := w.drawHandler(t)
	h := new(*base)
	h.layer = base.layer.clone()
	methods := []string{"Use", "Use", "Intercept", "Meta", "Named", "Limit"}
	if h.form != answersResponse { // whose status is the Response's
		methods = append(methods, "Status")
	}
	switch rapid.SampledFrom(methods).Draw(t, "method") {
	case "Use":
		w.extend(t, h, w.drawStages(t, 1, 3))
	case "Intercept":
		stages := w.drawStages(t, 1, 3)
		attach(t, stages, func(m ...weft.Middleware) { h.built = h.built.Intercept(m...) })
		h.interceptors = append(h.interceptors, stages...)
	case "Meta":
		values := drawMeta(t)
		h.built = h.built.Meta(values...)
		h.meta = append(h.meta, values...)
	case "Status":
		h.status = rapid.SampledFrom([]int{200, 201, 202}).Draw(t, "status")
		h.built = h.built.Status(h.status)
	case "Named":
		h.name = w.name("renamed")
		h.built = h.built.Named(h.name)
	case "Limit":
		h.limit = rapid.Int64Range(100, 1<<30).Draw(t, "limit")
		h.built = h.built.Limit(h.limit)
	}
	w.handlers = append(w.handlers, h)
}

// registerHandler registers one. Beside the other routes, ServeMux may refuse
// the first patterns that are drawn, or all of them.
func (w *world) registerHandler(t *rapid.T) {
	for range 5 {
		if w.register(t) {
			return
		}
	}
}

func (w *world) register(t *rapid.T) (accepted bool) {
	g := w.drawGroup(t)
	method := rapid.SampledFrom([]string{"GET ", "GET ", "POST ", ""}).Draw(t, "method")
	path := w.drawSegments(t, 0, 2)
	if g.outer == nil || rapid.Bool().Draw(t, "own path") {
		path += "/" + w.name("r")
	}
	path += rapid.SampledFrom([]string{"", "", "", "/{$}"}).Draw(t, "end")
	if path == "" && (method == "" || g.wholePath() == "") {
		path = "/" + w.name("r") // an empty path would be no pattern
	}
	r := &route{g, w.drawHandler(t), method + g.wholeHost() + g.wholePath() + path}
	if !w.accepts(r) {
		return false
	}
	if path == "" {
		method = strings.TrimSpace(method)
	}
	g.declare.Handle(method+path, r.handler.built.Endpoint())
	w.routes = append(w.routes, r)
	return true
}

// accepts asks ServeMux, which decides what conflicts, and makes it the judge of r's requests.
func (w *world) accepts(r *route) (accepted bool) {
	defer func() { accepted = recover() == nil }()
	w.mux.HandleFunc(r.pattern, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Pattern", r.pattern)
	})
	return true
}

// verdict is where a request leads: to a route, or to ServeMux's own answer.
type verdict struct {
	route    *route
	status   int // of ServeMux's own answer
	location string
	allow    string
}

func (w *world) judge(hr *http.Request) verdict {
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, hr)
	i := slices.IndexFunc(w.routes, func(r *route) bool { return r.pattern == rec.Header().Get("Pattern") })
	if i >= 0 {
		return verdict{route: w.routes[i]}
	}
	return verdict{nil, rec.Code, rec.Header().Get("Location"), rec.Header().Get("Allow")}
}

// values are what stands in the place of a wildcard, as a path spells it.
var values = []string{"v", "a", "x%2Fy", "%7Bw%7D", "..."}

// drawRequest draws a request that ServeMux leads to r, or perhaps to a more specific route.
func (r *route) drawRequest(t *rapid.T) *http.Request {
	method, rest, found := strings.Cut(r.pattern, " ")
	if !found {
		method, rest = "", r.pattern
	}
	switch method {
	case "":
		method = rapid.SampledFrom([]string{"GET", "POST", "DELETE"}).Draw(t, "method")
	case "GET":
		method = rapid.SampledFrom([]string{"GET", "GET", "HEAD"}).Draw(t, "method")
	}
	host, path, _ := strings.Cut(rest, "/")
	return newRequest(method, host, fill(t, "/"+path))
}

// fill replaces the wildcards of a pattern's path with values.
func fill(t *rapid.T, path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
			segments[i] = ""
		case isWildcard(segment):
			segments[i] = rapid.SampledFrom(values).Draw(t, "value")
		}
	}
	return strings.Join(segments, "/")
}

func newRequest(method, host, path string) *http.Request {
	hr := httptest.NewRequest(method, path, strings.NewReader(`{"n":1}`))
	hr.Header.Set("Content-Type", "application/json")
	if host != "" {
		hr.Host = host
	}
	return hr
}

// build builds the app, which must have no mistake.
func (w *world) build(t require.TestingT) *weft.Server {
	srv, err := w.app.Build(context.Background())
	require.NoError(t, err)
	return srv
}

// send sends the request through srv; dropped is what it panicked with. What
// takes far too long hangs, and fails the test instead of the whole run.
func send(t require.TestingT, srv *weft.Server, hr *http.Request, tr *trace) (rec *httptest.ResponseRecorder, dropped any) {
	rec = httptest.NewRecorder()
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		srv.ServeHTTP(rec, hr.WithContext(tr.in(hr.Context())))
	}()
	select {
	case dropped = <-done:
		return rec, dropped
	case <-time.After(10 * time.Second):
		require.Fail(t, "the request hangs", "%s %s, where %s %v", hr.Method, hr.URL, tr.deviant, tr.how)
		return nil, nil
	}
}

// target is a request and the chain that it must run through.
type target struct {
	request *http.Request
	route   *route // nil for a miss
	chain   []place
	verdict verdict
}

// status is that of the answer where no stage deviates.
func (g *target) status() int {
	switch {
	case g.route != nil:
		return g.route.handler.success()
	case g.request.Method == http.MethodOptions && g.verdict.status == http.StatusMethodNotAllowed:
		return http.StatusNoContent
	}
	return g.verdict.status
}

// journey is the way through the chain where no stage deviates.
func (g *target) journey() journey {
	return journey{chain: g.chain, failed: g.status() >= 400}
}

func (g *target) String() string {
	leads := fmt.Sprintf("which ServeMux answers with %d", g.verdict.status)
	if g.route != nil {
		leads = "which leads to " + g.route.pattern
	}
	return fmt.Sprintf("%s %s%s, %s", g.request.Method, g.request.Host, g.request.URL, leads)
}

// target asks the judge what the request must lead to.
func (w *world) target(hr *http.Request) *target {
	v := w.judge(hr.Clone(context.Background()))
	if v.route != nil {
		core := &stage{name: v.route.handler.label, form: theHandler}
		return &target{hr, v.route, append(v.route.chain(), place{stage: core}), v}
	}
	host, _, _ := strings.Cut(hr.Host, ":") // ServeMux compares it without the port
	return &target{hr, nil, deepest(w.groups, host, hr.URL.EscapedPath()).missChain(), v}
}

// drawTargets draws a request for every route, and strays under every group's
// prefix that probably meet no route.
func (w *world) drawTargets(t *rapid.T) []*target {
	var targets []*target
	for _, r := range w.routes {
		targets = append(targets, w.target(r.drawRequest(t)))
	}
	for _, g := range w.groups {
		targets = append(targets, w.target(g.drawStray(t)))
	}
	return targets
}

// drawStray draws a request under the group's prefix.
func (g *group) drawStray(t *rapid.T) *http.Request {
	method := rapid.SampledFrom([]string{"GET", "POST", "OPTIONS", "PROPFIND"}).Draw(t, "method")
	host := g.wholeHost()
	if host == "" || rapid.IntRange(0, 9).Draw(t, "another host") == 0 {
		host = rapid.SampledFrom(append(hosts, "example.test", "one.test:8080")).Draw(t, "host")
	}
	tail := rapid.SampledFrom([]string{
		"", "/", "/nowhere", "/a", "/b/c%2Fd", "/a/", "//", "/../a", "/.", "/r1", "/v/r2", "/caf%C3%A9/nowhere/",
	}).Draw(t, "tail")
	path := fill(t, g.wholePath()) + tail
	if path == "" {
		path = "/"
	}
	return newRequest(method, host, path)
}
