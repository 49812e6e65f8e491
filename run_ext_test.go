package weft_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// gated is an app whose GET /slow tells when it has started, and ends when told or when its context does.
type gated struct {
	app     *weft.App
	log     *journal
	started chan struct{}
	end     chan struct{}
}

func newGated(opts ...weft.Option) *gated {
	g := &gated{started: make(chan struct{}, 1), end: make(chan struct{})}
	g.app, g.log = newApp(opts...)
	g.app.Handle("GET /slow", weft.Handle(func(ctx context.Context, _ struct{}) (string, error) {
		g.started <- struct{}{}
		select {
		case <-g.end:
			return "finished", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}))
	g.app.Handle("GET /healthz", weft.Health())
	return g
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

// get makes a request in the background.
func get(t *testing.T, url string) <-chan string {
	t.Helper()
	answer := make(chan string, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		resp, err := client.Get(url)
		if err != nil {
			answer <- "failed: " + err.Error()
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		answer <- fmt.Sprintf("%d %s %v", resp.StatusCode, body, err)
	}()
	return answer
}

func TestRunDrainsWhenToldToStop(t *testing.T) {
	for name, stop := range map[string]func(cancel func(), srv *weft.Server){
		"by its context": func(cancel func(), _ *weft.Server) { cancel() },
		"by SIGTERM":     func(func(), *weft.Server) { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) },
		"by SIGINT":      func(func(), *weft.Server) { _ = syscall.Kill(os.Getpid(), syscall.SIGINT) },
		"by Shutdown":    func(_ func(), srv *weft.Server) { go srv.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGated()
			srv := build(t, g.app)
			l := listen(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ran := make(chan error, 1)
			go func() { ran <- srv.RunListener(ctx, l) }()
			url := "http://" + l.Addr().String()
			slow := get(t, url+"/slow")
			<-g.started

			stop(cancel, srv)

			assert.Eventually(t, func() bool {
				probe, err := net.DialTimeout("tcp", l.Addr().String(), time.Second)
				if err == nil {
					probe.Close()
				}
				return err != nil
			}, waitFor, tick, "no more connections are accepted")
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
			assert.Equal(t, 503, w.Code)
			assert.JSONEq(t, `{"status":"draining"}`, w.Body.String())
			select {
			case err := <-ran:
				t.Fatalf("Run returned while a request was under way: %v", err)
			default:
			}

			close(g.end)
			assert.Equal(t, `200 "finished" <nil>`, <-slow)
			require.NoError(t, <-ran)
			assert.Empty(t, g.log.errors())
			assert.ErrorIs(t, srv.RunListener(t.Context(), listen(t)), http.ErrServerClosed, "it does not start again")
		})
	}
}

func TestRunGoesOnForTheDrainDelay(t *testing.T) {
	g := newGated(weft.WithDrainDelay(300 * time.Millisecond))
	srv := build(t, g.app)
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- srv.RunListener(ctx, l) }()
	health := func() string { return <-get(t, "http://"+l.Addr().String()+"/healthz") }
	assert.Eventually(t, func() bool { return strings.HasPrefix(health(), "200") }, waitFor, tick)
	told := time.Now()
	cancel()
	assert.Eventually(t, func() bool { return strings.HasPrefix(health(), `503 {"status":"draining"}`) }, waitFor, tick,
		"a new connection learns that the server is leaving")
	require.NoError(t, <-ran)
	assert.GreaterOrEqual(t, time.Since(told), 300*time.Millisecond)
}

func TestRunCutsOffWhatOutlastsTheDrainTimeout(t *testing.T) {
	g := newGated(weft.WithDrainTimeout(20 * time.Millisecond))
	srv := build(t, g.app)
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- srv.RunListener(ctx, l) }()
	slow := get(t, "http://"+l.Addr().String()+"/slow")
	<-g.started
	cancel()
	err := <-ran
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Contains(t, err.Error(), "drain timeout")
	assert.True(t, strings.HasPrefix(<-slow, "503"), "its context was cancelled, and it answered in time")
}

