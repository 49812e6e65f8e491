package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
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
	as          string // the user whose key is sent; nobody's where this is ""
	method      string
	path        string      // nextPage stands for the cursor in the answer before
	contentType string      // application/json where there is a body and this is ""
	sent        http.Header // further fields
	body        string
	signed      signing

	meanwhile *exchange // sent when the answer has begun, and before its body is read
	until     string    // what the answer is read up to, where it has no end

	status int
	header http.Header // fields that the answer must have
	holds  string      // a part of the answer's body
	code   string      // of the problem document, "" where the answer is none; see problem.code
}

// signing is how a webhook is signed.
type signing int

const (
	unsigned signing = iota
	signedNow
	signedAnHourAgo
	signedWithAnotherSecret
)

const (
	mia  = "Mia"  // a manager of acme
	cleo = "Cleo" // a clerk of globex
	eve  = "Eve"  // with a key that nobody has

	acmeOrders   = "/api/tenants/acme/orders"
	globexOrders = "/api/tenants/globex/orders"

	teaForAda  = `{"customer": "Ada", "items": [{"sku": "tea", "quantity": 2, "unit_price": "4.50"}]}`
	cakeForBob = `{"customer": "Bob", "items": [{"sku": "cake", "quantity": 1, "unit_price": "3.95"}, {"sku": "fork", "quantity": 2, "unit_price": "0.00"}], "due": "2099-12-24"}`
	teaForAll  = `{"customer": "Ada", "items": [{"sku": "tea", "quantity": 300, "unit_price": "4.50"}]}`
	brokenTwo  = `{"customer": "", "items": [{"sku": "tea", "quantity": 0, "unit_price": "-4.50"}, {"quantity": 1, "unit_price": "4.50"}]}`
	teaIsPaid  = `{"id": "evt_1", "type": "payment.succeeded", "tenant": "acme", "order": 1, "amount": "9.00"}`
	nextPage   = "{next}"

	formData = "multipart/form-data; boundary=part"
	receipt  = "--part\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nThe receipt\r\n" +
		"--part\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Quittung für Tee.txt\"\r\n\r\nReceived 9.00 for 2 teas.\r\n--part--\r\n"
	fourLines = `{"customer": "Cy", "items": [{"sku": "tea", "quantity": 1, "unit_price": "4.50"}]}
{"customer": "Dee", "items": []}
{"customer": "Eli"
{"customer": "=HYPERLINK(\"http://evil.example\")", "items": [{"sku": "-cake", "quantity": 1, "unit_price": "3.95"}]}
`
)

