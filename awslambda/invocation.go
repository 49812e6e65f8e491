package awslambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/weft-go/weft"
)

// Invocation is what Lambda and the event say of a request, beside the request itself. It must not be changed.
type Invocation struct {
	// Source is where the event came from; "" where the request did not come from Lambda.
	Source Source
	// RequestID is Lambda's, one for each invocation.
	RequestID string
	// CorrelationID follows the request through services: that of API Gateway, a function URL or VPC Lattice; on an
	// ALB the trace id that it gave the request; else RequestID.
	CorrelationID string
	// TraceID is what X-Ray is told: "Root=…;Parent=…;Sampled=…". It is the request's X-Amzn-Trace-Id too.
	TraceID     string
	FunctionARN string
	TenantID    string
	// Deadline is Lambda's. The request's context ends a reserve before it; see [Reserve].
	Deadline time.Time
	// ColdStart says that the process has had no invocation before.
	ColdStart bool
	// Stage is that of API Gateway.
	Stage string
	// WebSocket is the connection that the event is about, nil but for [WebSocket].
	WebSocket *Connection
	// Context is the event's requestContext, JSON as it was sent, nil where there is none.
	Context json.RawMessage
}

// Connection is one of a WebSocket API.
type Connection struct {
	ID       string
	Event    string // CONNECT, MESSAGE or DISCONNECT
	RouteKey string
	// Endpoint is where the management API of the connection is: "https://" with domain and stage.
	Endpoint string
}

// Authorizer decodes what the front door's authorizer has found out: of a REST API an object of texts; of an HTTP API one with the member jwt, lambda or
// iam; of a function URL with iam. Where there is none it is an error.
func (inv *Invocation) Authorizer(into any) error {
	var c struct {
		Authorizer json.RawMessage `json:"authorizer"`
	}
	if len(inv.Context) > 0 {
		if err := json.Unmarshal(inv.Context, &c); err != nil {
			return fmt.Errorf("awslambda: the event's context cannot be read: %w", err)
		}
	}
	if len(c.Authorizer) == 0 || string(c.Authorizer) == "null" {
		return errors.New("awslambda: no authorizer stands before the function")
	}
	return json.Unmarshal(c.Authorizer, into)
}

// CurrentInvocation is the key of the [Invocation] that [Provide] provides.
var CurrentInvocation = weft.NewKey[*Invocation]("invocation")

// Provide is a middleware that provides [CurrentInvocation], for stages that need the key and for fields with the tag value. Where the request did not
// come from Lambda, the Invocation has no Source.
func Provide() weft.Middleware {
	return weft.NewMiddleware("invocation", func(r *weft.Request, next weft.Next) weft.Response {
		inv, ok := InvocationOf(r.Context())
		if !ok {
			inv = &Invocation{}
		}
		CurrentInvocation.Set(r, inv)
		return next(r)
	}, weft.Provides(CurrentInvocation), weft.Once())
}

// Only is a guard that lets pass requests from these sources alone. The routes of a WebSocket API stand behind it where the app is served in other ways
// too, because there anybody could send a request to their paths.
func Only(sources ...Source) weft.Guard {
	return weft.NewGuard("only from Lambda sources", func(r *weft.Request) error {
		if inv, ok := InvocationOf(r.Context()); ok {
			for _, s := range sources {
				if s == inv.Source {
					return nil
				}
			}
		}
		return weft.Deny("There is no such thing here.")
	})
}

// InvocationOf is the Invocation that ctx derives from, and false where that is none of Lambda's.
func InvocationOf(ctx context.Context) (*Invocation, bool) {
	inv, ok := ctx.Value(invocationKey{}).(*Invocation)
	return inv, ok
}

type invocationKey struct{}

// invocationContext leads back to the invocation without an allocation of its own.
type invocationContext struct {
	context.Context
	invocation Invocation
}

func (c *invocationContext) Value(key any) any {
	if key == (invocationKey{}) {
		return &c.invocation
	}
	return c.Context.Value(key)
}

// traceOf is what the runtime says the invocation is a part of.
func traceOf(ctx context.Context) string {
	trace, _ := ctx.Value("x-amzn-trace-id").(string)
	return trace
}

// invoked is what the runtime says of an invocation.
func (f *Function) invoked(ctx, reserved context.Context, from Source) *invocationContext {
	c := &invocationContext{Context: reserved}
	inv := &c.invocation
	inv.Source, inv.ColdStart = from, !f.warm.Swap(true)
	inv.Deadline, _ = ctx.Deadline()
	inv.TraceID = traceOf(ctx)
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		inv.RequestID, inv.FunctionARN, inv.TenantID = lc.AwsRequestID, lc.InvokedFunctionArn, lc.TenantID
	}
	inv.CorrelationID = inv.RequestID
	return c
}

// facts are those of an invocation and its HTTP event.
func (f *Function) facts(ctx, reserved context.Context, e *event, form format) *invocationContext {
	c := f.invoked(ctx, reserved, sources[form])
	inv := &c.invocation
	inv.Stage, inv.CorrelationID = e.context.stage, e.context.requestID
	if inv.Source == ALB {
		inv.CorrelationID = e.multiHeaders.get("x-amzn-trace-id")
		if inv.CorrelationID == "" {
			inv.CorrelationID = e.headers.get("x-amzn-trace-id")
		}
	}
	if inv.CorrelationID == "" {
		inv.CorrelationID = inv.RequestID
	}
	if e.context.raw != "" {
		inv.Context = json.RawMessage(e.context.raw)
	}
	if form == webSocket {
		inv.WebSocket = &Connection{ID: e.context.connectionID, Event: e.context.eventType, RouteKey: e.context.routeKey}
		if e.context.domainName != "" {
			inv.WebSocket.Endpoint = "https://" + e.context.domainName + "/" + e.context.stage
		}
	}
	return c
}
