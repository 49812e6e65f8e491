package scopes_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// What random graphs are made of: thirty types of services in three forms each,
// constructors that are made by reflection, and stages for any of them.

// instance is one service that was made.
type instance struct {
	w      *world
	id     int // of the service
	serial int
	holds  []any // what the constructor was given, but for contexts
}

func (i *instance) base() *instance { return i }

// Members of either group.
func (i *instance) inLeft()  {}
func (i *instance) inRight() {}

type (
	left  interface{ inLeft() }
	right interface{ inRight() }
	// facing is the interface by which a service can be asked for.
	facing[N any] interface{ is(N) }

	plain[N any]   struct{ instance } // neither closes nor settles
	closer[N any]  struct{ instance }
	settler[N any] struct{ instance }
)

func (*plain[N]) is(N)   {}
func (*closer[N]) is(N)  {}
func (*settler[N]) is(N) {}

func (c *closer[N]) Close() error  { return c.w.close(&c.instance) }
func (s *settler[N]) Close() error { return s.w.close(&s.instance) }
func (s *settler[N]) Settle(_ context.Context, o weft.Outcome) error {
	return s.w.settle(&s.instance, o)
}

// asked is what can be done with a type that is asked for.
type asked struct {
	typ         reflect.Type
	middleware  func(enter) weft.Middleware
	guard       func(enter) weft.Guard
	handler     func(enter) *weft.Handler[struct{}, string]
	check       func(*weft.Handler[struct{}, string], enter) *weft.Handler[struct{}, string]
	around      func(*weft.Handler[struct{}, string], enter) *weft.Handler[struct{}, string]
	interceptor func(enter) weft.Middleware
}

// enter is what a stage does; it says whether the request goes on.
type enter func(service any) (on bool, err error)

func askedAs[S any]() asked {
	dispatch := func(e enter) weft.Middleware {
		return weft.MiddlewareFrom(func(s S, r *weft.Request, next weft.Next) weft.Response {
			switch on, err := e(s); {
			case err != nil:
				return weft.Fail(err)
			case !on:
				return weft.Text("stopped")
			}
			return next(r)
		})
	}
	return asked{
		typ:         reflect.TypeFor[S](),
		middleware:  dispatch,
		interceptor: dispatch,
		guard: func(e enter) weft.Guard {
			return weft.GuardFrom(func(s S, _ *weft.Request) error {
				on, err := e(s)
				if err == nil && !on {
					err = weft.Deny("")
				}
				return err
			})
		},
		handler: func(e enter) *weft.Handler[struct{}, string] {
			return weft.HandleFrom(func(s S, _ context.Context, _ struct{}) (string, error) {
				_, err := e(s)
				return "done", err
			})
		},
		check: func(h *weft.Handler[struct{}, string], e enter) *weft.Handler[struct{}, string] {
			return weft.CheckFrom(h, func(s S, _ context.Context, _ struct{}) error {
				on, err := e(s)
				if err == nil && !on {
					err = weft.Deny("")
				}
				return err
			})
		},
		around: func(h *weft.Handler[struct{}, string], e enter) *weft.Handler[struct{}, string] {
			return weft.AroundFrom(h, func(s S, ctx context.Context, in struct{}, next func(context.Context, struct{}) (string, error)) (string, error) {
				if on, err := e(s); err != nil || !on {
					return "stopped", err
				}
				return next(ctx, in)
			})
		},
	}
}

// form is one type of service.
type form struct {
	asked
	closes, settles bool
	face            asked
	declare         map[lifetime]func(c *weft.Container, ctor any, opts ...weft.ServiceOption)
	bind            func(c *weft.Container)
	fresh           func(i instance) any
	provide         func(i do.Injector, made func() any)
	fromKey         func(c *weft.Container) (k weft.AnyKey, set func(r *weft.Request, value any))
}

type lifetime string

const (
	asSingleton lifetime = "singleton"
	asAuto      lifetime = "auto"
	asRequest   lifetime = "per request"
)

func formOf[T, F any](closes, settles bool, fresh func(i instance) T) form {
	return form{
		asked: askedAs[T](), face: askedAs[F](), closes: closes, settles: settles,
		declare: map[lifetime]func(*weft.Container, any, ...weft.ServiceOption){
			asSingleton: weft.Singleton[T], asAuto: weft.Auto[T], asRequest: weft.PerRequest[T],
		},
		bind:  weft.Implements[F, T],
		fresh: func(i instance) any { return fresh(i) },
		provide: func(i do.Injector, made func() any) {
			do.Provide(i, func(do.Injector) (T, error) { return made().(T), nil })
		},
		fromKey: func(c *weft.Container) (weft.AnyKey, func(*weft.Request, any)) {
			k := weft.NewKey[T](reflect.TypeFor[T]().String())
			weft.FromKey(c, k)
			return k, func(r *weft.Request, value any) { k.Set(r, value.(T)) }
		},
	}
}

