package contenders

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-playground/validator/v10"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/service"
)

// echoFive is echo v5.
var echoFive = contest.Contender{
	Slug: "echo", Name: "echo v5", Module: "github.com/labstack/echo/v5",
	About:      "generic extractors for path and query, BindBody, a Validator, BodyLimit, an HTTPErrorHandler",
	Shop:       echoShop,
	Middleware: func(n int) contest.App { return echoGreeting(n, echoPassThrough) },
	Guards:     func(n int) contest.App { return echoGreeting(n, echoKeyed) },
	Routes: func(n int) contest.App {
		e := newEcho()
		for i := range n {
			e.GET(fmt.Sprintf("/r%d/:id", i), echoReport)
		}
		return contest.HTTP(e)
	},
	Without: map[string]string{
		"arounds":  "it has no typed stages",
		"services": "it has no services of a request; by hand they cost what they cost net/http",
		"stream":   "its streams are those of net/http, written by hand",
		"plan":     "it has no plan, and no services of a request",
	},
}

type echoValidator struct{ validate *validator.Validate }

func (v *echoValidator) Validate(i any) error { return v.validate.Struct(i) }

func newEcho() *echo.Echo {
	e := echo.New()
	e.Validator = &echoValidator{newValidator()}
	e.HTTPErrorHandler = echoErrors
	return e
}

func echoShop() contest.App {
	e := newEcho()
	limit := middleware.BodyLimit(service.Limit)
	e.POST("/tenants/:tenant/orders", func(c *echo.Context) error {
		dryRun, err := echo.QueryParam[bool](c, "dry_run")
		if err != nil {
			return badParameter("dry_run")
		}
		var order service.Order
		if err := echoBody(c, &order); err != nil {
			return err
		}
		return c.JSON(http.StatusCreated, service.Place(c.Param("tenant"), dryRun, c.Request().Header.Get("X-Trace"), &order))
	}, limit)
	e.GET("/tenants/:tenant/orders", func(c *echo.Context) error {
		limit, err := echo.QueryParam[int](c, "limit")
		if err != nil {
			return badParameter("limit")
		}
		cursor, err := echo.QueryParam[string](c, "cursor")
		if err != nil {
			return badParameter("cursor")
		}
		return c.JSON(http.StatusOK, service.Page{Tenant: c.Param("tenant"), Limit: limit, Cursor: cursor})
	})
	e.GET("/stock/:sku", func(c *echo.Context) error {
		stock, err := service.Reserve(c.Request().Context(), c.Param("sku"))
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, stock)
	})
	e.GET("/items", func(c *echo.Context) error { return c.JSON(http.StatusOK, service.Items()) })
	e.POST("/imports", func(c *echo.Context) error {
		var in service.Import
		if err := echoBody(c, &in); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, service.Take(&in))
	}, limit)
	e.GET("/reports/:id", echoReport, echoKeyed)
	return contest.HTTP(e)
}

func echoReport(c *echo.Context) error {
	return c.JSON(http.StatusOK, service.Report{ID: c.Param("id")})
}

func echoBody(c *echo.Context, into any) error {
	if err := echo.BindBody(c, into); err != nil {
		return err
	}
	if err := c.Validate(into); err != nil {
		return invalid(err)
	}
	return nil
}

// echoErrors answers with an error, as echo's documentation has it.
func echoErrors(c *echo.Context, err error) {
	p := newProblem(http.StatusInternalServerError, "internal", "")
	if own, ok := errors.AsType[*problem](err); ok {
		p = own
	} else if empty, ok := service.IsOutOfStock(err); ok {
		p = outOfStock(empty)
	} else if status := echo.StatusCode(err); status != 0 {
		p = newProblem(status, "", "")
	}
	c.Response().Header().Set("Content-Type", problemType)
	_ = c.JSON(p.Status, p)
}

func echoPassThrough(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error { return next(c) }
}

func echoKeyed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		if c.Request().Header.Get(service.KeyHeader) != service.Key {
			c.Response().Header().Set("WWW-Authenticate", service.Challenge)
			return unauthorized()
		}
		return next(c)
	}
}

func echoGreeting(n int, m echo.MiddlewareFunc) contest.App {
	e := newEcho()
	for range n {
		e.Use(m)
	}
	e.GET("/greeting", func(c *echo.Context) error { return c.Blob(http.StatusOK, "application/json", service.Greeting) })
	return contest.HTTP(e)
}