func TestRunOnAnAddress(t *testing.T) {
	free := listen(t)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	ctx, cancel := context.WithCancel(t.Context())
	srv := build(t, newGated().app)
	ran := make(chan error, 1)
	go func() { ran <- srv.Run(ctx, address) }()
	assert.Eventually(t, func() bool {
		return strings.HasPrefix(<-get(t, "http://"+address+"/healthz"), `200 {"status":"ok"}`)
	}, waitFor, tick)
	cancel()
	require.NoError(t, <-ran)
}

func TestRunSaysThatItCannotListen(t *testing.T) {
	taken := listen(t)
	defer taken.Close()
	err := build(t, newGated().app).Run(t.Context(), taken.Addr().String())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.Contains(t, err.Error(), "weft: Run cannot listen")
}

func TestRunOnAServerOfYourOwn(t *testing.T) {
	type key struct{}
	type value struct{}
	app, _ := newApp()
	app.Handle("GET /x", weft.Handle(func(ctx context.Context, r *weft.Request) (map[string]bool, error) {
		return map[string]bool{"base": ctx.Value(key{}) == value{}, "tls": r.HTTP().TLS != nil}, nil
	}))
	ts := httptest.NewUnstartedServer(nil) // for its certificate
	ts.StartTLS()
	defer ts.Close()
	hs := &http.Server{
		TLSConfig:   &tls.Config{Certificates: ts.TLS.Certificates, MinVersion: tls.VersionTLS12},
		BaseContext: func(net.Listener) context.Context { return context.WithValue(context.Background(), key{}, value{}) },
		IdleTimeout: time.Second,
	}
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- build(t, app).RunServer(ctx, hs, l) }()
	resp, err := ts.Client().Get("https://" + l.Addr().String() + "/x")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	assert.JSONEq(t, `{"base":true,"tls":true}`, string(body))
	assert.Equal(t, time.Second, hs.IdleTimeout, "what is set stays")
	assert.Equal(t, 10*time.Second, hs.ReadHeaderTimeout)
	assert.Zero(t, hs.WriteTimeout)
	ts.Client().CloseIdleConnections()
	cancel()
	require.NoError(t, <-ran)
}

func TestHealthRunsItsChecks(t *testing.T) {
	broken := errors.New("secret-dsn refused")
	var failing error
	app, log := newApp()
	app.Handle("GET /healthz", weft.Health(
		weft.HealthCheck{Name: "database", Check: func(context.Context) error { return failing }},
		weft.HealthCheck{Name: "queue", Check: func(context.Context) error { return nil }},
	))
	site := serve(t, app)
	got := site.send("GET", "/healthz", "")
	assert.Equal(t, 200, got.status)
	assert.JSONEq(t, `{"status":"ok","checks":[{"name":"database","status":"ok"},{"name":"queue","status":"ok"}]}`, got.body)
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))

	failing = broken
	got = site.send("GET", "/healthz", "")
	assert.Equal(t, 503, got.status)
	assert.JSONEq(t, `{"status":"failed","checks":[{"name":"database","status":"failed"},{"name":"queue","status":"ok"}]}`, got.body)
	assert.Contains(t, strings.Join(log.all(), "\n"), "secret-dsn")
}

func TestTheServersOwnMessagesGoToTheLog(t *testing.T) {
	g := newGated()
	srv := build(t, g.app)
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- srv.RunListener(ctx, l) }()
	assert.Eventually(t, func() bool { return strings.HasPrefix(<-get(t, "http://"+l.Addr().String()+"/healthz"), "200") }, waitFor, tick)
	cancel()
	require.NoError(t, <-ran)
	logged := strings.Join(g.log.all(), "\n")
	assert.Contains(t, logged, slog.LevelInfo.String()+" serving address="+l.Addr().String())
	assert.Contains(t, logged, "draining")
}

func TestRunThatIsToldToStopBeforeItBegins(t *testing.T) {
	app, _ := newApp()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, build(t, app).Run(ctx, "localhost:0"))
}
