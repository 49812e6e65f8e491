package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// exchange is a request of the demo and what its answer must be.
type exchange struct {
	title       string
	method      string
	path        string // nextPage stands for the cursor in the answer before
	contentType string // application/json where there is a body and this is ""
	body        string

	status int
	header http.Header // fields that the answer must have
	holds  string      // a part of the answer's body
	code   string      // of the problem document, "" where the answer is none; see problem.code
}

const (
	teaForAda  = `{"customer": "Ada", "items": [{"sku": "tea", "quantity": 2, "unit_price": "4.50"}]}`
	cakeForBob = `{"customer": "Bob", "items": [{"sku": "cake", "quantity": 1, "unit_price": "3.95"}, {"sku": "fork", "quantity": 2, "unit_price": "0.00"}], "due": "2099-12-24"}`
	brokenTwo  = `{"customer": "", "items": [{"sku": "tea", "quantity": 0, "unit_price": "-4.50"}, {"quantity": 1, "unit_price": "4.50"}]}`
	nextPage   = "{next}"
)

// script is told to a service without orders, from the first line to the last.
var script = []exchange{
	{title: "Is the service healthy?", method: "GET", path: "/healthz", status: 200},

	{title: "Ada orders tea", method: "POST", path: "/api/orders", body: teaForAda,
		status: 201, header: http.Header{"Location": {"/api/orders/1"}}, holds: `"total":"9.00"`},
	{title: "Bob orders cake", method: "POST", path: "/api/orders", body: cakeForBob,
		status: 201, header: http.Header{"Location": {"/api/orders/2"}}, holds: `"due":"2099-12-24"`},
	{title: "Read Ada's order", method: "GET", path: "/api/orders/1", status: 200},
	{title: "HEAD is GET without the body", method: "HEAD", path: "/api/orders/1", status: 200},
	{title: "Which methods are there?", method: "OPTIONS", path: "/api/orders",
		status: 204, header: http.Header{"Allow": {"GET, HEAD, POST, OPTIONS"}}},

	{title: "A page of one order, the newest", method: "GET", path: "/api/orders?limit=1",
		status: 200, holds: `"next":"`},
	{title: "The page after it is the last", method: "GET", path: "/api/orders?limit=1&cursor=" + nextPage,
		status: 200, holds: `"id":1`},
	{title: "Orders that are open and not small", method: "GET", path: "/api/orders?status=open,shipped&min_total=5.00",
		status: 200, holds: `{"orders":[{"id":1,`},

	{title: "A value replaces", method: "PATCH", path: "/api/orders/2", body: `{"status": "shipped", "note": "no candles"}`,
		status: 200, holds: `"status":"shipped","due":"2099-12-24","note":"no candles"`},
	{title: "Null clears, and what is absent stays", method: "PATCH", path: "/api/orders/2", body: `{"note": null}`,
		status: 200, holds: `"status":"shipped","due":"2099-12-24","created"`},
	{title: "Not everything can be cleared", method: "PATCH", path: "/api/orders/2", body: `{"status": null}`,
		status: 422, code: "not_null"},
	{title: "What was shipped stays shipped", method: "PATCH", path: "/api/orders/2", body: `{"status": "cancelled"}`,
		status: 409, code: "order_closed"},

	{title: "A member that nobody knows", method: "POST", path: "/api/orders", body: `{"customer": "Ada", "items": [], "coupon": "X"}`,
		status: 400, code: "unknown_field"},
	{title: "JSON that breaks off", method: "POST", path: "/api/orders", body: `{"customer": "Ada", "items": [`,
		status: 400, code: "invalid_json"},
	{title: "A body that is not JSON", method: "POST", path: "/api/orders", contentType: "text/plain", body: "two teas, please",
		status: 415, code: "unsupported_media_type"},
	{title: "Every rule that an order breaks is named", method: "POST", path: "/api/orders", body: brokenTwo,
		status: 422, code: "min min min required"},
	{title: "And everything that cannot be read", method: "GET", path: "/api/orders?since=yesterday&min_total=4.999&cursor=2&page=2",
		status: 400, code: "invalid_type invalid_type invalid_type unknown_field"},
	{title: "A date that is over", method: "POST", path: "/api/orders", body: strings.Replace(cakeForBob, "2099", "1999", 1),
		status: 422, code: "due_too_early"},
	{title: "A list without bounds", method: "GET", path: "/api/orders?limit=1000000",
		status: 422, code: "max"},
	{title: "An id that is none", method: "GET", path: "/api/orders/tea",
		status: 400, code: "invalid_type"},
	{title: "An order that does not exist", method: "GET", path: "/api/orders/404",
		status: 404, code: "order_not_found"},
	{title: "A path that leads nowhere", method: "GET", path: "/api/customers",
		status: 404, code: "not_found"},
	{title: "A method that the path does not have", method: "PUT", path: "/api/orders", body: teaForAda,
		status: 405, code: "method_not_allowed", header: http.Header{"Allow": {"GET, HEAD, POST"}}},

	{title: "Ada changes her mind", method: "DELETE", path: "/api/orders/1", status: 204},
	{title: "Deleted is gone", method: "GET", path: "/api/orders/1",
		status: 404, code: "order_not_found"},
	{title: "Bob's order is left", method: "GET", path: "/api/orders", status: 200, holds: `{"orders":[{"id":2,`},
}