// script is told to a service without orders, from the first line to the last.
var script = []exchange{
	{title: "Is the service healthy? Anybody may ask", method: "GET", path: "/healthz", status: 200},

	{title: "Who sends no key is told how to log in", method: "GET", path: "/api/me",
		status: 401, code: "unauthenticated", header: http.Header{"Www-Authenticate": {`Bearer realm="orders"`}}},
	{title: "And who sends a wrong one, that it is wrong", as: eve, method: "GET", path: "/api/me",
		status: 401, code: "unauthenticated", header: http.Header{"Www-Authenticate": {`Bearer realm="orders", error="invalid_token"`}}},
	{title: "Mia has a key", as: mia, method: "GET", path: "/api/me",
		status: 200, holds: `{"name":"Mia","role":"manager","tenant":"acme"}`},

	{title: "Mia enters that Ada orders tea", as: mia, method: "POST", path: acmeOrders, body: teaForAda,
		status: 201, header: http.Header{"Location": {acmeOrders + "/1"}}, holds: `"total":"9.00"`},
	{title: "Bob orders cake", as: mia, method: "POST", path: acmeOrders, body: cakeForBob,
		status: 201, header: http.Header{"Location": {acmeOrders + "/2"}}, holds: `"due":"2099-12-24"`},
	{title: "Read Ada's order", as: mia, method: "GET", path: acmeOrders + "/1", status: 200},
	{title: "HEAD is GET without the body", as: mia, method: "HEAD", path: acmeOrders + "/1", status: 200},
	{title: "Which methods are there?", method: "OPTIONS", path: acmeOrders,
		status: 204, header: http.Header{"Allow": {"GET, HEAD, POST, OPTIONS"}}},

	{title: "A page of one order, the newest", as: mia, method: "GET", path: acmeOrders + "?limit=1",
		status: 200, holds: `"next":"`},
	{title: "The page after it is the last", as: mia, method: "GET", path: acmeOrders + "?limit=1&cursor=" + nextPage,
		status: 200, holds: `"id":1`},
	{title: "Orders that are open and not small", as: mia, method: "GET", path: acmeOrders + "?status=open,shipped&min_total=5.00",
		status: 200, holds: `{"orders":[{"id":1,`},

	{title: "Cleo works for another tenant, for whom there is no acme", as: cleo, method: "GET", path: acmeOrders,
		status: 404, code: "tenant_not_found"},
	{title: "Nor would she see a tenant that there is not", as: cleo, method: "GET", path: "/api/tenants/initech/orders",
		status: 404, code: "tenant_not_found"},
	{title: "Her own tenant has no orders yet", as: cleo, method: "GET", path: globexOrders,
		status: 200, holds: `{"orders":[]}`},
	{title: "A clerk takes orders, which are numbered for each tenant", as: cleo, method: "POST", path: globexOrders, body: teaForAda,
		status: 201, header: http.Header{"Location": {globexOrders + "/1"}}},
	{title: "A large one needs a manager", as: cleo, method: "POST", path: globexOrders, body: teaForAll,
		status: 403, code: "manager_needed"},
	{title: "And so does cancelling", as: cleo, method: "PATCH", path: globexOrders + "/1", body: `{"status": "cancelled"}`,
		status: 403, code: "manager_needed"},
	{title: "A clerk deletes nothing", as: cleo, method: "DELETE", path: globexOrders + "/1",
		status: 403, code: "forbidden"},

	{title: "A value replaces", as: mia, method: "PATCH", path: acmeOrders + "/2", body: `{"status": "shipped", "note": "no candles"}`,
		status: 200, holds: `"status":"shipped","due":"2099-12-24","note":"no candles"`},
	{title: "Null clears, and what is absent stays", as: mia, method: "PATCH", path: acmeOrders + "/2", body: `{"note": null}`,
		status: 200, holds: `"status":"shipped","due":"2099-12-24","created"`},
	{title: "Not everything can be cleared", as: mia, method: "PATCH", path: acmeOrders + "/2", body: `{"status": null}`,
		status: 422, code: "not_null"},
	{title: "What was shipped stays shipped", as: mia, method: "PATCH", path: acmeOrders + "/2", body: `{"status": "cancelled"}`,
		status: 409, code: "order_closed"},

	{title: "A member that nobody knows", as: mia, method: "POST", path: acmeOrders, body: `{"customer": "Ada", "items": [], "coupon": "X"}`,
		status: 400, code: "unknown_field"},
	{title: "JSON that breaks off", as: mia, method: "POST", path: acmeOrders, body: `{"customer": "Ada", "items": [`,
		status: 400, code: "invalid_json"},
	{title: "A body that is not JSON", as: mia, method: "POST", path: acmeOrders, contentType: "text/plain", body: "two teas, please",
		status: 415, code: "unsupported_media_type"},
	{title: "Every rule that an order breaks is named", as: mia, method: "POST", path: acmeOrders, body: brokenTwo,
		status: 422, code: "min min min required"},
	{title: "And everything that cannot be read", as: mia, method: "GET", path: acmeOrders + "?since=yesterday&min_total=4.999&cursor=2&page=2",
		status: 400, code: "invalid_type invalid_type invalid_type unknown_field"},
	{title: "A date that is over", as: mia, method: "POST", path: acmeOrders, body: strings.Replace(cakeForBob, "2099", "1999", 1),
		status: 422, code: "due_too_early"},
	{title: "A list without bounds", as: mia, method: "GET", path: acmeOrders + "?limit=1000000",
		status: 422, code: "max"},
	{title: "An id that is none", as: mia, method: "GET", path: acmeOrders + "/tea",
		status: 400, code: "invalid_type"},
	{title: "An order that does not exist", as: mia, method: "GET", path: acmeOrders + "/404",
		status: 404, code: "order_not_found"},
	{title: "A path that leads nowhere", as: mia, method: "GET", path: "/api/customers",
		status: 404, code: "not_found"},
	{title: "A method that the path does not have", as: mia, method: "PUT", path: acmeOrders, body: teaForAda,
		status: 405, code: "method_not_allowed", header: http.Header{"Allow": {"GET, HEAD, POST, OPTIONS"}}},

	{title: "Anybody could say that Ada has paid", method: "POST", path: webhookPath, body: teaIsPaid,
		status: 403, code: "invalid_signature"},
	{title: "And sign it", method: "POST", path: webhookPath, body: teaIsPaid, signed: signedWithAnotherSecret,
		status: 403, code: "invalid_signature"},
	{title: "Only the payment provider knows the secret", method: "POST", path: webhookPath, body: teaIsPaid, signed: signedNow,
		status: 200, holds: `{"result":"paid"}`},
	{title: "It may say so twice", method: "POST", path: webhookPath, body: teaIsPaid, signed: signedNow,
		status: 200, holds: `{"result":"duplicate"}`},
	{title: "But nobody may replay it later", method: "POST", path: webhookPath, body: teaIsPaid, signed: signedAnHourAgo,
		status: 403, code: "invalid_signature"},
	{title: "A payment for no order: a 404 would have the provider send it for days", method: "POST", path: webhookPath,
		body: strings.NewReplacer("evt_1", "evt_2", `"order": 1`, `"order": 404`).Replace(teaIsPaid), signed: signedNow,
		status: 200, holds: `{"result":"ignored","reason":"order_not_found"}`},
	{title: "What is signed is still decoded strictly", method: "POST", path: webhookPath, body: `{"id": "evt_3", "total": 9}`, signed: signedNow,
		status: 400, code: "unknown_field"},
	{title: "Ada's order is paid", as: mia, method: "GET", path: acmeOrders + "/1", status: 200, holds: `"paid":"`},
	{title: "Cleo's order 1 is another", as: cleo, method: "GET", path: globexOrders + "/1", status: 200, holds: `"status":"open","created"`},

	{title: "Who has this version of an order need not get it again", as: mia, method: "GET", path: acmeOrders + "/1", sent: http.Header{"If-None-Match": {`"v2"`}},
		status: 304, header: http.Header{"Etag": {`"v2"`}}},
	{title: "Mia changes what she has seen", as: mia, method: "PATCH", path: acmeOrders + "/1", sent: http.Header{"If-Match": {`"v2"`}}, body: `{"note": "with milk"}`,
		status: 200, header: http.Header{"Etag": {`"v3"`}}, holds: `"version":3`},
	{title: "Who has seen an older version overwrites nothing", as: mia, method: "PATCH", path: acmeOrders + "/1", sent: http.Header{"If-Match": {`"v2"`}}, body: `{"note": "with sugar"}`,
		status: 412, code: "precondition_failed"},

	{title: "What happened to orders since event 4, and what happens while Mia listens", as: mia, method: "GET", path: acmeOrders + "/feed", sent: http.Header{"Last-Event-Id": {"4"}},
		meanwhile: &exchange{as: mia, method: "PATCH", path: acmeOrders + "/2", body: `{"note": "ring twice"}`, status: 200},
		until:     "id: 7\n", status: 200, header: http.Header{"Content-Type": {"text/event-stream"}}, holds: "id: 5\nevent: paid\ndata: {\"order\":1,\"version\":2"},
	{title: "Who listens without an id learns where the feed begins", as: cleo, method: "GET", path: globexOrders + "/feed",
		until: "event: begin\n", status: 200, holds: "id: 1\n"},

	{title: "The receipt is attached to Ada's order", as: mia, method: "POST", path: acmeOrders + "/1/attachments", contentType: formData, body: receipt,
		status: 201, header: http.Header{"Location": {acmeOrders + "/1/attachments/1"}}, holds: `"media_type":"text/plain; charset=utf-8"`},
	{title: "A page is none, whatever it says of itself", as: mia, method: "POST", path: acmeOrders + "/1/attachments", contentType: formData,
		body: strings.Replace(receipt, "Received", "<html>", 1), status: 422, code: "media_type_not_allowed"},
	{title: "Everything is told that is missing", as: mia, method: "POST", path: acmeOrders + "/1/attachments", contentType: formData, body: "--part--\r\n",
		status: 400, code: "required required"},
	{title: "What is attached?", as: mia, method: "GET", path: acmeOrders + "/1/attachments", status: 200, holds: `"title":"The receipt"`},
	{title: "The file, under its name", as: mia, method: "GET", path: acmeOrders + "/1/attachments/1", status: 200, holds: "Received 9.00 for 2 teas.",
		header: http.Header{"Content-Disposition": {`attachment; filename="Quittung f_r Tee.txt"; filename*=UTF-8''Quittung%20f%C3%BCr%20Tee.txt`}}},
	{title: "Or a part of it", as: mia, method: "GET", path: acmeOrders + "/1/attachments/1", sent: http.Header{"Range": {"bytes=9-12"}},
		status: 206, header: http.Header{"Content-Range": {"bytes 9-12/25"}}, holds: "9.00"},
	{title: "Or how long it is", as: mia, method: "HEAD", path: acmeOrders + "/1/attachments/1", status: 200, header: http.Header{"Content-Length": {"25"}}},
	{title: "It is none of Cleo's business", as: cleo, method: "GET", path: acmeOrders + "/1/attachments/1", status: 404, code: "tenant_not_found"},
	{title: "It is deleted", as: mia, method: "DELETE", path: acmeOrders + "/1/attachments/1", status: 204},

	{title: "Ada changes her mind", as: mia, method: "DELETE", path: acmeOrders + "/1", status: 204},
	{title: "Deleted is gone", as: mia, method: "GET", path: acmeOrders + "/1",
		status: 404, code: "order_not_found"},
	{title: "Bob's order is left", as: mia, method: "GET", path: acmeOrders, status: 200, holds: `{"orders":[{"id":2,`},

	{title: "Four lines are imported, of which two are good", as: mia, method: "POST", path: acmeOrders + "/import", contentType: "application/x-ndjson", body: fourLines,
		status: 200, holds: `{"imported":2,"done":4,"bad":[{"line":2,"errors":[{"pointer":"/items","code":"min"`},
	{title: "All open orders, one on each line", as: mia, method: "GET", path: acmeOrders + "/export?status=open",
		status: 200, header: http.Header{"Content-Type": {"application/x-ndjson"}}, holds: "}\n{"},
	{title: "Or as an array", as: mia, method: "GET", path: acmeOrders + "/export?status=shipped", sent: http.Header{"Accept": {"application/json"}},
		status: 200, header: http.Header{"Content-Type": {"application/json"}}, holds: `[{"id":2,`},
	{title: "Or as a table, in which nothing is a formula", as: mia, method: "GET", path: acmeOrders + "/export.csv",
		status: 200, header: http.Header{"Content-Type": {"text/csv; charset=utf-8; header=present"}}, holds: `"'=HYPERLINK(""http://evil.example"")",open,,,,'-cake,1,3.95,3.95`},
}

