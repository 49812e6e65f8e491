package weft_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type user struct {
	Name string
	Role string
}

var (
	currentUser   = weft.NewKey[user]("current user")
	currentTenant = weft.NewKey[string]("current tenant")
	currentPlan   = weft.NewKey[*string]("current plan")
)

// login takes the user from a header.
func login(opts ...weft.StageOption) weft.Guard {
	return weft.ValueGuard(currentUser, "login", func(r *weft.Request) (user, error) {
		name := r.Header().Get("X-User")
		if name == "" {
			return user{}, weft.Unauthenticated(`Bearer realm="test"`, "Log in first.")
		}
		return user{name, r.Header().Get("X-Role")}, nil
	}, opts...)
}

func role(name string) weft.Guard {
	return weft.NewGuard(name, func(r *weft.Request) error {
		if u, _ := currentUser.Get(r); u.Role != name {
			return weft.Deny("Only for " + name + "s.")
		}
		return nil
	}, weft.Needs(currentUser))
}

type greeting struct {
	User   user             `value:""`
	Tenant weft.Opt[string] `value:"current tenant"`
	Text   string           `query:"text"`
}

func greetUser(_ context.Context, in greeting) (string, error) {
	return in.Text + " " + in.User.Name + in.Tenant.Or(""), nil
}

func TestGuardsProvideWhatTheHandlerTakes(t *testing.T) {
	tr := &trace{}
	app, log := newApp()
	app.Use(tr.stage("edge"))
	app.Guard(login())
	group := app.Group("/g")
	group.Guard(weft.Any(role("owner"), role("admin")))
	group.Handle("GET /greet", weft.Handle(greetUser).Use(tr.stage("route")))
	site := serve(t, app)

	got := site.send("GET", "/g/greet?text=hi", "", "X-User: Ada", "X-Role: admin")
	assert.Equal(t, `"hi Ada"`, got.body)

	got = site.send("GET", "/g/greet?text=hi", "", "X-User: Ada", "X-Role: guest")
	assertProblem(t, got, 403)
	assert.Contains(t, got.body, "Only for owners.")
	assert.Equal(t, "route edge", stagesOf(got.header), "the middleware outside see the denial")

	got = site.send("GET", "/g/greet", "")
	assertProblem(t, got, 401)
	assert.Equal(t, `Bearer realm="test"`, got.header.Get("WWW-Authenticate"))
	assert.Equal(t, 404, site.send("GET", "/g/nowhere", "").status, "guards are not asked about a path that leads nowhere")
	assert.Empty(t, log.errors())
}

func TestGuardsAreAskedInOrderAppGroupRoute(t *testing.T) {
	tr := &trace{}
	guard := func(name string) weft.Guard {
		return weft.NewGuard(name, func(*weft.Request) error { tr.add(name); return nil })
	}
	app, _ := newApp()
	group := app.Group("/g")
	inner := group.Group("/i")
	inner.Handle("GET /x", tr.handler("core").
		Guard(guard("route1"), guard("route2")).Guard(guard("route3")).
		Use(tr.stage("mw")).Intercept(tr.stage("inter")).
		Check(func(context.Context, struct{}) error { tr.add("check1"); return nil }).
		Check(func(context.Context, struct{}) error { tr.add("check2"); return nil }))
	inner.Guard(guard("inner"))
	group.Guard(guard("group"))
	app.Guard(guard("app1"), guard("app2"))
	site := serve(t, app)
	assert.Equal(t, 200, site.send("GET", "/g/i/x", "").status)
	assert.Equal(t, "+mw app1 app2 group inner route1 route2 route3 check1 check2 +inter core -inter -mw", tr.take())
}

