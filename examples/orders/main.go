// Orders is a small service with weft: the orders of several tenants in SQLite,
// behind an HTTP API that knows its users by their keys, and a webhook for payments.
//
// Start with newApp in app.go, which is the whole service on one page. With
// -demo, the program talks to itself and shows what it answers; with -trace, it shows what one request went through.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/weft-go/weft/awslambda"
)

// secretVariable names the secret that webhooks are signed with. It is no flag:
// other users of the machine can read those.
const secretVariable = "ORDERS_WEBHOOK_SECRET"

func main() {
	var set settings
	var user User
	flag.StringVar(&set.address, "addr", "localhost:8080", "TCP `address` to serve on")
	flag.StringVar(&set.database, "db", "", "SQLite `file` to keep orders and users in (default in memory)")
	flag.StringVar(&user.Name, "add-user", "", "add a user with this `name` to the database, print the API key and exit")
	flag.StringVar((*string)(&user.Role), "role", string(Clerk), "`role` of the user to add: clerk, manager or admin")
	flag.StringVar((*string)(&user.Tenant), "tenant", "", "`tenant` of the user to add")
	showDemo := flag.Bool("demo", false, "run a scripted exchange on a free port and exit")
	showTrace := flag.Bool("trace", false, "show where the time of one request goes and exit")
	flag.Parse()

	ctx := context.Background()
	var err error
	switch {
	case *showDemo:
		err = demo(ctx, os.Stdout, newLogger(os.Stderr, slog.LevelWarn))
	case *showTrace:
		err = traceOne(ctx, os.Stdout, newLogger(os.Stderr, slog.LevelWarn))
	case user.Name != "":
		err = addUserTo(ctx, os.Stdout, set.database, user)
	default:
		if set.secret, err = webhookSecret(os.Getenv(secretVariable)); err == nil {
			err = serve(ctx, os.Stdout, set, newLogger(os.Stderr, slog.LevelInfo))
		}
	}
	if err != nil {
		awslambda.FailStart(fmt.Errorf("orders: %w", err)) // prints it, and exits
	}
}

// webhookSecret refuses a secret that can be guessed. None is allowed: webhooks are closed then.
func webhookSecret(text string) ([]byte, error) {
	const shortest = 16
	if text != "" && len(text) < shortest {
		return nil, fmt.Errorf("%s is shorter than %d bytes; make one with openssl rand -hex 32", secretVariable, shortest)
	}
	return []byte(text), nil
}

// serve opens the service, says what it will do and how to try it, and runs it: on its address, or as an AWS Lambda function where Lambda has started the program.
func serve(ctx context.Context, out io.Writer, set settings, log *slog.Logger) error {
	if awslambda.InLambda() {
		set.address = "localhost:0" // where nobody asks
	}
	s, err := open(ctx, set, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n%s", s.server.Explain(), invitation(s.url(), s.users, len(set.secret) > 0))
	if awslambda.InLambda() {
		awslambda.StartServer(s.server, awslambda.ShutDown()) // does not return
	}
	return s.run(ctx)
}

// addUserTo adds a user to the database in a file, also while a service uses it.
func addUserTo(ctx context.Context, out io.Writer, file string, user User) (err error) {
	if file == "" {
		return errors.New("a user is added to a file, named by -db: a database in memory would be gone when this ends")
	}
	db, err := openDatabase(ctx, file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	key, err := newUserRepository(db).addUser(ctx, user)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "The API key of %s, %s of %s. It is shown this once:\n\n  %s\n\n", user.Name, user.Role, user.Tenant, string(key))
	return err
}
