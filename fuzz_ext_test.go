package weft_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weft-go/weft"
)

// Whatever a client sends as a body, the answer is the value, or a short problem
// that is the client's fault. Nothing panics, nothing is a 500.
func FuzzJSONBody(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","age":1}`, `{"name":null}`, `{"name":"a","name":"b"}`, `{"NAME":"a"}`, `[]`, `null`, ``, ` `, `{"age":300}`,
		`{"age":1e400}`, "{\"name\":\"\xff\"}", `{"name":"\ud800"}`, `{"a/b~c":1}`, `{"tags":["a",1]}`, `{"nested":{"deep":{"x":1}}} x`,
		strings.Repeat("[", 20_000), "\ufeff{}",
	} {
		f.Add([]byte(seed), "application/json")
	}
	f.Add([]byte(`{}`), "application/json; charset=\"utf-8")
	f.Add([]byte(`{}`), "application/x+json;a=b")
	type body struct {
		Name   string         `json:"name"`
		Age    int8           `json:"age"`
		Tags   []string       `json:"tags"`
		Nested map[string]any `json:"nested"`
	}
	app, log := newApp(weft.WithLimit(64 << 10))
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in body) (body, error) { return in, nil }))
	srv, err := app.Build(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte, mediaType string) {
		hr := httptest.NewRequest("POST", "/x", strings.NewReader(string(content)))
		hr.Header["Content-Type"] = []string{mediaType}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, hr)
		if w.Code == http.StatusOK {
			return
		}
		if w.Code < 400 || w.Code >= 500 || len(log.errors()) > 0 {
			t.Fatalf("status %d", w.Code)
		}
		var problem map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Body.Len() > 1000 {
			t.Fatalf("%d bytes, %v: %.200s", w.Body.Len(), err, w.Body)
		}
	})
}

// No header that a stage sets can add another, whatever its name and value.
func FuzzResponseHeader(f *testing.F) {
	f.Add("X-A", "v")
	f.Add("X-A", "v\r\nX-Injected: w")
	f.Add("X-A: w\r\nX-Injected", "v")
	f.Add("content-length", "99")
	f.Add("Transfer-Encoding", "chunked")
	f.Fuzz(func(t *testing.T, name, value string) {
		resp := weft.Text("body").WithHeader(name, value).WithAddedHeader(name, value)
		app, _ := newApp()
		app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (weft.Response, error) { return resp, nil }))
		srv, err := app.Build(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
		if resp.Err() != nil {
			if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "body") {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			return
		}
		for key, values := range w.Header() {
			if key != http.CanonicalHeaderKey(name) && key != "Content-Type" && key != "Content-Length" {
				t.Fatalf("%q: %q", key, values)
			}
			if strings.ContainsAny(strings.Join(values, "")+key, "\r\n\x00") {
				t.Fatalf("%q: %q", key, values)
			}
		}
	})
}
