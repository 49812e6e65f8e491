package weft_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/weft-go/weft"
)

// ETag answers 304 where the client has the answer already. opts are those of every stage, such as weft.Named.
//
// It stands outside what writes the body and inside what compresses it. A body that is made while it is sent passes as it is.
func ETag(opts ...weft.StageOption) weft.Middleware {
	return weft.After("etag", func(r *weft.Request, resp weft.Response) weft.Response {
		if r.HTTP().Method != http.MethodGet || resp.Status() != http.StatusOK || resp.Header().Get("Etag") != "" {
			return resp
		}
		body, err := resp.Render()
		if errors.Is(err, weft.ErrNotRenderable) {
			return resp
		}
		tag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))
		if resp = resp.WithHeader("Etag", tag); r.Header().Get("If-None-Match") == tag {
			return resp.WithStatus(http.StatusNotModified)
		}
		return resp
	}, slices.Concat([]weft.StageOption{weft.Once(), weft.Inside("compress")}, opts)...)
}

// Tenant is the tenant of a request, which FromHost provides. Who needs it names this key.
var Tenant = weft.NewKey[string]("tenant")

// FromHost finds the tenant in the first label of the host. known says which there are: it is the caller's, because where
// tenants are kept is nothing that this package knows.
func FromHost(known func(tenant string) (bool, error), opts ...weft.StageOption) weft.Guard {
	return weft.ValueGuard(Tenant, "tenant from host", func(r *weft.Request) (string, error) {
		tenant, _, _ := strings.Cut(r.HTTP().Host, ".")
		switch is, err := known(tenant); {
		case err != nil: // an outage is a failure, and no denial
			return "", fmt.Errorf("looking for the tenant: %w", err)
		case !is:
			return "", weft.Deny("There is no such tenant.").Hidden()
		}
		return tenant, nil
	}, opts...)
}

// StatusCounter counts answers by status. Its state is a value of its own, so two apps can have two.
type StatusCounter struct {
	mu       sync.Mutex
	statuses map[int]int
}

// Dispatch implements weft.Middleware.
func (c *StatusCounter) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	resp := next(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.statuses == nil {
		c.statuses = map[int]int{}
	}
	c.statuses[resp.Status()]++
	return resp
}

// Of is how many answers had the status.
func (c *StatusCounter) Of(status int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statuses[status]
}

// Stages of others are attached as one's own.
func Example_stagesForOthers() {
	counter := &StatusCounter{}
	app := quiet()
	app.Use(weft.Describe(counter, weft.Named("counter")), ETag())
	api := app.Group("/api")
	api.Guard(FromHost(func(tenant string) (bool, error) { return tenant == "tea", nil }))
	api.Handle("POST /orders", weft.Handle(placeOrder))
	api.Handle("GET /tenant", weft.Handle(echo[string]).Extract(weft.KeyValue(Tenant)))

	srv, err := app.Build(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	var tag string
	for _, host := range []string{"tea.example", "tea.example", "coffee.example"} {
		hr := httptest.NewRequest("GET", "http://"+host+"/api/tenant", nil)
		hr.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, hr)
		tag = w.Header().Get("Etag")
		fmt.Println(w.Code, w.Body.Len())
	}
	fmt.Println(counter.Of(200), counter.Of(304), counter.Of(404))
	// Output:
	// 200 5
	// 304 0
	// 404 53
	// 1 1 1
}

// A stage is tested with one call: what it does to a Response, to an answer that is not there yet, to an error.
func Example_stagesForOthers_tested() {
	inside := func(resp weft.Response) weft.Next { return func(*weft.Request) weft.Response { return resp } }
	r := weft.NewRequest(httptest.NewRequest("GET", "/", nil))
	for _, resp := range []weft.Response{
		weft.Text("tea"),
		weft.Writer("text/plain", func(io.Writer) error { return nil }),
		weft.Fail(errors.New("the store is down")),
	} {
		got := ETag().Dispatch(r, inside(resp))
		fmt.Println(got.Status(), got.Header().Get("Etag") != "")
	}
	// Output:
	// 200 true
	// 200 false
	// 500 false
}