// forms are the three forms of a type.
func forms[N any]() [3]form {
	return [3]form{
		formOf[*plain[N], facing[N]](false, false, func(i instance) *plain[N] { return &plain[N]{i} }),
		formOf[*closer[N], facing[N]](true, false, func(i instance) *closer[N] { return &closer[N]{i} }),
		formOf[*settler[N], facing[N]](true, true, func(i instance) *settler[N] { return &settler[N]{i} }),
	}
}

var types = [...][3]form{
	forms[[0]int](), forms[[1]int](), forms[[2]int](), forms[[3]int](), forms[[4]int](), forms[[5]int](), forms[[6]int](), forms[[7]int](), forms[[8]int](), forms[[9]int](),
	forms[[10]int](), forms[[11]int](), forms[[12]int](), forms[[13]int](), forms[[14]int](), forms[[15]int](), forms[[16]int](), forms[[17]int](), forms[[18]int](), forms[[19]int](),
	forms[[20]int](), forms[[21]int](), forms[[22]int](), forms[[23]int](), forms[[24]int](), forms[[25]int](), forms[[26]int](), forms[[27]int](), forms[[28]int](), forms[[29]int](),
}

// group is a group of services.
type group struct {
	asked
	declare map[lifetime]func(c *weft.Container, ctor any, opts ...weft.ServiceOption)
}

var groups = []group{
	{askedAs[[]left](), map[lifetime]func(*weft.Container, any, ...weft.ServiceOption){asSingleton: weft.Singleton[left], asAuto: weft.Auto[left], asRequest: weft.PerRequest[left]}},
	{askedAs[[]right](), map[lifetime]func(*weft.Container, any, ...weft.ServiceOption){asSingleton: weft.Singleton[right], asAuto: weft.Auto[right], asRequest: weft.PerRequest[right]}},
}

// source is where a service comes from.
type source string

const (
	made     source = "made"
	external source = "of the application's own"
	fromKey  source = "from a key"
)

// service is one declaration.
type service struct {
	id      int
	form    form
	source  source
	life    lifetime
	group   int // in which it is, or -1
	pinned  bool
	bound   bool // can be asked for by its interface
	context bool // its constructor takes one
	needs   []need
}

// need is what a service or a stage asks for: a service, by its type or its interface, or a group.
type need struct {
	service int // by its number, or -1
	byFace  bool
	group   int
}

// event is what happened to an instance.
type event struct {
	what string // made, settled or closed
	id   int
	n    int // its serial number
}

// world is a graph, an app of its stages, and what happens there. Its requests run one after the other.
type world struct {
	services []*service
	stages   []*stage

	serial  int
	events  []event
	live    map[int]int // the serial number of the instance of a service that is there
	ctx     context.Context
	wrong   []string
	log     failures
	deviant deviance
	entered int
}

// stage is one stage of the one route.
type stage struct {
	kind string
	need need
}

var stageKinds = []string{"app middleware", "group middleware", "route middleware", "guard", "check", "interceptor", "around", "handler"}

// deviance is what goes wrong in a request.
type deviance struct {
	stage   int    // that does not go on, or -1
	how     string // it does not
	ctor    int    // of which service fails, or -1
	ctorHow string
	close   map[int]string // of which service goes wrong, and how
	settle  map[int]string
}

var (
	errDeviant = errors.New("a deviance")
	errMade    = errors.New("a constructor's deviance")
)

func deviate(how string, err error) error {
	switch how {
	case "panics":
		panic(err)
	case "aborts":
		panic(http.ErrAbortHandler)
	case "exits":
		runtime.Goexit()
	case "fails":
		return err
	}
	return nil
}

