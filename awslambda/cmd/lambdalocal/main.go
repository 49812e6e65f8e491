// Lambdalocal serves a compiled Lambda function over HTTP, for development:
//
//	go build -o bootstrap . && go run github.com/weft-go/weft/awslambda/cmd/lambdalocal -door function-url -- ./bootstrap
//
// It speaks Lambda's runtime API with the program, which may be made by package awslambda or by anything else, and makes events of requests as the front door does that
// -door names; what the function answers, is answered as by that door. Any other event can be posted, as to Lambda's own API:
//
//	curl --data @event.json http://127.0.0.1:8080/2015-03-31/functions/function/invocations
//	aws lambda invoke --endpoint-url http://127.0.0.1:8080 --function-name function --payload fileb://event.json answer.json
//
// The program is started at once. It is started again with the next request when it has ended, when an invocation has timed out, and when it was built anew. Its environment is that of
// lambdalocal, with the variables of Lambda where they are not set. SIGINT and SIGTERM end both. The flags are listed by -help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run serves until ctx ends, and returns the status of the program: 0, 1 for what failed, 2 for a wrong call.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, status, ok := parse(args, stderr)
	if !ok {
		return status
	}
	logger := log.New(stderr, "lambdalocal: ", 0)
	if err := serve(ctx, o, logger, stdout, stderr); err != nil {
		logger.Print(err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, o options, logger *log.Logger, stdout, stderr io.Writer) error {
	path, err := find(o.program)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("-listen %s: %w", o.listen, err)
	}
	fn := newFunction(o, path, logger, stdout, stderr)
	defer fn.close()
	if err := fn.start(); err != nil {
		return errors.Join(err, l.Close())
	}
	hs := &http.Server{Handler: &site{options: o, fn: fn, log: logger}, ReadHeaderTimeout: time.Minute, ErrorLog: logger}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(l) }()
	logger.Printf("%s is behind http://%s as by the door %s; events: POST %sNAME%s", o.program, l.Addr(), o.doorName, invokePrefix, invokeSuffix)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// The listener is closed first, then what is under way ends with the function's process, and is answered.
	shut := make(chan struct{})
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace+time.Second)
	defer cancel()
	go func() {
		defer close(shut)
		if hs.Shutdown(bounded) != nil {
			_ = hs.Close()
		}
	}()
	fn.close()
	<-shut
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
