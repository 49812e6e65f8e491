package weft

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/internal/callsite"
)

// DefaultLimit is how many bytes of body a route accepts unless [WithLimit] or
// [Handler.Limit] says otherwise: 1 MiB.
const DefaultLimit = 1 << 20

// DefaultDrainTimeout is how long [Server.Run] waits for requests under way
// when it is told to stop, unless [WithDrainTimeout] says otherwise.
const DefaultDrainTimeout = 15 * time.Second

// App collects what a service consists of: stages for every request, groups,
// and routes. [App.Build] joins it into a [Server].
//
// The order of declarations on one list is the order of the onion, the first
// outermost; whether Use is called before or after Handle makes no difference.
// Declaring is not safe for concurrent use, and panics once the App is built.
type App struct {
	root        *Group
	groups      []*Group // all, in order of declaration, the root first
	routes      []declaredRoute
	logger      *slog.Logger
	limit       int64
	drain       time.Duration
	delay       time.Duration
	observers   []Observer
	planChecks  []func(*Plan) []BuildError
	json        JSONOptions
	streams     *declaredStreams
	strictQuery bool
	forms       FormOptions
	messages    func(*Request, FieldError) string
	format      ErrorFormat
	decisions   func(*Request, Decision)
	container   *Container
	validate    *validator.Validate // nil is weft's own
	alone       bool                // of HTTP: its route is not matched with a pattern
	problems    []*BuildError
	built       callsite.Site
}

type declaredRoute struct {
	group    *Group
	pattern  string
	event    bool // by On, not by Handle
	source   EventSource
	receive  Middleware // of the source, nil for none
	endpoint *endpoint  // nil is a problem
	at       callsite.Site
}

// Option configures an [App].
type Option func(*App)

// WithLogger sets where failures are logged and what [Logger] returns;
// [slog.Default] when New is called, otherwise.
func WithLogger(l *slog.Logger) Option {
	return func(a *App) {
		if l == nil {
			a.problem(here(), "WithLogger(nil) is no logger", "give one, slog.New(slog.DiscardHandler) for none, or leave the option out")
			return
		}
		a.logger = l
	}
}

// WithLimit is how many bytes of body a route accepts that has no [Handler.Limit] of its own.
func WithLimit(bytes int64) Option {
	return func(a *App) {
		if bytes <= 0 {
			a.problem(here(), fmt.Sprintf("WithLimit(%d) accepts no body", bytes), "use a positive number of bytes")
			return
		}
		a.limit = bytes
	}
}

// WithJSON sets how the app reads and writes JSON; strictly, otherwise. See [Handler.JSON].
func WithJSON(o JSONOptions) Option { return func(a *App) { a.json = o } }

// WithStrictQuery refuses query parameters that a handler's Req does not name,
// on every route whose Req is a struct with tags; see [Handler.StrictQuery].
func WithStrictQuery() Option { return func(a *App) { a.strictQuery = true } }

// WithMessages sets the text of each [FieldError] in an answer. The function is
// asked last, when the answer is made, and may look at the request for a
// language. Where it returns "", the text is the English one of [FieldError.Message].
func WithMessages(message func(*Request, FieldError) string) Option {
	return func(a *App) { a.messages = message }
}

// WithErrorFormat sets how errors are written into answers that no [Mapper]
// makes; [ProblemDetails] unless set.
func WithErrorFormat(f ErrorFormat) Option { return func(a *App) { a.format = f } }

// WithDecisions has every guard of the app tell what it decided about a request,
// and of combinations what their parts did: for audit logs. The function is called on the request's way, after each guard.
func WithDecisions(tell func(*Request, Decision)) Option {
	return func(a *App) { a.decisions = tell }
}

// WithContainer sets the services that stages are made of.
func WithContainer(c *Container) Option { return func(a *App) { a.container = c } }

// WithValidator sets the validator for requests: yours, with its rules and
// aliases. weft does not change it; Build asks each rule that a request can
// reach about a sample value, to see that it can be asked. It must not be
// changed once the App is built, and should be made with validator.WithRequiredStructEnabled.
func WithValidator(v *validator.Validate) Option {
	return func(a *App) {
		if v == nil {
			a.problem(here(), "WithValidator(nil) validates nothing", "give one, or leave the option out")
			return
		}
		a.validate = v
	}
}

