// Package awslambda has one service as a Lambda function: by weft, behind aws-lambda-go-api-proxy, and by hand on aws-lambda-go.
package awslambda

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/weft-go/weft"
	weftlambda "github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// order is what the service is sent and answers with.
type order struct {
	Tenant   string `json:"tenant,omitempty"`
	Product  string `json:"product" validate:"required"`
	Quantity int    `json:"quantity" validate:"min=1"`
}

// service is the service by weft: a POST with a path value, a JSON body with rules, and a JSON answer.
func service() *weft.Server {
	app := weft.New(weft.WithLogger(slog.New(slog.DiscardHandler)))
	type in struct {
		Tenant string `path:"tenant"`
		Body   order  `body:"json"`
	}
	app.Handle("POST /tenants/{tenant}/orders", weft.Handle(func(_ context.Context, in in) (order, error) {
		in.Body.Tenant = in.Tenant
		return in.Body, nil
	}).Status(http.StatusCreated).Named("take order"))
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err)
	}
	return srv
}

// take is the service by hand: what is usual, without rules but for these.
func take(tenant string, body []byte) ([]byte, int) {
	var in order
	if err := json.Unmarshal(body, &in); err != nil || in.Product == "" || in.Quantity < 1 {
		return nil, http.StatusBadRequest
	}
	in.Tenant = tenant
	out, err := json.Marshal(in)
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	return out, http.StatusCreated
}

// byHand is the service on net/http.
func byHand() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenants/{tenant}/orders", func(w http.ResponseWriter, r *http.Request) {
		var in order
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Product == "" || in.Quantity < 1 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		in.Tenant = r.PathValue("tenant")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(in)
	})
	return mux
}

func tenantIn(path string) string {
	return strings.TrimSuffix(strings.TrimPrefix(path, "/tenants/"), "/orders")
}

func invoker(handler any) func(context.Context, []byte) ([]byte, error) {
	return lambda.NewHandler(handler).Invoke
}

// Form is one form of events, with those who answer it.
type Form struct {
	Name  string
	Event []byte
	Sides []Side
}

// Side is one way to answer an event.
type Side struct {
	Name   string
	Invoke func(context.Context, []byte) ([]byte, error)
}

// The places of the sides in a Form.
const (
	Weft      = iota // by package awslambda
	WeftProxy        // the same server behind aws-lambda-go-api-proxy
	HandProxy        // net/http by hand behind aws-lambda-go-api-proxy
	Plain            // by hand on aws-lambda-go, without a router
)

// Forms are the forms that are compared.
func Forms() []Form {
	srv, mux := service(), byHand()
	weftFunction, err := weftlambda.New(srv)
	if err != nil {
		panic(err)
	}
	header := map[string]string{"Content-Type": "application/json"}
	sides := func(weftProxy, handProxy, plain any) []Side {
		return []Side{
			{"weft", weftFunction.Invoke},
			{"weft's server, api-proxy", invoker(weftProxy)},
			{"net/http by hand, api-proxy", invoker(handProxy)},
			{"by hand, aws-lambda-go", invoker(plain)},
		}
	}
	return []Form{
		{"REST API", rest(), sides(httpadapter.New(srv).ProxyWithContext, httpadapter.New(mux).ProxyWithContext,
			func(_ context.Context, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
				body, status := take(tenantIn(e.Path), []byte(e.Body))
				return events.APIGatewayProxyResponse{StatusCode: status, Headers: header, Body: string(body)}, nil
			})},
		{"HTTP API", httpAPI(), sides(httpadapter.NewV2(srv).ProxyWithContext, httpadapter.NewV2(mux).ProxyWithContext,
			func(_ context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
				body, status := take(tenantIn(e.RawPath), []byte(e.Body))
				return events.APIGatewayV2HTTPResponse{StatusCode: status, Headers: header, Body: string(body)}, nil
			})},
		{"ALB", alb(), sides(httpadapter.NewALB(srv).ProxyWithContext, httpadapter.NewALB(mux).ProxyWithContext,
			func(_ context.Context, e events.ALBTargetGroupRequest) (events.ALBTargetGroupResponse, error) {
				body, status := take(tenantIn(e.Path), []byte(e.Body))
				return events.ALBTargetGroupResponse{StatusCode: status, StatusDescription: "201 Created", Headers: header, Body: string(body)}, nil
			})},
	}
}

// Contenders are the sides of a Form for package sidebyside, whose call is ignored: the event is the request.
func (f Form) Contenders() []sidebyside.Contender {
	ctx := context.Background()
	var all []sidebyside.Contender
	for _, side := range f.Sides {
		all = append(all, sidebyside.Contender{Name: side.Name, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			answer, err := side.Invoke(ctx, f.Event)
			if err != nil {
				panic(err)
			}
			_, _ = w.Write(answer)
		})})
	}
	return all
}

