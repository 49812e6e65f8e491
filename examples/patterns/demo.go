package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// exchange is a request of the demo and what its answer must be.
type exchange struct {
	title        string
	method, path string
	header       []string // "Name: value"
	body         string   // JSON

	status int
	has    []string // "Name: value" that the answer must have; "Name: *" for any value, "Name: " for none
	holds  []string // parts of its body
}

const (
	fromPage  = "Origin: " + page
	fromOther = "Origin: https://other.example"
	asksPut   = "Access-Control-Request-Method: PUT"
	operator  = "Authorization: Bearer demo"
	hasID     = "X-Request-Id: *"
	hasPolicy = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"
	permitted = "Access-Control-Allow-Origin: " + page
	refused   = "Access-Control-Allow-Origin: "
)

// script is told to an app that has just been started, from the first line to the last.
var script = []exchange{
	{title: "A request id that is well formed is kept", method: "GET", path: "/quotes/1", header: []string{"X-Request-ID: demo-1"},
		status: 200, has: []string{"X-Request-Id: demo-1", hasPolicy, "Strict-Transport-Security: "}, holds: []string{"Grace Hopper"}},
	{title: "One that is not is replaced", method: "GET", path: "/quotes/1", header: []string{"X-Request-ID: demo 2"},
		status: 200, has: []string{hasID}},
	{title: "A 404 has an id and the headers, too", method: "GET", path: "/nowhere", status: 404, has: []string{hasID, hasPolicy}},
	{title: "And a 405", method: "PATCH", path: "/quotes/1", status: 405, has: []string{hasID, hasPolicy, "Allow: GET, HEAD, OPTIONS"}},

	{title: "A preflight is answered before routing, also where no path is", method: "OPTIONS", path: "/nowhere", header: []string{fromPage, asksPut},
		status: 204, has: []string{permitted, "Access-Control-Allow-Methods: PUT, DELETE", "Access-Control-Allow-Credentials: true", "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}},
	{title: "And before guards: it has no key", method: "OPTIONS", path: "/operator/maintenance", header: []string{fromPage, asksPut}, status: 204, has: []string{permitted}},
	{title: "Another page is permitted nothing", method: "OPTIONS", path: "/quotes/1", header: []string{fromOther, asksPut},
		status: 204, has: []string{refused, "Access-Control-Allow-Methods: "}},
	{title: "A plain request of its runs, as ever, and its script cannot read the answer", method: "GET", path: "/quotes/1", header: []string{fromOther},
		status: 200, has: []string{refused, "Vary: Origin"}},
	{title: "OPTIONS that is no preflight goes on to routing", method: "OPTIONS", path: "/quotes/1", status: 204, has: []string{"Allow: GET, HEAD, OPTIONS"}},

	{title: "A panic is an incident", method: "GET", path: "/crash", header: []string{fromPage, "X-Request-ID: demo-crash"},
		status: 500, has: []string{"X-Request-Id: demo-crash", hasPolicy, permitted}, holds: []string{`"code":"crash"`, `"incident":"`}},
	{title: "A refusal is none", method: "DELETE", path: "/operator/maintenance", status: 401, has: []string{hasID, hasPolicy}, holds: []string{`"code":"unauthenticated"`}},
	{title: "Nor is a mistake of the client's", method: "POST", path: "/quotes", body: `{"author": "", "text": "Hm"}`,
		status: 422, has: []string{hasID, hasPolicy}, holds: []string{`"pointer":"/author"`}},

	{title: "Maintenance begins", method: "PUT", path: "/operator/maintenance", header: []string{operator}, body: `{"minutes": 5}`, status: 204},
	{title: "Nothing runs, and the page may read when to come back", method: "GET", path: "/quotes/1", header: []string{fromPage},
		status: 503, has: []string{"Retry-After: *", permitted, hasID, hasPolicy}, holds: []string{`"code":"maintenance"`}},
	{title: "Not even routing", method: "GET", path: "/nowhere", status: 503},
	{title: "The service is healthy all the same", method: "GET", path: "/healthz", status: 200},
	{title: "Maintenance ends", method: "DELETE", path: "/operator/maintenance", header: []string{operator}, status: 204},
	{title: "And everything is as before", method: "GET", path: "/quotes/1", status: 200},

	{title: "Routes were measured by their templates, and what has none together", method: "GET", path: "/operator/metrics", header: []string{operator}, status: 200,
		holds: []string{
			`_count{method="GET",route="/quotes/{id}",status="2xx"} 4` + "\n",
			`_count{method="GET",route="/crash",status="5xx"} 1` + "\n",
			`_count{method="GET",route="unmatched",status="4xx"} 1` + "\n",
			`_count{method="GET",route="unmatched",status="5xx"} 2` + "\n",
		}},
}

// demo serves on a free port of the loopback interface, plays the script over
// HTTP, and shows what was logged. The error says what was not as expected.
func demo(ctx context.Context, out io.Writer, script []exchange) error {
	var lines bytes.Buffer // read when the server has stopped
	log := slog.New(withRequestID{slog.NewTextHandler(&lines, &slog.HandlerOptions{ReplaceAttr: forReading})})
	app, err := newApp(settings{"demo", []string{page}}, log)
	if err != nil {
		return err
	}
	server, err := app.Build(ctx)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- server.RunListener(ctx, listener) }()

	played := play(ctx, out, "http://"+listener.Addr().String(), script)
	stop()
	err = errors.Join(played, <-stopped, checkLog(lines.String(), len(script)))
	fmt.Fprintf(out, "And in the log:\n\n%s\n", lines.String())
	if err == nil {
		fmt.Fprintf(out, "All %d answers were as expected.\n", len(script))
	}
	return err
}

// forReading leaves out what is long and says nothing here.
func forReading(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "stack" {
		return slog.Attr{}
	}
	return a
}

// play sends the requests of a script one after the other, to the end even where an answer is wrong.
func play(ctx context.Context, out io.Writer, url string, script []exchange) error {
	transport := &http.Transport{MaxConnsPerHost: 1} // one after the other for the server, too: a request has ended when the next begins
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	var wrong []error
	for i, x := range script {
		fmt.Fprintf(out, "%d. %s\n\n", i+1, x.title)
		if err := x.send(ctx, out, client, url); err != nil {
			err = fmt.Errorf("%d. %s: %s %s %w", i+1, x.title, x.method, x.path, err)
			fmt.Fprintf(out, "  ! %v\n", err)
			wrong = append(wrong, err)
		}
		fmt.Fprintln(out)
	}
	return errors.Join(wrong...)
}

func (x exchange) send(ctx context.Context, out io.Writer, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, x.method, url+x.path, strings.NewReader(x.body))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "  > %s %s\n", x.method, x.path)
	for _, field := range x.header {
		name, value, _ := strings.Cut(field, ": ")
		req.Header.Set(name, value)
		fmt.Fprintf(out, "  > %s\n", field)
	}
	if x.body != "" {
		req.Header.Set("Content-Type", "application/json")
		fmt.Fprintf(out, "  > %s\n", x.body)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("was not answered: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("was not answered to the end: %w", err)
	}
	fmt.Fprintf(out, "  < %s\n", resp.Status)
	x.show(out, resp.Header, string(body))
	return x.check(resp, string(body))
}