// WithDrainTimeout is how long [Server.Run] waits for requests under way when it is told to stop.
func WithDrainTimeout(d time.Duration) Option {
	return func(a *App) {
		if d <= 0 {
			a.problem(here(), fmt.Sprintf("WithDrainTimeout(%v) waits for no request", d), "use a positive duration")
			return
		}
		a.drain = d
	}
}

// WithDrainDelay is how long [Server.Run], told to stop, goes on accepting
// connections while [Health] already answers 503, so that load balancers can
// turn elsewhere first. 0 by default.
func WithDrainDelay(d time.Duration) Option {
	return func(a *App) {
		if d < 0 {
			a.problem(here(), fmt.Sprintf("WithDrainDelay(%v) is in the past", d), "use a positive duration, or leave the option out")
			return
		}
		a.delay = d
	}
}

// WithObserver adds an observer of stages; the first added is outermost.
func WithObserver(o Observer) Option {
	return func(a *App) {
		if o == nil {
			a.problem(here(), "WithObserver(nil) observes nothing", "give an Observer or leave the option out")
			return
		}
		a.observers = append(a.observers, o)
	}
}

// WithPlanCheck adds a check of the plan, such as a policy of the house: what it returns are errors of
// [App.Plan] and [App.Build], beside those that weft finds. It must not change the plan, in which the parts that
// have errors may be missing. A BuildError that names no Source is told with the line of New.
func WithPlanCheck(check func(*Plan) []BuildError) Option {
	return func(a *App) {
		if check == nil {
			a.problem(here(), "WithPlanCheck(nil) checks nothing", "give a function, or leave the option out")
			return
		}
		a.planChecks = append(a.planChecks, check)
	}
}

// New returns an App without routes.
func New(opts ...Option) *App {
	a := &App{logger: slog.Default(), limit: DefaultLimit, drain: DefaultDrainTimeout}
	a.root = &Group{app: a, at: here()}
	a.groups = []*Group{a.root}
	for _, opt := range opts {
		if opt != nil {
			opt(a)
		}
	}
	return a
}

func (a *App) problem(at callsite.Site, problem, remedy string) {
	a.problems = append(a.problems, &BuildError{Source: at.String(), Problem: problem, Remedy: remedy, at: at})
}

// Use adds middleware around everything, before routing: they see every
// request, those that end in a 404, a 405 or an automatic OPTIONS answer too.
// A nil Middleware is left out.
func (a *App) Use(m ...Middleware) { a.root.use("App.Use", m) }

// Intercept adds interceptors to every route; see [Handler.Intercept].
func (a *App) Intercept(m ...Middleware) { a.root.intercept("App.Intercept", m) }

// Guard adds guards to every route, asked before those of groups and routes; see
// [Handler.Guard]. They are not asked where no route matches.
func (a *App) Guard(g ...Guard) { a.root.guarded("App.Guard", g) }

// Around adds a function around the handlers of every route; see [AroundAny] and [Handler.Around].
func (a *App) Around(fn AroundAny, opts ...StageOption) { a.root.around("App.Around", fn, opts) }

// Catch adds exception mappers for every error, those before routing too, such as
// a 404; see [Mapper].
func (a *App) Catch(m ...Mapper) { a.root.catch("App.Catch", m) }

// Meta attaches metadata to every route; see [Handler.Meta].
func (a *App) Meta(values ...any) { a.root.attachMeta("App.Meta", values) }

// Handle adds a route; see [Group.Handle].
func (a *App) Handle(pattern string, e Endpoint) { a.root.handle("App.Handle", pattern, e) }

// Group adds a group; see [Group.Group].
func (a *App) Group(prefix string, m ...Middleware) *Group {
	return a.root.group("App.Group", prefix, m)
}

// mayDeclare panics after Build: what is declared then would never run.
func (a *App) mayDeclare(what string) callsite.Site {
	at := here()
	if a.built != (callsite.Site{}) {
		panic(fmt.Sprintf("weft: %s at %v comes after Build at %v: it would have no effect; declare everything before Build", what, at, a.built))
	}
	return at
}