// Law 4: what is decoded is decoded behind the guards, whichever stages there are.
func TestLaw4NothingIsDecodedBeforeEveryGuardPassed(t *testing.T) {
	for _, denied := range []bool{false, true} {
		for name, prepare := range map[string]func(h *weft.Handler[spied, string], tr *trace) *weft.Handler[spied, string]{
			"alone": func(h *weft.Handler[spied, string], _ *trace) *weft.Handler[spied, string] { return h },
			"an interceptor": func(h *weft.Handler[spied, string], tr *trace) *weft.Handler[spied, string] {
				return h.Intercept(tr.stage("i"))
			},
			"a check": func(h *weft.Handler[spied, string], tr *trace) *weft.Handler[spied, string] {
				return h.Check(func(context.Context, spied) error { tr.add("check"); return nil })
			},
			"a middleware": func(h *weft.Handler[spied, string], tr *trace) *weft.Handler[spied, string] {
				return h.Use(tr.stage("m"))
			},
		} {
			for level, attach := range guardPlaces {
				t.Run(fmt.Sprint(name, " ", level, " ", denied), func(t *testing.T) {
					tr := &trace{}
					app, _ := newApp()
					group := app.Group("/g")
					h := weft.Handle(func(_ context.Context, in spied) (string, error) { tr.add("core"); return "", nil })
					h = prepare(h, tr)
					decoded := func() string { return fmt.Sprint(spiedOn.Load()) }
					spiedOn.Store(0)
					h = attach(app, group, h, weft.NewGuard("first", func(*weft.Request) error { return nil }), weft.NewGuard("last", func(*weft.Request) error {
						assert.Equal(t, "0", decoded(), "nothing was decoded yet")
						if denied {
							return weft.Deny("")
						}
						return nil
					}))
					group.Handle("POST /x", h)
					got := serve(t, app).send("POST", "/g/x", `{"a":1}`)
					if denied {
						assertProblem(t, got, 403)
						assert.Equal(t, "0", decoded())
						assert.NotContains(t, tr.take(), "core")
						return
					}
					assert.Equal(t, 200, got.status)
					assert.Equal(t, "1", decoded())
				})
			}
		}
	}
}

func TestAWebhookIsSignedOverTheBytesThatAreDecoded(t *testing.T) {
	secret := []byte("secret")
	sign := func(body string) string {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(body))
		return hex.EncodeToString(mac.Sum(nil))
	}
	var signed []byte
	signature := weft.NewGuard("signature", func(r *weft.Request) error {
		body, err := r.Body()
		if err != nil {
			return err
		}
		signed = body
		if !hmac.Equal([]byte(sign(string(body))), []byte(r.Header().Get("X-Signature"))) {
			return weft.Deny("The signature is wrong.")
		}
		return nil
	}, weft.ReadsBody())
	app, log := newApp()
	app.Handle("POST /hook", weft.Handle(echo[person]).Guard(signature).Limit(64))
	site := serve(t, app)

	body := ` {"name": "Ada"} `
	assert.Equal(t, 200, site.send("POST", "/hook", body, "X-Signature: "+sign(body)).status)
	assert.Equal(t, body, string(signed), "the raw bytes")
	assertProblem(t, site.send("POST", "/hook", body, "X-Signature: "+sign(body+" ")), 403)
	unknown := `{"name":"Ada","extra":1}`
	got := site.send("POST", "/hook", unknown, "X-Signature: "+sign(unknown))
	assertProblem(t, got, 400)
	assert.Contains(t, got.body, "unknown_field", "decoded strictly, whoever has read it before")
	assertProblem(t, site.send("POST", "/hook", fmt.Sprintf(`{"name":"%064d"}`, 1)), 413)
	assert.Empty(t, log.errors())
}

func TestAGuardThatReadsTheBodyUnaskedIsADefect(t *testing.T) {
	reads := func(r *weft.Request) error { _, err := r.Body(); return err }
	for name, g := range map[string]weft.Guard{
		"alone":            weft.NewGuard("curious", reads),
		"before one":       weft.All(weft.NewGuard("curious", reads)),
		"in a combination": weft.Any(weft.NewGuard("no", func(*weft.Request) error { return weft.Deny("") }), weft.NewGuard("curious", reads)),
	} {
		t.Run(name, func(t *testing.T) {
			app, log := newApp()
			app.Handle("POST /x", weft.Handle(echo[person]).Guard(weft.NewGuard("asked", reads, weft.ReadsBody()), g))
			assertProblem(t, serve(t, app).send("POST", "/x", `{"name":"Ada"}`), 500)
			logged := log.errors()
			require.Len(t, logged, 1)
			assert.Contains(t, logged[0], "give it the option ReadsBody")
		})
	}
	app, _ := newApp()
	app.Use(weft.After("late", func(r *weft.Request, resp weft.Response) weft.Response {
		body, err := r.Body()
		assert.NoError(t, err, "others may read it, also when a guard was denied it")
		return resp.WithHeader("X-Body", string(body))
	}))
	app.Handle("POST /x", weft.Handle(echo[person]).Guard(weft.NewGuard("panics", func(*weft.Request) error { panic("oh") })))
	app.Handle("POST /y", weft.Handle(echo[person]).Guard(weft.NewGuard("curious", reads)))
	site := serve(t, app)
	for _, path := range []string{"/x", "/y"} {
		assert.Equal(t, `{}`, site.send("POST", path, `{}`).header.Get("X-Body"))
	}
}

