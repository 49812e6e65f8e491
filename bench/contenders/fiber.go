package contenders

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/load"
	"github.com/weft-go/weft/bench/service"
)

// fiberThree is fiber v3, which stands on fasthttp and not on net/http.
var fiberThree = contest.Contender{
	Slug: "fiber", Name: "fiber v3", Module: "github.com/gofiber/fiber/v3",
	About:      "Bind().Query and Bind().Body with a StructValidator, BodyLimit, an ErrorHandler",
	Apart:      "fasthttp: in process it is given a request of its own kind, already read and used again, without http.Request and http.Header; over TCP it can be compared",
	Shop:       fiberShop,
	Middleware: func(n int) contest.App { return fiberGreeting(n, func(c fiber.Ctx) error { return c.Next() }) },
	Guards:     func(n int) contest.App { return fiberGreeting(n, fiberKeyed) },
	Routes: func(n int) contest.App {
		app := newFiber()
		for i := range n {
			app.Get(fmt.Sprintf("/r%d/:id", i), fiberReport)
		}
		app.Handler() // builds the routing tree, which the first request would do otherwise
		return fiberApp{app}
	},
	Without: map[string]string{
		"arounds":  "it has no typed stages",
		"services": "it has no services of a request; by hand they cost what they cost net/http",
		"stream":   "its streams are written by hand, as those of net/http",
		"plan":     "it has no plan, and no services of a request",
	},
}

type fiberValidator struct{ validate *validator.Validate }

func (v *fiberValidator) Validate(out any) error { return v.validate.Struct(out) }

func newFiber() *fiber.App {
	return fiber.New(fiber.Config{
		BodyLimit:       service.Limit,
		StructValidator: &fiberValidator{newValidator()},
		ErrorHandler:    fiberErrors,
	})
}

func fiberShop() contest.App {
	app := newFiber()
	app.Post("/tenants/:tenant/orders", func(c fiber.Ctx) error {
		var query struct {
			DryRun bool `query:"dry_run"`
		}
		if err := c.Bind().Query(&query); err != nil {
			return badParameter("dry_run")
		}
		var order service.Order
		if err := fiberBody(c, &order); err != nil {
			return err
		}
		return c.Status(http.StatusCreated).JSON(service.Place(c.Params("tenant"), query.DryRun, c.Get("X-Trace"), &order))
	})
	app.Get("/tenants/:tenant/orders", func(c fiber.Ctx) error {
		var query struct {
			Limit  int    `query:"limit"`
			Cursor string `query:"cursor"`
		}
		if err := c.Bind().Query(&query); err != nil {
			return badParameter("limit")
		}
		return c.JSON(service.Page{Tenant: c.Params("tenant"), Limit: query.Limit, Cursor: query.Cursor})
	})
	app.Get("/stock/:sku", func(c fiber.Ctx) error {
		stock, err := service.Reserve(c, c.Params("sku"))
		if err != nil {
			return err
		}
		return c.JSON(stock)
	})
	app.Get("/items", func(c fiber.Ctx) error { return c.JSON(service.Items()) })
	app.Post("/imports", func(c fiber.Ctx) error {
		var in service.Import
		if err := fiberBody(c, &in); err != nil {
			return err
		}
		return c.JSON(service.Take(&in))
	})
	app.Get("/reports/:id", fiberKeyed, fiberReport)
	return fiberApp{app}
}

func fiberReport(c fiber.Ctx) error { return c.JSON(service.Report{ID: c.Params("id")}) }

// fiberBody decodes and validates, which is one step in fiber.
func fiberBody(c fiber.Ctx, into any) error {
	if err := c.Bind().Body(into); err != nil {
		if p := invalid(err); len(p.Errors) > 0 {
			return p
		}
		if errors.Is(err, fiber.ErrUnprocessableEntity) { // a media type without a binder
			return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Send application/json.")
		}
		return bodyProblem(err)
	}
	return nil
}

// fiberErrors answers with an error, as fiber's documentation has it.
func fiberErrors(c fiber.Ctx, err error) error {
	p := newProblem(http.StatusInternalServerError, "internal", "")
	if own, ok := errors.AsType[*problem](err); ok {
		p = own
	} else if empty, ok := service.IsOutOfStock(err); ok {
		p = outOfStock(empty)
	} else if known, ok := errors.AsType[*fiber.Error](err); ok {
		p = newProblem(known.Code, "", "")
	}
	return c.Status(p.Status).JSON(p, problemType)
}

func fiberKeyed(c fiber.Ctx) error {
	if c.Get(service.KeyHeader) != service.Key {
		c.Set("WWW-Authenticate", service.Challenge)
		return unauthorized()
	}
	return c.Next()
}

func fiberGreeting(n int, middleware fiber.Handler) contest.App {
	app := newFiber()
	for range n {
		app.Use(middleware)
	}
	app.Get("/greeting", func(c fiber.Ctx) error {
		c.Set("Content-Type", "application/json")
		return c.Send(service.Greeting)
	})
	return fiberApp{app}
}

// fiberApp drives fiber as its own benchmarks do, and answers through its server on a connection in memory.
type fiberApp struct{ app *fiber.App }

func (a fiberApp) Caller(r contest.Request) func() int {
	h := a.app.Handler()
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod(r.Method)
	ctx.Request.SetRequestURI(r.Target)
	ctx.Request.Header.SetHost("example.com")
	for _, field := range r.Header {
		ctx.Request.Header.Set(field[0], field[1])
	}
	if r.Body != "" {
		ctx.Request.Header.SetContentType("application/json")
		ctx.Request.SetBodyString(r.Body)
	}
	return func() int {
		ctx.Response.Reset()
		ctx.ResetUserValues()
		h(ctx)
		return ctx.Response.StatusCode()
	}
}

func (a fiberApp) Answer(r contest.Request) (contest.Answer, error) {
	wire, err := load.Wire("example.com", r)
	if err != nil {
		return contest.Answer{}, err
	}
	a.app.Handler() // makes the server ready
	conn := &memory{in: bytes.NewReader(wire)}
	served := a.app.Server().ServeConn(conn) // an error where the body is too large, which it has answered
	resp, err := http.ReadResponse(bufio.NewReader(&conn.out), nil)
	if err != nil {
		return contest.Answer{}, errors.Join(err, served)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return contest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}

// memory is a connection on which everything has arrived, and which keeps what is written. A connection
// of the network may be reset before a client has seen why its body was refused.
type memory struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (m *memory) Read(p []byte) (int, error)     { return m.in.Read(p) }
func (m *memory) Write(p []byte) (int, error)    { return m.out.Write(p) }
func (*memory) Close() error                     { return nil }
func (*memory) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*memory) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*memory) SetDeadline(time.Time) error      { return nil }
func (*memory) SetReadDeadline(time.Time) error  { return nil }
func (*memory) SetWriteDeadline(time.Time) error { return nil }

func (a fiberApp) Serve(l net.Listener) error {
	return a.app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}
