// Package mistakes_test makes mistakes at random and looks whether Build names
// every one of them, at once, with its line, its route and what to do.
package mistakes_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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

// expected is a BuildError whose route and problem mention these. Where it
// follows from something that is wrong already, it may be missing.
type expected struct {
	route, problem string
	perhaps        bool
}

func (e expected) matches(err *weft.BuildError) bool {
	return strings.Contains(err.Route, e.route) && strings.Contains(err.Problem, e.problem)
}

// handler is the type of all handlers here.
type handler = *weft.Handler[struct{}, struct{}]

// slips are the mistakes that can be made with one handler. n makes each unique.
var slips = []struct {
	name  string
	make  func(h handler, n int) handler
	wants func(n int) string // in the problem
}{
	{"a status that is no success", func(h handler, n int) handler { return h.Status(1000 + n) },
		func(n int) string { return fmt.Sprintf("Status(%d)", 1000+n) }},
	{"a timeout that has passed", func(h handler, n int) handler { return h.Timeout(-time.Duration(n)) },
		func(n int) string { return fmt.Sprintf("Timeout(%v)", -time.Duration(n)) }},
	{"a limit that accepts nothing", func(h handler, n int) handler { return h.Limit(-int64(n)) },
		func(n int) string { return fmt.Sprintf("Limit(%d)", -n) }},
	{"middleware without a function", func(h handler, n int) handler { return h.Use(weft.Before(fmt.Sprint("m", n), nil)) },
		func(n int) string { return fmt.Sprintf(`middleware "m%d" has no function`, n) }},
	{"an interceptor without a function", func(h handler, n int) handler { return h.Intercept(weft.After(fmt.Sprint("i", n), nil)) },
		func(n int) string { return fmt.Sprintf(`interceptor "i%d" has no function`, n) }},
	{"an error that nothing maps", func(h handler, n int) handler { return h.Errors(fmt.Errorf("unmapped %d", n)) },
		func(n int) string { return fmt.Sprintf(`takes "unmapped %d", which`, n) }},
	{"two mappers for the same errors", func(h handler, n int) handler {
		err := fmt.Errorf("mapped %d", n)
		return h.Catch(weft.OnIs(err, answer)).Catch(weft.OnIs(err, answer)).Errors(err)
	}, func(n int) string { return fmt.Sprintf(`errors that are "mapped %d" have two mappers`, n) }},
	{"middleware in the wrong order", func(h handler, n int) handler {
		return h.Use(through(fmt.Sprint("outer", n), weft.Inside(fmt.Sprint("inner", n))), through(fmt.Sprint("inner", n)))
	}, func(n int) string { return fmt.Sprintf(`"outer%d" must stand inside "inner%d"`, n, n) }},
}

func answer(*weft.Request, error) weft.Response { return weft.Empty() }

func through(name string, rules ...weft.StageOption) weft.Middleware {
	return weft.NewMiddleware(name, func(r *weft.Request, next weft.Next) weft.Response { return next(r) }, rules...)
}

// patterns are those of routes, with what must be said of them; "" is a pattern without a mistake.
var patterns = []struct{ text, problem string }{
	{"GET /r%d", ""},
	{"GET /r%d", ""},
	{"POST /r%d/{id}", ""},
	{"G(T /r%d", "is not a method"},
	{"GET /r%d /", "at most one space"},
	{"GET /r%d/{id", "bad wildcard"},
	{"GET /r%d/{id}/{id}", "twice"},
}

// prefixes are those of groups, with what must be said of them.
var prefixes = []struct{ text, problem string }{
	{"", ""},
	{"/g%[1]d", ""},
	{"/g%[1]d/{w%[1]d}", ""},
	{"/g%d/", "does not end in"},
	{"/g%d/{rest...}", "stands at the end"},
	{"/g%d//x", "segment"},
	{"GET /g%d", "no method"},
}

// declaration is an app with its mistakes.
type declaration struct {
	app  *weft.App
	n    int
	want []expected
}

func (d *declaration) next() int { d.n++; return d.n }

func (d *declaration) expect(route, problem string) {
	if problem != "" {
		d.want = append(d.want, expected{route, problem, false})
	}
}

// declareRoute declares a route with any number of mistakes of its own. In a
// group whose prefix is broken, ServeMux cannot be asked about it.
func (d *declaration) declareRoute(t *rapid.T, handle func(string, weft.Endpoint), broken bool) {
	n := d.next()
	name := fmt.Sprintf("/r%d", n)
	pattern := rapid.SampledFrom(patterns).Draw(t, "pattern")
	if pattern.problem != "" {
		d.want = append(d.want, expected{name, pattern.problem, broken})
	}

	fn := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	switch rapid.IntRange(0, 5).Draw(t, "nil") {
	case 0:
		fn = nil
		d.expect(name, "function is nil")
	case 1:
		handle(fmt.Sprintf(pattern.text, n), nil)
		d.expect(name, "handler is nil")
		return
	}
	h := weft.Handle(fn)
	for _, slip := range slips {
		if rapid.IntRange(0, 3).Draw(t, slip.name) == 0 {
			h = slip.make(h, n)
			// A stage is told apart by its name, so that one on many routes is reported once.
			route := name
			if wants := slip.wants(n); strings.HasPrefix(wants, "m") || strings.HasPrefix(wants, "i") || strings.HasPrefix(wants, `"`) {
				route = ""
			}
			d.expect(route, slip.wants(n))
		}
	}
	handle(fmt.Sprintf(pattern.text, n), h)
}