func TestCheckSeesTheDecodedRequest(t *testing.T) {
	type in struct {
		ID   int    `path:"id"`
		User user   `value:""`
		Body person `body:"json"`
	}
	app, log := newApp()
	app.Guard(login())
	app.Handle("POST /x/{id}", weft.Handle(func(_ context.Context, in in) (person, error) { return in.Body, nil }).Check(func(ctx context.Context, in in) error {
		require.NotNil(t, weft.RouteOf(ctx))
		switch in.Body.Name {
		case "mine":
			return nil
		case "failing":
			return errSecret
		case "panicking":
			panic(errSecret)
		case "invalid":
			return errors.Join(weft.Invalid("/name", "taken", "is taken"), weft.Invalid("/age", "odd", ""))
		}
		return weft.Deny(fmt.Sprintf("%s may not change %d.", in.User.Name, in.ID))
	}))
	site := serve(t, app)
	send := func(name string) reply {
		return site.send("POST", "/x/7", `{"name":"`+name+`"}`, "X-User: Ada")
	}
	assert.Equal(t, 200, send("mine").status)
	got := send("other")
	assertProblem(t, got, 403)
	assert.Contains(t, got.body, "Ada may not change 7.")
	assert.Equal(t, "body /name taken, body /age odd", fieldErrors(t, send("invalid")))
	assert.Empty(t, log.errors())
	for _, name := range []string{"failing", "panicking"} {
		got := send(name)
		assertProblem(t, got, 500)
		assert.NotContains(t, got.body, "secret")
		logged := log.errors()
		require.Len(t, logged, 1)
		assert.Contains(t, logged[0], "secret-dsn")
		assert.Contains(t, logged[0], "stage=weft_test.TestCheckSeesTheDecodedRequest")
	}
}

func TestCheckOfARequestThatIsNotDecoded(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(func(_ context.Context, r *weft.Request) (string, error) { return r.Header().Get("X-User"), nil }).
		Check(func(_ context.Context, r *weft.Request) error {
			if r.Header().Get("X-User") == "" {
				return weft.Deny("")
			}
			return nil
		}))
	site := serve(t, app)
	assertProblem(t, site.send("GET", "/x", ""), 403)
	assert.Equal(t, `"Ada"`, site.send("GET", "/x", "", "X-User: Ada").body)
}

func TestAGuardOrMiddlewareThatBreaksItsPromise(t *testing.T) {
	never := func(*weft.Request) error { return nil }
	for name, prepare := range map[string]func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string]{
		"guard": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Guard(weft.NewGuard("forgetful", never, weft.Provides(currentUser)))
		},
		"in a tree": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Guard(weft.Not(weft.Any(weft.NewGuard("forgetful", never, weft.Provides(currentUser)))))
		},
		"middleware": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Use(weft.NewMiddleware("forgetful", passThrough, weft.Provides(currentUser)))
		},
		"interceptor": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Intercept(weft.NewMiddleware("forgetful", passThrough, weft.Provides(currentUser)))
		},
		"nil": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Guard(weft.ValueGuard(currentPlan, "forgetful", func(*weft.Request) (*string, error) { return nil, nil }))
		},
		"set to nil": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Guard(weft.NewGuard("forgetful", func(r *weft.Request) error { currentPlan.Set(r, nil); return nil }, weft.Provides(currentPlan)))
		},
		"set twice": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Use(weft.Before("forgetful", func(r *weft.Request) error {
				currentTenant.Set(r, "a")
				currentTenant.Set(r, "b")
				return nil
			}, weft.Provides(currentTenant)))
		},
		"set and not declared": func(h *weft.Handler[struct{}, string]) *weft.Handler[struct{}, string] {
			return h.Use(weft.Before("forgetful", func(r *weft.Request) error { currentTenant.Set(r, "a"); return nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &trace{}
			app, log := newApp()
			app.Use(tr.stage("edge"))
			app.Handle("GET /x", prepare(tr.handler("core")))
			got := serve(t, app).send("GET", "/x", "")
			assertProblem(t, got, 500)
			assert.Equal(t, "+edge -edge", tr.take())
			logged := log.errors()
			require.Len(t, logged, 1)
			assert.Contains(t, logged[0], "forgetful")
			assert.Contains(t, logged[0], "current ")
		})
	}
	t.Run("a short circuit need not keep it", func(t *testing.T) {
		app, log := newApp()
		app.Handle("GET /x", (&trace{}).handler("core").Use(weft.NewMiddleware("stops", func(*weft.Request, weft.Next) weft.Response {
			return weft.Empty()
		}, weft.Provides(currentUser))))
		assert.Equal(t, 204, serve(t, app).send("GET", "/x", "").status)
		assert.Empty(t, log.errors())
	})
}

