// Orders is a small service with weft: orders in SQLite behind an HTTP API.
//
// Start with newApp in app.go, which is the whole service on one page. With
// -demo, the program talks to itself and shows what it answers.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
)

func main() {
	address := flag.String("addr", "localhost:8080", "TCP `address` to serve on")
	database := flag.String("db", "", "SQLite `file` to keep orders in (default in memory)")
	showDemo := flag.Bool("demo", false, "run a scripted exchange on a free port and exit")
	flag.Parse()

	ctx := context.Background()
	var err error
	if *showDemo {
		err = demo(ctx, os.Stdout, newLogger(os.Stderr, slog.LevelWarn))
	} else {
		err = serve(ctx, os.Stdout, *address, *database, newLogger(os.Stderr, slog.LevelInfo))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

// serve opens the service, says what it will do and how to try it, and runs it.
func serve(ctx context.Context, out io.Writer, address, database string, log *slog.Logger) error {
	s, err := open(ctx, address, database, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n%s", s.server.Explain(), invitation(s.url()))
	return s.run(ctx)
}

func invitation(url string) string {
	return fmt.Sprintf(`Serving on %[1]s, until Ctrl-C. Try:

  curl -i %[1]s/api/orders --json '{"customer":"Ada","items":[{"sku":"tea","quantity":2,"unit_price":"4.50"}]}'
  curl -i %[1]s/api/orders/1
  curl -i '%[1]s/api/orders?status=open,shipped&min_total=5.00&limit=5'
  curl -i -X PATCH %[1]s/api/orders/1 --json '{"note":"no sugar","due":"2099-12-24"}'
  curl -i -X PATCH %[1]s/api/orders/1 --json '{"note":null,"status":"shipped"}'
  curl -i -X DELETE %[1]s/api/orders/1
  curl -i %[1]s/healthz

`, url)
}