// demo serves on a free port of the loopback interface, plays the script over
// HTTP and writes it to out. The error says which answers were not as expected.
func demo(ctx context.Context, out io.Writer, log *slog.Logger) error {
	secret := rand.Text()
	s, err := open(ctx, settings{address: "localhost:0", secret: []byte(secret)}, log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- s.run(ctx) }()

	fmt.Fprintf(out, "Users and secrets of this run alone:\n\n%s  Webhooks are signed with %s\n\n", listUsers(s.users), secret)
	p := &player{out: out, url: s.url(), secret: []byte(secret), keys: map[string]apiKey{eve: newAPIKey()}}
	for _, user := range s.users {
		p.keys[user.Name] = user.key
	}
	played := p.play(ctx, script)
	stop()
	return errors.Join(played, <-stopped)
}

// player plays scripts to the service at url.
type player struct {
	out    io.Writer
	url    string
	keys   map[string]apiKey // by the names of users
	secret []byte
}

// play sends the requests of a script one after the other. It plays to the end
// even where an answer is wrong.
func (p *player) play(ctx context.Context, script []exchange) error {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}

	var wrong []error
	var body []byte // of the last answer
	for i, x := range script {
		fmt.Fprintf(p.out, "%d. %s\n\n", i+1, x.title)
		x.path = strings.ReplaceAll(x.path, nextPage, nextIn(body))
		var err error
		body, err = p.send(ctx, client, x)
		if err != nil {
			err = fmt.Errorf("%d. %s: %s %s %w", i+1, x.title, x.method, x.path, err)
			fmt.Fprintf(p.out, "  ! %v\n", err)
			wrong = append(wrong, err)
		}
		fmt.Fprintln(p.out)
	}
	if wrong == nil {
		fmt.Fprintf(p.out, "All %d answers were as expected.\n", len(script))
	}
	return errors.Join(wrong...)
}