func TestAMapped401StillSaysHowToLogIn(t *testing.T) {
	app, _ := newApp()
	app.Catch(weft.On(func(_ *weft.Request, d *weft.Denial) weft.Response {
		return weft.Text("please log in").WithStatus(d.Status())
	}))
	group := app.Group("/g")
	group.Catch(weft.On(func(_ *weft.Request, d *weft.Denial) weft.Response {
		return weft.Redirect(303, "/login")
	}))
	app.Handle("GET /x", weft.Handle(greetUser).Guard(login()))
	group.Handle("GET /x", weft.Handle(greetUser).Guard(login()))
	app.Handle("GET /y", (&trace{}).handler("y").Use(weft.Before("middleware", func(*weft.Request) error {
		return fmt.Errorf("refused: %w", weft.Unauthenticated("Basic", ""))
	})))
	site := serve(t, app)
	got := site.send("GET", "/x", "")
	assert.Equal(t, 401, got.status)
	assert.Equal(t, "please log in", got.body)
	assert.Equal(t, []string{`Bearer realm="test"`}, got.header["Www-Authenticate"])
	assert.Equal(t, 303, site.send("GET", "/g/x", "").status)
	assert.Equal(t, "Basic", site.send("GET", "/y", "").header.Get("WWW-Authenticate"))

	for name, row := range map[string]struct {
		mapper weft.Mapper
		says   []string
	}{
		"none":                       {weft.OnIs(errClosed, func(*weft.Request, error) weft.Response { return weft.Empty() }), []string{`Bearer realm="test"`}},
		"one with its own challenge": {weft.On(func(*weft.Request, *weft.Denial) weft.Response { return weft.Fail(weft.Unauthenticated("Basic", "")) }), []string{"Basic"}},
		"one that hands it on":       {weft.On(func(_ *weft.Request, d *weft.Denial) weft.Response { return weft.Fail(d).WithHeader("X-A", "a") }), []string{`Bearer realm="test"`}},
		"one that takes it away": {weft.On(func(_ *weft.Request, d *weft.Denial) weft.Response {
			return weft.Text("no").WithStatus(401).WithHeader("WWW-Authenticate", "x").WithoutHeader("WWW-Authenticate")
		}), []string{`Bearer realm="test"`}},
		"one with another field": {weft.On(func(_ *weft.Request, d *weft.Denial) weft.Response {
			return weft.Text("no").WithStatus(401).WithHeader("WWW-Authenticate", "Digest").WithAddedHeader("WWW-Authenticate", "Basic")
		}), []string{"Digest", "Basic"}},
	} {
		app, _ := newApp()
		app.Handle("GET /x", weft.Handle(greetUser).Guard(login()).Catch(row.mapper))
		assert.Equal(t, row.says, serve(t, app).send("GET", "/x", "").header["Www-Authenticate"], name)
	}
}

func TestUnauthenticatedWithoutAChallengeIsADefect(t *testing.T) {
	for _, challenge := range []string{"", "a\r\nX-Injected: b"} {
		app, log := newApp()
		app.Handle("GET /x", (&trace{}).handler("core").Guard(weft.Not(weft.NewGuard("wrong", func(*weft.Request) error {
			return weft.Unauthenticated(challenge, "")
		}))))
		assertProblem(t, serve(t, app).send("GET", "/x", ""), 500)
		require.Len(t, log.errors(), 1)
	}
}