// Group is a part of an App whose routes share a prefix and stages. Groups nest.
type Group struct {
	level
	app    *App
	outer  *Group // nil for the root
	prefix string
	at     callsite.Site
}

// Use adds middleware to every route in the group and in those nested in it,
// inside the stages of the groups outside. They run with the route known, and
// also around the 404, 405 and automatic OPTIONS answers to paths under the
// group's prefix, where [Request.Route] is nil. A nil Middleware is left out.
func (g *Group) Use(m ...Middleware) { g.use("Group.Use", m) }

// Intercept adds interceptors to every route in the group; see [Handler.Intercept].
func (g *Group) Intercept(m ...Middleware) { g.intercept("Group.Intercept", m) }

// Guard adds guards to every route in the group; see [Handler.Guard].
func (g *Group) Guard(guards ...Guard) { g.guarded("Group.Guard", guards) }

// Around adds a function around the handlers of every route in the group; see [AroundAny] and [Handler.Around].
func (g *Group) Around(fn AroundAny, opts ...StageOption) { g.around("Group.Around", fn, opts) }

// Catch adds exception mappers for errors that arise in the group; see [Mapper].
func (g *Group) Catch(m ...Mapper) { g.catch("Group.Catch", m) }

// Meta attaches metadata to every route in the group; see [Handler.Meta].
func (g *Group) Meta(values ...any) { g.attachMeta("Group.Meta", values) }

// Handle adds a route. The pattern is one of [http.ServeMux],
// "[METHOD ][HOST]/[PATH]", with the group's prefix put in front of its path:
// in the group "/orders", "GET /{id}" is "GET /orders/{id}", "GET /" is
// everything under "/orders/", "GET /{$}" is exactly "/orders/", and "GET"
// alone is exactly "/orders". A GET route answers HEAD too.
func (g *Group) Handle(pattern string, e Endpoint) { g.handle("Group.Handle", pattern, e) }

// Group adds a group nested in g, with the middleware given. Its prefix, put
// after that of g, is "" or "[HOST]/PATH" without a slash at the end; it may
// hold wildcards. Where no route matches, the deepest group whose prefix
// contains the path answers inside its middleware; of groups with the same prefix, the first declared.
func (g *Group) Group(prefix string, m ...Middleware) *Group {
	return g.group("Group.Group", prefix, m)
}

func (g *Group) use(what string, m []Middleware) {
	at := g.app.mayDeclare(what)
	g.level.use(at, m)
}

func (g *Group) intercept(what string, m []Middleware) {
	at := g.app.mayDeclare(what)
	g.level.intercept(at, m)
}

func (g *Group) guarded(what string, guards []Guard) {
	at := g.app.mayDeclare(what)
	g.level.guard(at, guards)
}

func (g *Group) around(what string, fn AroundAny, opts []StageOption) {
	at := g.app.mayDeclare(what)
	g.arounds = append(slices.Clip(g.arounds), around{rules{name: functionName(fn)}.with(opts), at, nil, fn})
}

func (g *Group) catch(what string, m []Mapper) {
	at := g.app.mayDeclare(what)
	g.level.catch(at, m)
}

func (g *Group) attachMeta(what string, values []any) {
	g.app.mayDeclare(what)
	g.level.attach(values)
}

func (g *Group) handle(what, pattern string, e Endpoint) {
	r := declaredRoute{group: g, pattern: pattern, at: g.app.mayDeclare(what)}
	if e != nil {
		r.endpoint = e.endpoint()
	}
	g.app.routes = append(g.app.routes, r)
}

func (g *Group) group(what, prefix string, m []Middleware) *Group {
	inner := &Group{app: g.app, outer: g, prefix: prefix, at: g.app.mayDeclare(what)}
	inner.level.use(inner.at, m)
	g.app.groups = append(g.app.groups, inner)
	return inner
}

// lineage is the groups from the root to g.
func (g *Group) lineage() []*Group {
	if g.outer == nil {
		return []*Group{g}
	}
	return append(g.outer.lineage(), g)
}