// nextIn is the cursor of a page, "" where there is none.
func nextIn(body []byte) string {
	var page struct{ Next string }
	_ = json.Unmarshal(body, &page) // not every answer is a page
	return page.Next
}

// send sends the request, writes both sides to out, and returns the answer's
// body, with an error where the answer is wrong.
func (p *player) send(ctx context.Context, client *http.Client, x exchange) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, x.method, p.url+x.path, strings.NewReader(x.body))
	if err != nil {
		return nil, err
	}
	for name, values := range x.sent {
		req.Header[name] = values
	}
	if x.body != "" {
		req.Header.Set("Content-Type", cmp.Or(x.contentType, "application/json"))
	}
	if x.as != "" {
		req.Header.Set("Authorization", "Bearer "+string(p.keys[x.as]))
	}
	if x.signed != unsigned {
		req.Header.Set(signatureHeader, p.sign(x))
	}
	out := p.out
	fmt.Fprintf(out, "  > %s %s\n", x.method, x.path)
	writeMessage(out, "  > ", req.Header, []byte(x.body))

	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("was not answered: %w", err)
	}
	defer resp.Body.Close()
	fmt.Fprintf(out, "  < %s\n", resp.Status)
	writeMessage(out, "  < ", resp.Header, nil)
	var failed error
	if x.meanwhile != nil {
		fmt.Fprintln(out, "\n  meanwhile")
		_, failed = p.send(ctx, client, *x.meanwhile)
		fmt.Fprintln(out)
	}
	body, err := x.read(resp.Body)
	if err != nil {
		return nil, errors.Join(failed, fmt.Errorf("was not answered to the end: %w", err))
	}
	writeMessage(out, "  < ", nil, body)
	return body, errors.Join(failed, x.check(resp, body))
}