func TestKeysInAUnitTest(t *testing.T) {
	r := weft.NewRequest(httptest.NewRequest("GET", "/x?text=hi", nil))
	_, present := currentUser.Get(r)
	assert.False(t, present)
	_, present = currentUser.From(t.Context())
	assert.False(t, present)

	currentUser.Set(r, user{"Ada", "owner"})
	currentTenant.Set(r, "!")
	require.NoError(t, role("owner").Allow(r))
	require.Error(t, role("admin").Allow(r))
	in, err := weft.Struct[greeting]().Extract(r)
	require.NoError(t, err)
	assert.Equal(t, greeting{user{"Ada", "owner"}, weft.Some("!"), "hi"}, in)
	u, present := currentUser.From(r.Context())
	assert.True(t, present)
	assert.Equal(t, "Ada", u.Name)
	v, err := weft.KeyValue(currentTenant).Extract(r)
	require.NoError(t, err)
	assert.Equal(t, "!", v)

	for i := range 10 { // more than have room in place
		k := weft.NewKey[int](fmt.Sprint(i))
		k.Set(r, i)
		n, present := k.Get(r)
		assert.True(t, present)
		assert.Equal(t, i, n)
	}
	assert.Panics(t, func() { currentUser.Set(r, user{}) })
	assert.Panics(t, func() { new(weft.Key[int]).Set(r, 1) })
	_, present = new(weft.Key[int]).Get(r)
	assert.False(t, present)
}

func TestKeyValueOfWhatIsNotThere(t *testing.T) {
	r := weft.NewRequest(httptest.NewRequest("GET", "/x", nil))
	_, err := weft.KeyValue(currentTenant).Extract(r)
	require.ErrorContains(t, err, "current tenant")
	opt, err := weft.Optional(weft.KeyValue(currentTenant)).Extract(r)
	require.NoError(t, err)
	assert.True(t, opt.IsAbsent())
	v, err := weft.Default(weft.KeyValue(currentTenant), "none").Extract(r)
	require.NoError(t, err)
	assert.Equal(t, "none", v)
	_, err = weft.Struct[greeting]().Extract(r)
	assert.ErrorContains(t, err, "the field User")
}

func TestTwoAppsShareAKeyAndNoValue(t *testing.T) {
	first, _ := newApp()
	first.Handle("GET /x", weft.Handle(greetUser).Guard(login()))
	second, _ := newApp()
	tenant := weft.Before("tenant", func(r *weft.Request) error { currentTenant.Set(r, "!"); return nil }, weft.Provides(currentTenant))
	second.Use(tenant)
	second.Handle("GET /x", weft.Handle(greetUser).Guard(login()))
	a, b := serve(t, first), serve(t, second)
	assert.Equal(t, `"hi Ada"`, a.send("GET", "/x?text=hi", "", "X-User: Ada").body)
	assert.Equal(t, `"hi Ada!"`, b.send("GET", "/x?text=hi", "", "X-User: Ada").body)
}

func TestManyKeysInOneApp(t *testing.T) {
	app, _ := newApp()
	keys := make([]*weft.Key[int], 64)
	for i := range keys {
		keys[i] = weft.NewKey[int](fmt.Sprint(i))
		app.Use(weft.Before(fmt.Sprint(i), func(r *weft.Request) error { keys[i].Set(r, i); return nil }, weft.Provides(keys[i])))
	}
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, _ struct{}) (int, error) {
		sum := 0
		for _, k := range keys {
			n, _ := k.From(ctx)
			sum += n
		}
		return sum, nil
	}))
	assert.Equal(t, "2016", serve(t, app).send("GET", "/x", "").body)

	app, _ = newApp()
	for i := range 65 {
		k := weft.NewKey[int](fmt.Sprint(i))
		app.Use(weft.Before(fmt.Sprint(i), func(r *weft.Request) error { k.Set(r, i); return nil }, weft.Provides(k)))
	}
	_, err := app.Plan()
	assert.ErrorContains(t, err, "more than 64 keys")
}