// Same says in its error which side answers differently from the first, in status, media type or body.
func (f Form) Same() error {
	var want string
	for i, side := range f.Sides {
		answer, err := side.Invoke(context.Background(), f.Event)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", f.Name, side.Name, err)
		}
		var a struct {
			StatusCode        int
			Headers           map[string]string
			MultiValueHeaders map[string][]string
			Body              string
			IsBase64Encoded   bool
		}
		if err := json.Unmarshal(answer, &a); err != nil {
			return err
		}
		mediaType := a.Headers["Content-Type"]
		if all := a.MultiValueHeaders["Content-Type"]; len(all) > 0 {
			mediaType = all[0]
		}
		got := fmt.Sprint(a.StatusCode, " ", mediaType, " ", strings.TrimSpace(a.Body), " ", a.IsBase64Encoded)
		if i == 0 {
			want = got
		}
		if got != want || a.StatusCode != http.StatusCreated {
			return fmt.Errorf("%s: %s answers %s, and %s %s", f.Name, f.Sides[0].Name, want, side.Name, got)
		}
	}
	return nil
}

const body = `{"product":"Earl Grey, loose leaf","quantity":2}`

// headers are those that a browser's request has behind CloudFront and a gateway.
var headers = [][2]string{
	{"Accept", "application/json, text/plain, */*"}, {"Accept-Encoding", "gzip, deflate, br"}, {"Accept-Language", "de-DE,de;q=0.9,en;q=0.8"},
	{"Authorization", "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhZGEiLCJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIn0.c2lnbmF0dXJl"},
	{"Content-Type", "application/json"}, {"Host", "shop.example.com"}, {"Origin", "https://shop.example.com"}, {"Referer", "https://shop.example.com/cart"},
	{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},
	{"X-Amzn-Trace-Id", "Root=1-5e272390-8c398be037738dc042009320"}, {"X-Forwarded-For", "203.0.113.9, 70.132.20.86"}, {"X-Forwarded-Port", "443"},
	{"X-Forwarded-Proto", "https"}, {"Sec-Fetch-Dest", "empty"}, {"Sec-Fetch-Mode", "cors"}, {"Sec-Fetch-Site", "same-origin"},
}

func event(members map[string]any) []byte {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return text
}

func maps(lower bool) (single map[string]string, multi map[string][]string) {
	single, multi = map[string]string{}, map[string][]string{}
	for _, h := range headers {
		name := h[0]
		if lower {
			name = strings.ToLower(name)
		}
		single[name], multi[name] = h[1], []string{h[1]}
	}
	return single, multi
}

func rest() []byte {
	single, multi := maps(false)
	return event(map[string]any{
		"resource": "/{proxy+}", "path": "/tenants/acme/orders", "httpMethod": "POST", "headers": single, "multiValueHeaders": multi,
		"queryStringParameters": nil, "multiValueQueryStringParameters": nil, "pathParameters": map[string]string{"proxy": "tenants/acme/orders"},
		"stageVariables": nil, "body": body, "isBase64Encoded": false,
		"requestContext": map[string]any{"resourceId": "abc123", "resourcePath": "/{proxy+}", "httpMethod": "POST", "extendedRequestId": "F1bSPFkAjoEFTqg=", "requestTime": "22/Nov/2026:16:15:12 +0000",
			"path": "/prod/tenants/acme/orders", "accountId": "123456789012", "protocol": "HTTP/1.1", "stage": "prod", "domainPrefix": "shop", "requestTimeEpoch": 1795363712000,
			"requestId": "c0f5b0f1-0f4c-4f5e-8c3e-1f8b7f1f2d3a", "domainName": "shop.example.com", "apiId": "a1b2c3", "identity": map[string]any{"sourceIp": "203.0.113.9", "userAgent": "Mozilla/5.0", "accountId": nil, "caller": nil, "apiKey": nil, "user": nil}},
	})
}

func httpAPI() []byte {
	single, _ := maps(true)
	return event(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/tenants/acme/orders", "rawQueryString": "", "cookies": []string{"session=abc", "theme=dark"}, "headers": single,
		"body": body, "isBase64Encoded": false,
		"requestContext": map[string]any{"accountId": "123456789012", "apiId": "a1b2c3", "domainName": "shop.example.com", "domainPrefix": "shop", "requestId": "F1bSPFkAjoEFTqg=", "routeKey": "$default",
			"stage": "$default", "time": "22/Nov/2026:16:15:12 +0000", "timeEpoch": 1795363712000,
			"http": map[string]any{"method": "POST", "path": "/tenants/acme/orders", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "Mozilla/5.0"}},
	})
}

func alb() []byte {
	single, _ := maps(true)
	return event(map[string]any{
		"requestContext": map[string]any{"elb": map[string]string{"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/50dc6c495c0c9188"}},
		"httpMethod":     "POST", "path": "/tenants/acme/orders", "queryStringParameters": map[string]string{}, "headers": single, "body": body, "isBase64Encoded": false,
	})
}