func (w *world) complain(format string, args ...any) {
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// make is the constructor of a service.
func (w *world) make(s *service, args []reflect.Value) (any, error) {
	i := instance{w: w, id: s.id}
	for _, a := range args {
		if ctx, isContext := a.Interface().(context.Context); isContext {
			if w.ctx != nil && ctx.Value(seenKey{}) != w.ctx.Value(seenKey{}) {
				w.complain("service %d got a context that is not the request's", s.id)
			}
			continue
		}
		i.holds = append(i.holds, a.Interface())
	}
	for _, held := range i.holds {
		w.look(held)
	}
	if w.ctx != nil && w.deviant.ctor == s.id {
		if err := deviate(w.deviant.ctorHow, errMade); err != nil {
			return nil, err
		}
	}
	w.serial++
	i.serial = w.serial
	w.live[s.id] = i.serial
	w.events = append(w.events, event{"made", s.id, i.serial})
	return s.form.fresh(i), nil
}

// look sees that what somebody was given is the instance that is there.
func (w *world) look(given any) {
	if v := reflect.ValueOf(given); v.Kind() == reflect.Slice {
		for i := range v.Len() {
			w.look(v.Index(i).Interface())
		}
		return
	}
	i := given.(interface{ base() *instance }).base()
	if w.live[i.id] != i.serial {
		w.complain("instance %d of service %d was given, and %d is there", i.serial, i.id, w.live[i.id])
	}
}

func (w *world) close(i *instance) error {
	w.events = append(w.events, event{"closed", i.id, i.serial})
	if w.live[i.id] == i.serial {
		delete(w.live, i.id)
	}
	return deviate(w.deviant.close[i.id], errDeviant)
}

func (w *world) settle(i *instance, o weft.Outcome) error {
	what := "rolled back"
	if o.OK() {
		what = "committed"
	}
	w.events = append(w.events, event{what, i.id, i.serial})
	return deviate(w.deviant.settle[i.id], errDeviant)
}

// constructor is the function that makes a service.
func (w *world) constructor(s *service) any {
	var in []reflect.Type
	if s.context {
		in = append(in, reflect.TypeFor[context.Context]())
	}
	for _, n := range s.needs {
		in = append(in, w.typeOf(n))
	}
	fn := reflect.FuncOf(in, []reflect.Type{s.form.typ, reflect.TypeFor[error]()}, false)
	return reflect.MakeFunc(fn, func(args []reflect.Value) []reflect.Value {
		value, err := w.make(s, args)
		if err != nil {
			return []reflect.Value{reflect.Zero(s.form.typ), reflect.ValueOf(&err).Elem()}
		}
		return []reflect.Value{reflect.ValueOf(value), reflect.Zero(reflect.TypeFor[error]())}
	}).Interface()
}

func (w *world) askedFor(n need) asked {
	switch {
	case n.service < 0:
		return groups[n.group].asked
	case n.service >= len(w.services): // which nobody declares
		return types[n.service][0].asked
	case n.byFace:
		return w.services[n.service].form.face
	}
	return w.services[n.service].form.asked
}

func (w *world) typeOf(n need) reflect.Type { return w.askedFor(n).typ }

// failures counts what is logged as an error.
type failures struct {
	slog.Handler
	count *atomic.Int64
}

func (f failures) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelError {
		f.count.Add(1)
	}
	return nil
}

func (f failures) Enabled(context.Context, slog.Level) bool { return true }
func (f failures) WithAttrs([]slog.Attr) slog.Handler       { return f }

// app declares the graph and the stages, in the order of list.
func (w *world) app(order []int) (*weft.App, *weft.Container) {
	i := do.New()
	c := weft.NewContainer(i)
	var keys []weft.AnyKey
	var sets []func(*weft.Request)
	for _, id := range order {
		s := w.services[id]
		switch s.source {
		case external:
			s.form.provide(i, func() any { v, _ := w.make(s, nil); return v })
			continue
		case fromKey:
			k, set := s.form.fromKey(c)
			keys = append(keys, k)
			sets = append(sets, func(r *weft.Request) {
				w.serial++
				w.live[s.id] = w.serial
				set(r, s.form.fresh(instance{w: w, id: s.id, serial: w.serial}))
			})
			continue
		}
		var opts []weft.ServiceOption
		if s.pinned {
			opts = append(opts, weft.Pin())
		}
		declare := s.form.declare
		if s.group >= 0 {
			declare, opts = groups[s.group].declare, append(opts, weft.InGroup())
		}
		declare[s.life](c, w.constructor(s), opts...)
		if s.bound {
			s.form.bind(c)
		}
	}
	w.log = failures{slog.DiscardHandler, &atomic.Int64{}}
	app := weft.New(weft.WithContainer(c), weft.WithLogger(slog.New(w.log)))
	app.Use(weft.NewMiddleware("keys", func(r *weft.Request, next weft.Next) weft.Response {
		for _, set := range sets {
			set(r)
		}
		return next(r)
	}, weft.Provides(keys...)))
	w.attach(app)
	return app, c
}

// attach declares the stages, which are in the order in which a request meets them.
func (w *world) attach(app *weft.App) {
	group := app.Group("/g")
	h := weft.Handle(func(context.Context, struct{}) (string, error) { return "done", nil })
	if last := len(w.stages) - 1; last >= 0 && w.stages[last].kind == "handler" {
		h = w.askedFor(w.stages[last].need).handler(w.enter(last))
	}
	for i, st := range w.stages {
		a, e := w.askedFor(st.need), w.enter(i)
		switch st.kind {
		case "app middleware":
			app.Use(a.middleware(e))
		case "group middleware":
			group.Use(a.middleware(e))
		case "route middleware":
			h = h.Use(a.middleware(e))
		case "guard":
			h = h.Guard(a.guard(e))
		case "check":
			h = a.check(h, e)
		case "interceptor":
			h = h.Intercept(a.interceptor(e))
		case "around":
			h = a.around(h, e)
		}
	}
	group.Handle("GET /x", h)
}

func (w *world) enter(i int) enter {
	return func(service any) (on bool, err error) {
		w.entered = i + 1
		w.look(service)
		if w.deviant.stage != i {
			return true, nil
		}
		return false, deviate(w.deviant.how, errDeviant)
	}
}

// satisfying are the numbers of the services that satisfy a need, none where nothing does.
func (w *world) satisfying(n need) []int {
	if n.service >= 0 {
		if n.service >= len(w.services) || w.services[n.service].group >= 0 || n.byFace && !w.services[n.service].bound {
			return nil
		}
		return []int{n.service}
	}
	var members []int
	for _, s := range w.services {
		if s.group == n.group {
			members = append(members, s.id)
		}
	}
	return slices.Clip(members)
}