func TestWhatAGuardSaysIsTold(t *testing.T) {
	var told []weft.Decision
	app, _ := newApp(weft.WithDecisions(func(r *weft.Request, d weft.Decision) {
		require.NotNil(t, r.Route())
		told = append(told, d)
	}))
	app.Handle("GET /x", weft.Handle(greetUser).Guard(login(), weft.Unless(role("root"), weft.Any(role("owner"), role("admin"), role("guest")))))
	app.Handle("GET /broken", weft.Handle(func(context.Context, struct{}) (string, error) { return "", nil }).
		Guard(weft.All(weft.NewGuard("ok", func(*weft.Request) error { return nil }), weft.NewGuard("panics", func(*weft.Request) error { panic("oh") }), login())))
	site := serve(t, app)

	assert.Equal(t, 200, site.send("GET", "/x", "", "X-User: Ada", "X-Role: admin").status)
	require.Len(t, told, 2)
	assert.Equal(t, "login allowed", told[0].String())
	assert.Equal(t, "unless(root, any(owner, admin, guest)) allowed (root denied: 403 Forbidden (forbidden): Only for roots.; "+
		"any(owner, admin, guest) allowed (owner denied: 403 Forbidden (forbidden): Only for owners.; admin allowed; guest not asked))", told[1].String())
	group := told[1].LogValue().Group()
	assert.Equal(t, "guard=unless(root, any(owner, admin, guest))", group[0].String())
	assert.Equal(t, "verdict=allowed", group[1].String())
	assert.Equal(t, "root", group[2].Key)

	told = nil
	assert.Equal(t, 401, site.send("GET", "/x", "").status)
	require.Len(t, told, 1, "what is behind a no is not asked")
	assert.Equal(t, weft.VerdictDenied, told[0].Verdict)

	told = nil
	assert.Equal(t, 500, site.send("GET", "/broken", "").status)
	require.Len(t, told, 1)
	assert.Equal(t, weft.VerdictFailed, told[0].Verdict)
	var p *weft.PanicError
	require.ErrorAs(t, told[0].Err, &p)
	assert.Equal(t, []weft.Verdict{weft.VerdictAllowed, weft.VerdictFailed, weft.VerdictNotAsked},
		[]weft.Verdict{told[0].Parts[0].Verdict, told[0].Parts[1].Verdict, told[0].Parts[2].Verdict})

	r := weft.NewRequest(httptest.NewRequest("GET", "/x", nil))
	assert.Equal(t, weft.VerdictDenied, weft.Decide(r, login()).Verdict, "in a unit test")
}

func TestGuardsOnceAndInOrder(t *testing.T) {
	app, _ := newApp()
	app.Guard(login(weft.Once()))
	app.Group("/g").Handle("GET /x", weft.Handle(greetUser).Guard(login(weft.Once())))
	assert.Equal(t, 200, serve(t, app).send("GET", "/g/x", "", "X-User: Ada").status)

	app, _ = newApp()
	app.Handle("GET /x", weft.Handle(greetUser).Guard(weft.NewGuard("late", func(*weft.Request) error { return nil }, weft.Outside("login")), login()).
		Guard(weft.NewGuard("early", func(*weft.Request) error { return nil }, weft.Outside("login"))))
	_, err := app.Plan()
	require.ErrorContains(t, err, `"early" must stand outside "login"`)
	assert.NotContains(t, err.Error(), `"late"`)
}

func TestThePlanNamesTheKeysOfACombinationOnce(t *testing.T) {
	reader := weft.NewGuard("reader", func(*weft.Request) error { return nil }, weft.Reads(currentTenant))
	for name, combined := range map[string]weft.Guard{
		"all":    weft.All(role("owner"), role("admin"), reader, reader),
		"any":    weft.Any(role("owner"), role("admin"), reader, reader),
		"unless": weft.Unless(weft.All(role("owner"), reader), weft.Any(role("admin"), reader)),
	} {
		app, _ := newApp()
		app.Handle("GET /x", weft.Handle(greetUser).Guard(login(), combined))
		plan, err := app.Plan()
		require.NoError(t, err)
		stage := plan.Routes[0].Stages[1]
		require.Equal(t, weft.KindGuard, stage.Kind)
		assert.Equal(t, []string{"current user"}, stage.Needs, name)
		assert.Equal(t, []string{"current tenant"}, stage.Reads, name)
	}
}

// guardPlaces are the levels at which guards can be attached.
var guardPlaces = map[string]func(app *weft.App, g *weft.Group, h *weft.Handler[spied, string], guards ...weft.Guard) *weft.Handler[spied, string]{
	"app": func(app *weft.App, _ *weft.Group, h *weft.Handler[spied, string], guards ...weft.Guard) *weft.Handler[spied, string] {
		app.Guard(guards...)
		return h
	},
	"group": func(_ *weft.App, g *weft.Group, h *weft.Handler[spied, string], guards ...weft.Guard) *weft.Handler[spied, string] {
		g.Guard(guards...)
		return h
	},
	"route": func(_ *weft.App, _ *weft.Group, h *weft.Handler[spied, string], guards ...weft.Guard) *weft.Handler[spied, string] {
		return h.Guard(guards...)
	},
}