// declareGroup declares a group with routes, or with none.
func (d *declaration) declareGroup(t *rapid.T, open func(string, ...weft.Middleware) *weft.Group, depth int, broken bool) {
	n := d.next()
	prefix := rapid.SampledFrom(prefixes).Draw(t, "prefix")
	broken = broken || prefix.problem != ""
	text := prefix.text
	if text != "" {
		text = fmt.Sprintf(text, n)
	}
	g := open(text)
	d.expect("", prefixProblem(text, prefix.problem))
	if rapid.IntRange(0, 3).Draw(t, "group middleware") == 0 {
		g.Use(weft.Before(fmt.Sprint("gm", n), nil))
		d.expect("", fmt.Sprintf(`middleware "gm%d" has no function`, n))
	}
	if rapid.IntRange(0, 3).Draw(t, "group interceptor") == 0 {
		g.Intercept(weft.Before(fmt.Sprint("gi", n), nil))
		d.expect("", fmt.Sprintf(`interceptor "gi%d" has no function`, n))
	}
	for range rapid.IntRange(0, 2).Draw(t, "routes") {
		d.declareRoute(t, g.Handle, broken)
	}
	if depth < 2 && rapid.Bool().Draw(t, "nested") {
		d.declareGroup(t, g.Group, depth+1, broken)
	}
}

// prefixProblem names the group, since its BuildError has no route.
func prefixProblem(text, problem string) string {
	if problem == "" {
		return ""
	}
	return fmt.Sprintf("the group %q: ", text)
}

func draw(t *rapid.T) *declaration {
	d := &declaration{n: 999} // numbers of the same length, so that none contains another
	var opts []weft.Option
	if rapid.IntRange(0, 3).Draw(t, "app limit") == 0 {
		opts = append(opts, weft.WithLimit(0))
		d.expect("", "WithLimit(0)")
	}
	if rapid.IntRange(0, 3).Draw(t, "drain timeout") == 0 {
		opts = append(opts, weft.WithDrainTimeout(-1))
		d.expect("", "WithDrainTimeout(-1ns)")
	}
	d.app = weft.New(opts...)
	if rapid.IntRange(0, 3).Draw(t, "app middleware") == 0 {
		d.app.Use(weft.Before("am", nil))
		d.expect("", `middleware "am" has no function`)
	}
	if rapid.IntRange(0, 3).Draw(t, "app interceptor") == 0 {
		d.app.Intercept(weft.Before("ai", nil))
		d.expect("", `interceptor "ai" has no function`)
	}
	for range rapid.IntRange(0, 3).Draw(t, "routes") {
		d.declareRoute(t, d.app.Handle, false)
	}
	for range rapid.IntRange(0, 3).Draw(t, "groups") {
		d.declareGroup(t, d.app.Group, 0, false)
	}
	return d
}

var line = regexp.MustCompile(`^mistakes/mistakes_test\.go:\d+$`)

func TestBuildNamesEveryMistakeAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		_, planned := d.app.Plan()
		_, built := d.app.Build(t.Context())
		assert.Equal(t, fmt.Sprint(planned), fmt.Sprint(built), "Plan and Build say the same")
		if len(d.want) == 0 {
			require.NoError(t, built)
			return
		}
		require.Error(t, built)

		var found []*weft.BuildError
		for _, err := range flatten(built) {
			e, ok := errors.AsType[*weft.BuildError](err)
			require.True(t, ok, "%T", err)
			assert.Regexp(t, line, e.Source)
			assert.NotEmpty(t, e.Remedy)
			found = append(found, e)
		}
		for _, want := range d.want {
			i := slices.IndexFunc(found, want.matches)
			if i < 0 && want.perhaps {
				continue
			} else if i < 0 {
				t.Errorf("nothing says %q of %q in:\n%v", want.problem, want.route, built)
				continue
			}
			found = slices.Delete(found, i, i+1)
		}
		for _, e := range found {
			t.Errorf("nobody made this mistake:\n%v\nall:\n%v", e, built)
		}
	})
}

func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, flatten(err)...)
	}
	return all
}

// The way that the documentation of BuildError names.
func TestBuildAndPlanUnwrapToAllMistakes(t *testing.T) {
	app := weft.New(weft.WithLimit(0))
	app.Handle("GET /a", nil)
	app.Handle("GET /b", nil)
	_, planned := app.Plan()
	_, built := app.Build(t.Context())
	for name, err := range map[string]error{"Plan": planned, "Build": built} {
		t.Run(name, func(t *testing.T) {
			joined, ok := err.(interface{ Unwrap() []error })
			require.True(t, ok, "%T", err)
			require.Len(t, joined.Unwrap(), 3)
			for _, err := range joined.Unwrap() {
				assert.IsType(t, &weft.BuildError{}, err)
			}
		})
	}
}