// demo serves on a free port of the loopback interface, plays the script over
// HTTP and writes it to out. The error says which answers were not as expected.
func demo(ctx context.Context, out io.Writer, log *slog.Logger) error {
	s, err := open(ctx, "localhost:0", "", log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- s.run(ctx) }()

	played := play(ctx, out, s.url(), script)
	stop()
	return errors.Join(played, <-stopped)
}

// play sends the requests of a script one after the other. It plays to the end
// even where an answer is wrong.
func play(ctx context.Context, out io.Writer, url string, script []exchange) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}

	var wrong []error
	var body []byte // of the last answer
	for i, x := range script {
		fmt.Fprintf(out, "%d. %s\n\n", i+1, x.title)
		x.path = strings.ReplaceAll(x.path, nextPage, nextIn(body))
		var err error
		body, err = x.play(ctx, out, client, url)
		if err != nil {
			err = fmt.Errorf("%d. %s: %s %s %w", i+1, x.title, x.method, x.path, err)
			fmt.Fprintf(out, "  ! %v\n", err)
			wrong = append(wrong, err)
		}
		fmt.Fprintln(out)
	}
	if wrong == nil {
		fmt.Fprintf(out, "All %d answers were as expected.\n", len(script))
	}
	return errors.Join(wrong...)
}

// nextIn is the cursor of a page, "" where there is none.
func nextIn(body []byte) string {
	var page struct{ Next string }
	_ = json.Unmarshal(body, &page) // not every answer is a page
	return page.Next
}

// play sends the request, writes both sides to out, and returns the answer's
// body, with an error where the answer is wrong.
func (x exchange) play(ctx context.Context, out io.Writer, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, x.method, url+x.path, strings.NewReader(x.body))
	if err != nil {
		return nil, err
	}
	if x.body != "" {
		req.Header.Set("Content-Type", cmp.Or(x.contentType, "application/json"))
	}
	fmt.Fprintf(out, "  > %s %s\n", x.method, x.path)
	writeMessage(out, "  > ", req.Header, []byte(x.body))

	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("was not answered: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("was not answered to the end: %w", err)
	}
	fmt.Fprintf(out, "  < %s\n", resp.Status)
	writeMessage(out, "  < ", resp.Header, body)
	return body, x.check(resp, body)
}

// check says in what the answer differs from the one expected.
func (x exchange) check(resp *http.Response, body []byte) error {
	if resp.StatusCode != x.status {
		return fmt.Errorf("was answered %s, expected %d %s", resp.Status, x.status, http.StatusText(x.status))
	}
	for name := range x.header {
		if got, want := resp.Header.Get(name), x.header.Get(name); got != want {
			return fmt.Errorf("was answered with %s: %q, expected %q", name, got, want)
		}
	}
	if !strings.Contains(string(body), x.holds) {
		return fmt.Errorf("was answered without %s", x.holds)
	}
	if x.code == "" {
		return nil
	}
	var problem problem
	if err := json.Unmarshal(body, &problem); err != nil {
		return fmt.Errorf("was not answered with a problem document: %w", err)
	}
	if got := problem.code(); got != x.code {
		return fmt.Errorf("was answered with the code %q, expected %q", got, x.code)
	}
	return nil
}

// problem is the part of a problem document that is checked.
type problem struct {
	Code   string
	Errors []struct{ Code string }
}

// code is that of each of the errors, where there are any: they say more than
// the document's own.
func (p problem) code() string {
	if len(p.Errors) == 0 {
		return p.Code
	}
	codes := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		codes[i] = e.Code
	}
	return strings.Join(codes, " ")
}

// telling is the header fields that the demo shows, in this order.
var telling = []string{"Content-Type", "Content-Length", "Location", "Allow", "Cache-Control", requestIDHeader}

func writeMessage(out io.Writer, margin string, header http.Header, body []byte) {
	for _, name := range telling {
		if value := header.Get(name); value != "" {
			fmt.Fprintf(out, "%s%s: %s\n", margin, name, value)
		}
	}
	if len(body) == 0 {
		return
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", "  ") == nil {
		body = pretty.Bytes()
	}
	for line := range bytes.Lines(body) {
		fmt.Fprintf(out, "%s%s\n", margin, bytes.TrimRight(line, "\r\n"))
	}
}