// A guard is never left out because something else has its name.
func TestOnceSparesAGuardOfAMiddlewaresName(t *testing.T) {
	app, _ := newApp()
	app.Use(weft.NewMiddleware("login", passThrough))
	app.Handle("GET /x", weft.Handle(greetUser).Guard(login(weft.Once())))
	assert.Equal(t, 401, serve(t, app).send("GET", "/x", "").status)
}

func TestARefusalBesideAnOutageIsNotMappedAsARefusal(t *testing.T) {
	app, log := newApp()
	app.Catch(weft.On(func(*weft.Request, *weft.Denial) weft.Response { return weft.Redirect(303, "/login") }),
		weft.On(func(*weft.Request, *weft.Error) weft.Response { return says("an Error") }))
	failing := errors.Join(weft.Deny(""), errSecret)
	app.Handle("GET /guard", (&trace{}).handler("x").Guard(weft.NewGuard("g", func(*weft.Request) error { return failing })))
	app.Handle("GET /check", (&trace{}).handler("x").Check(func(context.Context, struct{}) error { return failing }))
	app.Handle("GET /denied", (&trace{}).handler("x").Check(func(context.Context, struct{}) error {
		return fmt.Errorf("no: %w", errors.Join(weft.Deny(""), weft.Unauthenticated("Basic", "")))
	}))
	site := serve(t, app)
	for _, path := range []string{"/guard", "/check"} {
		assertProblem(t, site.send("GET", path, ""), 500)
		assert.Len(t, log.errors(), 1)
	}
	assert.Equal(t, 303, site.send("GET", "/denied", "").status)
	assert.Empty(t, log.errors())
}

// What one part of a combination may, another may not.
func TestOnlyThePartThatSaidSoReadsTheBody(t *testing.T) {
	reads := func(r *weft.Request) error { _, err := r.Body(); return err }
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(echo[person]).Guard(weft.All(weft.NewGuard("asked", reads, weft.ReadsBody()), weft.NewGuard("curious", reads))))
	assertProblem(t, serve(t, app).send("POST", "/x", `{}`), 500)

	r := weft.NewRequest(httptest.NewRequest("POST", "/x", nil))
	require.NoError(t, weft.NewGuard("asked", reads, weft.ReadsBody()).Allow(r))
	require.Error(t, weft.NewGuard("curious", reads).Allow(r), "in a unit test too")
	_, err := r.Body()
	require.NoError(t, err)
}

func TestADenialCanHideWhatItIsAbout(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /x", (&trace{}).handler("x").Guard(weft.NewGuard("hides", func(*weft.Request) error {
		return weft.Deny("Not yours.").WithCause(errSecret).Hidden()
	})))
	app.Handle("GET /y", (&trace{}).handler("y").Guard(weft.Not(weft.NewGuard("hides", func(*weft.Request) error { return weft.Deny("").Hidden() }))))
	site := serve(t, app)
	got, nowhere := site.send("GET", "/x", ""), site.send("GET", "/nowhere", "")
	assertProblem(t, got, 404)
	assert.Equal(t, nowhere.body, got.body)
	assert.Equal(t, nowhere.header, got.header)
	assert.Equal(t, 200, site.send("GET", "/y", "").status, "it is a no like any other")
	assert.Empty(t, log.errors())
}

func TestMustIsForWhatBuildHasProved(t *testing.T) {
	r := weft.NewRequest(httptest.NewRequest("GET", "/x", nil))
	assert.PanicsWithError(t, `no stage has set the key "current tenant" of type string`, func() { currentTenant.Must(r) })
	currentTenant.Set(r, "acme")
	assert.Equal(t, "acme", currentTenant.Must(r))
}

func TestAnOptionalFieldThatNothingProvidesIsWarnedOf(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(greetUser).Guard(login()))
	plan, err := app.Plan()
	require.NoError(t, err)
	require.Len(t, plan.Warnings, 1)
	assert.Contains(t, plan.Warnings[0].Problem, `the field Tenant takes the value "current tenant" of type string, and will always be absent`)
}