// show writes the header fields that are checked, and the body; of a long one, the lines that are.
func (x exchange) show(out io.Writer, header http.Header, body string) {
	for _, field := range x.has {
		name, _, _ := strings.Cut(field, ": ")
		if values := header[name]; len(values) > 0 {
			fmt.Fprintf(out, "  < %s: %s\n", name, strings.Join(values, ", "))
		}
	}
	long := strings.Count(body, "\n") > 10
	for line := range strings.Lines(body) {
		if !long || slices.ContainsFunc(x.holds, func(part string) bool { return strings.Contains(line, part) }) {
			fmt.Fprintf(out, "  < %s\n", strings.TrimRight(line, "\n"))
		}
	}
}

// check says in what the answer differs from the one expected.
func (x exchange) check(resp *http.Response, body string) error {
	if resp.StatusCode != x.status {
		return fmt.Errorf("was answered %s, expected %d %s", resp.Status, x.status, http.StatusText(x.status))
	}
	for _, field := range x.has {
		name, want, _ := strings.Cut(field, ": ")
		if got := strings.Join(resp.Header[name], ", "); got != want && (want != "*" || got == "") {
			return fmt.Errorf("was answered with %s: %q, expected %q", name, got, want)
		}
	}
	for _, part := range x.holds {
		if !strings.Contains(body, part) {
			return fmt.Errorf("was answered without %s", part)
		}
	}
	return nil
}

// checkLog says what is not as it should be in the log of a script: a line for
// each request, with its id, and one for the one incident.
func checkLog(lines string, requests int) error {
	var answered, failed int
	var wrong []error
	for line := range strings.Lines(lines) {
		switch {
		case strings.Contains(line, "msg=answered"):
			answered++
		case strings.Contains(line, `msg="request failed"`) && strings.Contains(line, "incident"):
			failed++
		default: // what is not of a request
			continue
		}
		if !strings.Contains(line, "request_id=") {
			wrong = append(wrong, fmt.Errorf("the log has a line without a request's id: %s", strings.TrimSpace(line)))
		}
	}
	if answered != requests || failed != 1 {
		wrong = append(wrong, fmt.Errorf("the log has %d answers and %d incidents, expected %d and 1", answered, failed, requests))
	}
	return errors.Join(wrong...)
}
