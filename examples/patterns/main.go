// Patterns is seven middleware that nearly every service needs, each in a file
// of its own that can be copied: request id, access log, timing, security
// headers, CORS, maintenance and a crash guard.
//
// Start with newApp in app.go, which puts them together, and with decide.go,
// which says what is better not a middleware. With -demo, the program talks to
// itself and shows what it answers.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// page is the origin whose scripts may call the app.
const page = "https://app.example"

func main() {
	address := flag.String("addr", "localhost:8080", "TCP `address` to serve on")
	showDemo := flag.Bool("demo", false, "run a scripted exchange on a free port and exit")
	flag.Parse()

	ctx := context.Background()
	var err error
	if *showDemo {
		err = demo(ctx, os.Stdout, script)
	} else {
		set := settings{cmp.Or(os.Getenv("OPERATOR_KEY"), rand.Text()), []string{page}}
		err = serve(ctx, os.Stdout, *address, set, slog.New(withRequestID{slog.NewTextHandler(os.Stderr, nil)}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "patterns:", err)
		os.Exit(1)
	}
}

// serve says how to try the app, and runs it until ctx ends or the process is told to stop.
func serve(ctx context.Context, out io.Writer, address string, set settings, log *slog.Logger) error {
	app, err := newApp(set, log)
	if err != nil {
		return err
	}
	server, err := app.Build(ctx)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("cannot serve on %s: %w", address, err)
	}
	invitation := strings.NewReplacer("{url}", "http://"+listener.Addr().String(), "{key}", set.operatorKey, "{page}", page)
	if _, err := invitation.WriteString(out, server.Explain()+tryIt); err != nil {
		return err
	}
	return server.RunServer(ctx, &http.Server{ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}, listener)
}

const tryIt = `
Serving on {url}, until Ctrl-C. Try:

  curl -i {url}/quotes/1 -H 'X-Request-ID: mine-1'
  curl -i {url}/nowhere
  curl -i {url}/quotes --json '{"author":"","text":"Hm"}'
  curl -i {url}/crash
  curl -i -X OPTIONS {url}/nowhere -H 'Origin: {page}' -H 'Access-Control-Request-Method: PUT'
  curl -i {url}/quotes/1 -H 'Origin: {page}'
  curl -i -X PUT {url}/operator/maintenance

The last is a 401. With the operators' key:

  key='Authorization: Bearer {key}'
  curl -i -H "$key" -X PUT {url}/operator/maintenance --json '{"minutes":5}'
  curl -i {url}/quotes/1
  curl -i {url}/healthz
  curl -i -H "$key" -X DELETE {url}/operator/maintenance
  curl -s -H "$key" {url}/operator/metrics

`
