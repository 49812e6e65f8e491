package contenders

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/ggicci/httpin"
	"github.com/ggicci/httpin/core"
	"github.com/ggicci/httpin/integration"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/service"
)

// chiHTTPIn is chi, with httpin for what handlers are given.
var chiHTTPIn = contest.Contender{
	Slug: "chi", Name: "chi with httpin", Module: "github.com/go-chi/chi/v5",
	About:      "httpin.NewInput before each typed handler, RequestSize, validator on a pointer, encoding/json for answers",
	Shop:       chiShop,
	Middleware: func(n int) contest.App { return chiGreeting(n, passThrough) },
	Guards:     func(n int) contest.App { return chiGreeting(n, keyed) },
	Routes: func(n int) contest.App {
		useChi()
		r := chi.NewRouter()
		for i := range n {
			r.With(input(chiByID{})).Get(fmt.Sprintf("/r%d/{id}", i), chiReport)
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

// useChi tells httpin once in a process where paths come from.
var useChi = sync.OnceFunc(func() { integration.UseGochiURLParam("path", chi.URLParam) })

type chiPlaceOrder struct {
	Tenant string        `in:"path=tenant"`
	DryRun bool          `in:"query=dry_run"`
	Trace  string        `in:"header=X-Trace"`
	Order  service.Order `in:"body=json"`
}

type chiListOrders struct {
	Tenant string `in:"path=tenant"`
	Limit  int    `in:"query=limit"`
	Cursor string `in:"query=cursor"`
}

type chiBySKU struct {
	SKU string `in:"path=sku"`
}

type chiImport struct {
	Import service.Import `in:"body=json"`
}

type chiByID struct {
	ID string `in:"path=id"`
}

// input is httpin's middleware, with an error handler that tells what is wrong as the others do.
func input(in any) func(http.Handler) http.Handler {
	return httpin.NewInput(in, core.WithErrorHandler(func(w http.ResponseWriter, _ *http.Request, err error) {
		usualProblem(w, bodyProblem(err))
	}))
}

func inputOf[T any](r *http.Request) *T { return r.Context().Value(httpin.Input).(*T) }

func chiShop() contest.App {
	useChi()
	validate := newValidator()
	r := chi.NewRouter()
	limit := middleware.RequestSize(service.Limit)
	r.With(limit, input(chiPlaceOrder{})).Post("/tenants/{tenant}/orders", func(w http.ResponseWriter, r *http.Request) {
		in := inputOf[chiPlaceOrder](r)
		if p := chiValid(validate, &in.Order); p != nil {
			usualProblem(w, p)
			return
		}
		chiReply(w, http.StatusCreated, service.Place(in.Tenant, in.DryRun, in.Trace, &in.Order))
	})
	r.With(input(chiListOrders{})).Get("/tenants/{tenant}/orders", func(w http.ResponseWriter, r *http.Request) {
		in := inputOf[chiListOrders](r)
		chiReply(w, http.StatusOK, service.Page{Tenant: in.Tenant, Limit: in.Limit, Cursor: in.Cursor})
	})
	r.With(input(chiBySKU{})).Get("/stock/{sku}", func(w http.ResponseWriter, r *http.Request) {
		stock, err := service.Reserve(r.Context(), inputOf[chiBySKU](r).SKU)
		if err != nil {
			if empty, ok := service.IsOutOfStock(err); ok {
				usualProblem(w, outOfStock(empty))
			} else {
				usualProblem(w, newProblem(http.StatusInternalServerError, "internal", ""))
			}
			return
		}
		chiReply(w, http.StatusOK, stock)
	})
	r.Get("/items", func(w http.ResponseWriter, _ *http.Request) { chiReply(w, http.StatusOK, service.Items()) })
	r.With(limit, input(chiImport{})).Post("/imports", func(w http.ResponseWriter, r *http.Request) {
		in := inputOf[chiImport](r)
		if p := chiValid(validate, &in.Import); p != nil {
			usualProblem(w, p)
			return
		}
		chiReply(w, http.StatusOK, service.Take(&in.Import))
	})
	r.With(keyed, input(chiByID{})).Get("/reports/{id}", chiReport)
	return contest.HTTP(r)
}

func chiReport(w http.ResponseWriter, r *http.Request) {
	chiReply(w, http.StatusOK, service.Report{ID: inputOf[chiByID](r).ID})
}

func chiValid(validate *validator.Validate, v any) *problem {
	if err := validate.Struct(v); err != nil {
		return invalid(err)
	}
	return nil
}

func chiReply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func chiGreeting(n int, m func(http.Handler) http.Handler) contest.App {
	r := chi.NewRouter()
	for range n {
		r.Use(m)
	}
	r.Get("/greeting", greet)
	return contest.HTTP(r)
}
