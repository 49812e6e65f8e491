package wefttest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Answer is what a [Client] got. It is for one goroutine.
type Answer struct {
	Status int
	// Header is what the app sent. In process, what a connection adds, such as Date, is not there.
	Header http.Header
	// Body is for answers of [Client.Open], read while the handler writes. Of others it has been read, and can be again.
	Body io.ReadCloser
	// Err is the error that the Response was made from, which no client sees, or nil; see weft's Response.Err.
	Err error

	t       testing.TB
	x       *exchange
	read    bool
	content []byte
}

// Bytes is the body, to its end: of an answer of [Client.Open], what is left of it.
func (a *Answer) Bytes() []byte {
	a.t.Helper()
	if a.read {
		return a.content
	}
	a.read = true
	content, err := io.ReadAll(a.Body)
	if err != nil {
		a.t.Errorf("the answer to %s broke off: %v", a.x.what, err)
	}
	_ = a.Body.Close()
	a.content = content
	return content
}

// Text is the body as text; see [Answer.Bytes].
func (a *Answer) Text() string {
	a.t.Helper()
	return string(a.Bytes())
}

// Logs is what was logged with the request's context so far, a line of text for each record.
func (a *Answer) Logs() []string {
	a.x.mu.Lock()
	defer a.x.mu.Unlock()
	return slices.Clone(a.x.logs)
}

// Want ends the test where the status is another, with FailNow, telling the body and the
// cause. It returns the answer:
//
//	order := wefttest.Decode[Order](client.Post("/orders", in).Want(201))
func (a *Answer) Want(status int) *Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("%s: the status is %d and should be %d%s", a.x.what, a.Status, status, a.details())
	}
	return a
}

// details is what helps to see why an answer is not as it should be.
func (a *Answer) details() string {
	var text strings.Builder
	if a.read && len(a.content) > 0 {
		fmt.Fprintf(&text, "\n\tbody: %s", a.content[:min(len(a.content), 4096)])
	}
	if a.Err != nil {
		fmt.Fprintf(&text, "\n\tcause: %v", a.Err)
	}
	for _, line := range a.Logs() {
		fmt.Fprintf(&text, "\n\tlog: %s", line)
	}
	return text.String()
}

// Decode is the body as a T, decoded from JSON by encoding/json. It ends the
// test, with FailNow, where the answer is not JSON, or not such a T.
func Decode[T any](a *Answer) T {
	a.t.Helper()
	var value T
	a.decode(&value)
	return value
}

func (a *Answer) decode(into any) {
	a.t.Helper()
	content := a.Bytes()
	mediaType, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		a.t.Fatalf("%s: the answer is no JSON, its Content-Type is %q%s", a.x.what, a.Header.Get("Content-Type"), a.details())
	}
	if err := json.Unmarshal(content, into); err != nil {
		a.t.Fatalf("%s: the answer is no %T: %v%s", a.x.what, into, err, a.details())
	}
}

// Problem is a problem document (RFC 9457), as weft writes one.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Errors is what is wrong with the request, field by field.
	Errors []FieldProblem `json:"errors"`
	// Members are all members of the document.
	Members map[string]any `json:"-"`
}

// FieldProblem is one thing that is wrong with a request; see weft's FieldError.
type FieldProblem struct {
	Source  string         `json:"source"`
	Name    string         `json:"name"`
	Pointer string         `json:"pointer"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Params  map[string]any `json:"params"`
}

// String is "body /items/0: required", the form that weft's FieldError has.
func (f FieldProblem) String() string {
	place := f.Source
	if f.Name != "" {
		place += " " + f.Name
	}
	if f.Pointer != "" {
		place += " " + f.Pointer
	}
	return place + ": " + f.Code
}

// Problem is the problem document. The answer must be one, or the test ends with FailNow.
func (a *Answer) Problem() Problem {
	a.t.Helper()
	if mediaType, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type")); mediaType != "application/problem+json" {
		a.Bytes()
		a.t.Fatalf("%s: the answer is no problem document, its status is %d and its Content-Type %q%s", a.x.what, a.Status, a.Header.Get("Content-Type"), a.details())
	}
	p := Decode[Problem](a)
	p.Members = Decode[map[string]any](a)
	return p
}

// Fields are the errors of the document as text, such as "query limit: out_of_range".
func (p Problem) Fields() []string {
	texts := make([]string, len(p.Errors))
	for i, f := range p.Errors {
		texts[i] = f.String()
	}
	return texts
}
