package weft

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// member is the value of an object's member, or a list's element, or nil.
func member(value jsontext.Value, token string) jsontext.Value {
	dec := jsontext.NewDecoder(strings.NewReader(string(value)), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	start, err := dec.ReadToken()
	if err != nil || start.Kind() != '{' && start.Kind() != '[' {
		return nil
	}
	for i := 0; ; i++ {
		name := fmt.Sprint(i)
		if start.Kind() == '{' {
			key, err := dec.ReadToken()
			if err != nil || key.Kind() == '}' {
				return nil
			}
			name = key.String()
		}
		inner, err := dec.ReadValue()
		if err != nil {
			return nil
		}
		if name == token {
			return inner.Clone()
		}
	}
}

// pointed is the value that a JSON Pointer leads to, or nil; parent is the one that holds it.
func pointed(body []byte, p jsontext.Pointer) (value, parent jsontext.Value) {
	value = jsontext.Value(body)
	for token := range p.Tokens() {
		if parent, value = value, member(value, token); value == nil {
			return nil, parent
		}
	}
	return value, parent
}

// Wherever a body is wrong, the pointer in the answer leads to it: the value
// is there, or it is a required member that is not.
func FuzzPointers(f *testing.F) {
	for _, seed := range []string{
		`{"name":"","sizes":{"a.b":{"name":"x"}},"list":[{"name":"ab"},{"name":"a"}]}`, `{"sizes":{"a/b~c":{"name":""},"]":{"name":"x"},"a].Name":{"name":"y"}}}`,
		`{"name":"ab","sizes":{"":{}}}`, `{"list":[{"name":5}]}`, `{"list":[{"more":1}]}`, `{"list":[null,{}]}`, `{"name":"a","name":"b"}`, `{"deep":[[],[{"name":"a"}]]}`,
		`{"count":300}`, `{"count":-1}`, `{"name":"ab","opt":{"name":""}}`, `{"name":"ab","opt":null}`, "{\"name\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	type named struct {
		Name string `json:"name" validate:"required,min=2"`
	}
	type body struct {
		named
		Count int8             `json:"count" validate:"gte=0"`
		List  []named          `json:"list" validate:"dive"`
		Deep  [][]*named       `json:"deep" validate:"dive,dive"`
		Sizes map[string]named `json:"sizes" validate:"dive"`
		Opt   Opt[named]       `json:"opt"`
	}
	app := New()
	var broken []FieldError
	app.Use(OnError("see", func(_ *Request, resp Response, err error) Response {
		if rejected, ok := err.(*InvalidRequest); ok {
			broken = rejected.Fields
		}
		return resp
	}))
	app.Handle("POST /x", Handle(func(_ context.Context, in body) (body, error) { return in, nil }))
	srv, err := app.Build(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content string) {
		broken = nil
		hr := httptest.NewRequest("POST", "/x", strings.NewReader(content))
		hr.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, hr)
		if w.Code == http.StatusOK {
			if _, err := json.Marshal(jsontext.Value(content)); err != nil {
				t.Fatalf("not JSON, and accepted: %v", err)
			}
			return
		}
		if w.Code != http.StatusBadRequest && w.Code != http.StatusUnprocessableEntity || len(broken) == 0 {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		for _, f := range broken {
			if f.Source != SourceBody || w.Code == http.StatusBadRequest && f.Code == CodeInvalidJSON {
				continue // text that is not JSON has no values to point to
			}
			value, parent := pointed([]byte(content), jsontext.Pointer(f.Pointer))
			missing := f.Code == CodeRequired || f.Code == CodeBodyRequired
			unfinished := w.Code == http.StatusBadRequest // what is behind the mistake was not read
			if value == nil && !missing && !unfinished {
				t.Fatalf("%v leads nowhere in %s", f, content)
			}
			if value != nil && value.Kind() != 'n' && f.Code == CodeRequired {
				t.Fatalf("%v is there in %s", f, content)
			}
			if value == nil && missing && f.Pointer != "" && parent.Kind() != '{' && parent.Kind() != 'n' {
				t.Fatalf("%v is missing in nothing that could have it: %s", f, content)
			}
		}
	})
}
