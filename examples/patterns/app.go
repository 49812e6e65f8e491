package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weft-go/weft"
)

const (
	healthPath      = "/healthz"
	metricsPath     = "/operator/metrics"
	maintenancePath = "/operator/maintenance"
)

// settings are what differs from one place to the next where the app runs.
type settings struct {
	operatorKey string
	origins     []string // of the pages whose scripts may read the answers
}

// newApp puts the seven patterns together. The first stage is the outermost:
//
//   - request id, so that every line in the log has it;
//   - access log and timing, which see whatever is sent;
//   - security headers, on every answer from further in;
//   - CORS outside of maintenance, or a page could not read that 503;
//   - maintenance, and nothing further in runs;
//   - the crash guard is a mapper: it has a level, and no place.
func newApp(set settings, log *slog.Logger) (*weft.App, error) {
	measured, maintenance := &timing{}, newMaintenance(healthPath, metricsPath, maintenancePath)
	security, securityMistakes := Security{HSTS: 365 * 24 * time.Hour}.Middleware()
	cors, corsMistakes := CORS{
		Origins:     set.origins,
		Methods:     []string{"PUT", "DELETE"},
		Headers:     []string{"Authorization", "Content-Type", requestIDHeader},
		Expose:      []string{requestIDHeader, "Retry-After", "Location"},
		Credentials: true,
		MaxAge:      10 * time.Minute,
	}.Middleware()
	if err := errors.Join(securityMistakes, corsMistakes); err != nil {
		return nil, err
	}

	app := weft.New(weft.WithLogger(log))
	app.Use(requestID(), accessLog(), measured.middleware(), security, cors, weft.Describe(maintenance, weft.Named("maintenance")))
	app.Catch(crashGuard())
	app.Handle("GET "+healthPath, weft.Health())

	q := &quotes{said: []quote{{"Grace Hopper", "A ship in port is safe, but that is not what ships are for."}}}
	app.Handle("GET /quotes/{id}", weft.Handle(q.read).Named("read quote"))
	app.Handle("POST /quotes", weft.Handle(q.add).Named("add quote"))
	app.Handle("GET /crash", weft.Handle(func(context.Context, struct{}) (quote, error) {
		var none *quote
		return *none, nil // as it happens
	}).Named("crash"))

	operator := app.Group("/operator")
	operator.Guard(operators(set.operatorKey))
	operator.Handle("GET /metrics", measured.handler())
	operator.Handle("PUT /maintenance", weft.Handle(func(_ context.Context, in expected) (struct{}, error) {
		maintenance.Begin(time.Duration(in.Minutes) * time.Minute)
		return struct{}{}, nil
	}).Named("begin maintenance"))
	operator.Handle("DELETE /maintenance", weft.Handle(func(context.Context, struct{}) (struct{}, error) {
		maintenance.End()
		return struct{}{}, nil
	}).Named("end maintenance"))
	return app, nil
}

// expected is how long maintenance will take.
type expected struct {
	Minutes int `json:"minutes" validate:"min=1,max=1440"`
}

// operators lets those in who have the key; without one, nobody.
func operators(key string) weft.Guard {
	want := sha256.Sum256([]byte(key))
	return weft.NewGuard("operators", func(r *weft.Request) error {
		sent, found := strings.CutPrefix(r.Header().Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(sent))
		if !found || key == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return weft.Unauthenticated(`Bearer realm="operators"`, "This is for operators.")
		}
		return nil
	})
}

type quote struct {
	Author string `json:"author" validate:"min=1"`
	Text   string `json:"text" validate:"min=1"`
}

type quotes struct {
	mu   sync.Mutex
	said []quote // numbered from 1
}

type wanted struct {
	ID int `path:"id"`
}

func (q *quotes) read(_ context.Context, in wanted) (quote, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if in.ID < 1 || in.ID > len(q.said) {
		return quote{}, &weft.Error{Status: http.StatusNotFound, Code: "quote_not_found"}
	}
	return q.said[in.ID-1], nil
}

func (q *quotes) add(_ context.Context, in quote) (weft.Response, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.said) == 100 { // this is an example, and remembers no more
		return weft.Response{}, &weft.Error{Status: http.StatusConflict, Code: "full"}
	}
	q.said = append(q.said, in)
	return weft.Created("/quotes/"+strconv.Itoa(len(q.said)), in), nil
}