// read reads the answer to its end, or up to the end of the event that is waited for.
func (x exchange) read(from io.Reader) (body []byte, err error) {
	if x.until == "" {
		return io.ReadAll(from)
	}
	for lines := bufio.NewReader(from); ; {
		line, err := lines.ReadBytes('\n')
		if body = append(body, line...); err != nil {
			return body, fmt.Errorf("there was no %q: %w", x.until, err)
		}
		if bytes.HasSuffix(body, []byte("\n\n")) && bytes.Contains(body, []byte(x.until)) {
			return body, nil
		}
	}
}

// sign signs the body as a payment provider does, and in the ways that attackers try.
func (p *player) sign(x exchange) string {
	secret, at := p.secret, time.Now()
	switch x.signed {
	case signedAnHourAgo:
		at = at.Add(-time.Hour)
	case signedWithAnotherSecret:
		secret = []byte(rand.Text())
	}
	return sign(secret, at, []byte(x.body))
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
var telling = []string{"Authorization", signatureHeader, "Accept", "If-Match", "If-None-Match", "Range", "Last-Event-Id", "Content-Type", "Content-Length", "Content-Range", "Content-Disposition",
	"Etag", "Last-Modified", "Www-Authenticate", "Location", "Allow", "Cache-Control", requestIDHeader}

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
