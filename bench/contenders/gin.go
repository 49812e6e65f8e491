package contenders

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/binding"
	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/service"
)

// ginGonic is gin.
var ginGonic = contest.Contender{
	Slug: "gin", Name: "gin", Module: "github.com/gin-gonic/gin",
	About: "gin.New in release mode, ShouldBindQuery and ShouldBindJSON with unknown fields disallowed, errors through c.Error and a middleware",
	Shop:  ginShop,
	Middleware: func(n int) contest.App {
		return ginGreeting(n, func(c *gin.Context) { c.Next() })
	},
	Guards: func(n int) contest.App { return ginGreeting(n, ginKeyed) },
	Routes: func(n int) contest.App {
		r := newGin()
		for i := range n {
			r.GET(fmt.Sprintf("/r%d/:id", i), ginReport)
		}
		return contest.HTTP(r)
	},
	Without: map[string]string{
		"arounds":  "it has no typed stages",
		"services": "it has no services of a request; by hand they cost what they cost net/http",
		"stream":   "its streams are those of net/http, written by hand",
		"plan":     "it has no plan, and no services of a request",
	},
}

func newGin() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	binding.EnableDecoderDisallowUnknownFields = true
	if v, ok := binding.Validator.Engine().(*validator.Validate); ok {
		v.RegisterTagNameFunc(jsonName)
	}
	r := gin.New()
	r.HandleMethodNotAllowed = true
	return r
}

func ginShop() contest.App {
	r := newGin()
	r.Use(ginErrors)
	r.POST("/tenants/:tenant/orders", ginLimit, func(c *gin.Context) {
		var query struct {
			DryRun bool `form:"dry_run"`
		}
		if err := c.ShouldBindQuery(&query); err != nil {
			_ = c.Error(badParameter("dry_run"))
			return
		}
		var order service.Order
		if p := ginBody(c, &order); p != nil {
			_ = c.Error(p)
			return
		}
		c.JSON(http.StatusCreated, service.Place(c.Param("tenant"), query.DryRun, c.GetHeader("X-Trace"), &order))
	})
	r.GET("/tenants/:tenant/orders", func(c *gin.Context) {
		var query struct {
			Limit  int    `form:"limit"`
			Cursor string `form:"cursor"`
		}
		if err := c.ShouldBindQuery(&query); err != nil {
			_ = c.Error(badParameter("limit"))
			return
		}
		c.JSON(http.StatusOK, service.Page{Tenant: c.Param("tenant"), Limit: query.Limit, Cursor: query.Cursor})
	})
	r.GET("/stock/:sku", func(c *gin.Context) {
		stock, err := service.Reserve(c.Request.Context(), c.Param("sku"))
		if err != nil {
			_ = c.Error(err)
			return
		}
		c.JSON(http.StatusOK, stock)
	})
	r.GET("/items", func(c *gin.Context) { c.JSON(http.StatusOK, service.Items()) })
	r.POST("/imports", ginLimit, func(c *gin.Context) {
		var in service.Import
		if p := ginBody(c, &in); p != nil {
			_ = c.Error(p)
			return
		}
		c.JSON(http.StatusOK, service.Take(&in))
	})
	r.GET("/reports/:id", ginKeyed, ginReport)
	return contest.HTTP(r)
}

func ginReport(c *gin.Context) { c.JSON(http.StatusOK, service.Report{ID: c.Param("id")}) }

// ginErrors answers with the error that a handler has left, as gin's documentation has it.
func ginErrors(c *gin.Context) {
	c.Next()
	if len(c.Errors) == 0 {
		return
	}
	p := newProblem(http.StatusInternalServerError, "internal", "")
	switch err := c.Errors.Last().Err.(type) {
	case *problem:
		p = err
	default:
		if empty, ok := service.IsOutOfStock(err); ok {
			p = outOfStock(empty)
		}
	}
	c.Header("Content-Type", problemType)
	c.JSON(p.Status, p)
}

func ginLimit(c *gin.Context) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, service.Limit)
	c.Next()
}

// ginBody decodes and validates, which is one step in gin.
func ginBody(c *gin.Context, into any) *problem {
	if err := c.ShouldBindJSON(into); err != nil {
		if p := invalid(err); len(p.Errors) > 0 {
			return p
		}
		return bodyProblem(err)
	}
	return nil
}

func ginKeyed(c *gin.Context) {
	if c.GetHeader(service.KeyHeader) != service.Key {
		c.Header("WWW-Authenticate", service.Challenge)
		c.Header("Content-Type", problemType)
		c.AbortWithStatusJSON(http.StatusUnauthorized, unauthorized())
		return
	}
	c.Next()
}

func ginGreeting(n int, middleware gin.HandlerFunc) contest.App {
	r := newGin()
	for range n {
		r.Use(middleware)
	}
	r.GET("/greeting", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", service.Greeting) })
	return contest.HTTP(r)
}
