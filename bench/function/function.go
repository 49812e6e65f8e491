// Package function has one plain function for AWS Lambda, with middleware around it and without, beside what aws-lambda-go does alone.
package function

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/internal/sidebyside"
	"github.com/weft-go/weft/tracing"
)

// payload is an event of EventBridge.
const payload = `{"version":"0","id":"9c95e8e4-96a4-ef3f-b739-b6aa5b193afb","detail-type":"PaymentCreated","source":"app.payment",
	"account":"0123456789012","time":"2022-08-08T20:41:53Z","region":"eu-east-1","detail":{"amount":"150.00",
	"order_id":"8f1f1710-1b30-48a5-a6bd-153fd23b866b","user_id":"f80e3c51-5b8c-49d5-af7d-c7804966235f"}}`

type event struct {
	Detail order `json:"detail"`
}

type order struct {
	UserID  string `json:"user_id"`
	OrderID string `json:"order_id"`
	Amount  string `json:"amount"`
}

type receipt struct {
	Order   order  `json:"order"`
	Message string `json:"message"`
	Success bool   `json:"success"`
}

func pay(_ context.Context, in event) (receipt, error) {
	return receipt{in.Detail, "payment created", true}, nil
}

// pass is the middleware.
func pass(ctx context.Context, in event, next func(context.Context, event) (receipt, error)) (receipt, error) {
	return next(ctx, in)
}

// byHand is the function in n closures.
func byHand(n int) func(context.Context, event) (receipt, error) {
	fn := pay
	for range n {
		next := fn
		fn = func(ctx context.Context, in event) (receipt, error) { return pass(ctx, in, next) }
	}
	return fn
}

// woven is the function with n arounds.
func woven(n int, opts ...weft.FuncOption) func(context.Context, event) (receipt, error) {
	h := weft.Handle(pay).Named("pay")
	for i := range n {
		h = h.Around(pass, weft.Named(fmt.Sprint("around ", i+1)))
	}
	return weft.MustFunc(context.Background(), h, opts...)
}

// discard takes spans that have ended and keeps nothing: what is measured is making them, not sending them.
type discard struct{}

func (discard) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (discard) OnEnd(sdktrace.ReadOnlySpan)                     {}
func (discard) Shutdown(context.Context) error                  { return nil }
func (discard) ForceFlush(context.Context) error                { return nil }

func off() weft.Option { return tracing.New(tracing.Enabled(false), tracing.All(true)).Observe() }

// on has a span for the call, and one for each around.
func on() weft.Option {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(discard{}))
	return tracing.New(tracing.Enabled(true), tracing.All(true), tracing.Except("pay"), tracing.WithTracerProvider(provider)).Observe()
}

// invoking answers as lambda.Start does: each invocation decodes the event and encodes what comes back.
func invoking(fn any) http.Handler {
	h, event := lambda.NewHandler(fn), []byte(payload)
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		out, err := h.Invoke(hr.Context(), event)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write(out)
	})
}

// Call is one invocation.
func Call() *sidebyside.Call { return sidebyside.NewCall("POST", "/", "") }

// Middleware is how many there are, in turn.
var Middleware = []int{0, 1, 5, 25}

// The sides for each number of Middleware, by their places in Contenders.
const (
	ByHand = iota
	Untraced
	Off
	On
	Sides
)

// Contenders are the sides for no middleware, then those for one, and so on. The first is aws-lambda-go alone.
func Contenders() (all []sidebyside.Contender) {
	for _, n := range Middleware {
		all = append(all,
			sidebyside.Contender{Name: fmt.Sprintf("aws-lambda-go, %d by hand", n), Handler: invoking(byHand(n))},
			sidebyside.Contender{Name: fmt.Sprintf("weft, %d arounds", n), Handler: invoking(woven(n))},
			sidebyside.Contender{Name: fmt.Sprintf("weft, %d arounds, tracing off", n), Handler: invoking(woven(n, off()))},
			sidebyside.Contender{Name: fmt.Sprintf("weft, %d arounds, traced", n), Handler: invoking(woven(n, on()))},
		)
	}
	return all
}
