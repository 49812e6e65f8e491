package weft_test

import (
	"context"
	stdjson "encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// Buffers of bodies are used again, but never one that somebody was given.
func TestABodyThatWasGivenAwayIsNeverOverwritten(t *testing.T) {
	var mu sync.Mutex
	kept := map[string][]byte{}
	var late []*weft.Request
	app, _ := newApp()
	app.Use(weft.NewMiddleware("keep", func(r *weft.Request, next weft.Next) weft.Response {
		resp := next(r)
		mu.Lock()
		defer mu.Unlock()
		if r.Header().Get("X-Keep") == "" {
			late = append(late, r)
			return resp
		}
		body, err := r.Body() // read by the handler already
		assert.NoError(t, err)
		kept[string(append([]byte(nil), body...))] = body
		return resp
	}))
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in person) (string, error) { return in.Name, nil }))
	site := serve(t, app)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 50 {
				name := fmt.Sprintf("%d-%d-%s", worker, i, strings.Repeat("x", i))
				headers := []string{}
				if i%2 == 0 {
					headers = append(headers, "X-Keep: 1")
				}
				assert.Equal(t, `"`+name+`"`, site.send("POST", "/x", `{"name":"`+name+`"}`, headers...).body)
			}
		})
	}
	all.Wait()
	assert.Len(t, kept, 8*25)
	for then, now := range kept {
		assert.Equal(t, then, string(now))
	}
	_, err := late[0].Body()
	assert.ErrorContains(t, err, "the request is over")
}

// plainCodec is encoding/json as it is.
type plainCodec struct{}

func (plainCodec) Decode(body []byte, into any) error { return stdjson.Unmarshal(body, into) }
func (plainCodec) Encode(v any) ([]byte, error)       { return stdjson.Marshal(v) }

func TestACodecOfYourOwn(t *testing.T) {
	app, log := newApp(weft.WithJSON(weft.JSONOptions{Codec: plainCodec{}}))
	app.Handle("POST /plain", weft.Handle(func(_ context.Context, in person) ([]any, error) { return []any{in, []int(nil)}, nil }))
	app.Handle("POST /strict", weft.Handle(echo[person]).JSON(weft.JSONOptions{}))
	site := serve(t, app)
	assert.Equal(t, `[{"name":"a","age":0},null]`, site.send("POST", "/plain", `{"NAME":"a","more":1}`).body)
	got := site.send("POST", "/plain", `{"age":"x"}`)
	assertProblem(t, got, 400)
	assert.Equal(t, "body invalid_json", fieldErrors(t, got))
	assertProblem(t, site.send("POST", "/strict", `{"NAME":"a"}`), 400)
	assert.Empty(t, log.errors())
}

func TestACodecThatPanics(t *testing.T) {
	app, log := newApp(weft.WithJSON(weft.JSONOptions{Codec: brokenCodec{}}))
	app.Handle("POST /x", weft.Handle(echo[person]))
	app.Handle("GET /x", weft.Handle(func(context.Context, struct{}) (int, error) { return 1, nil }))
	site := serve(t, app)
	assertProblem(t, site.send("POST", "/x", `{}`), 500)
	assertProblem(t, site.send("GET", "/x", ""), 500)
	logged := log.errors()
	require.Len(t, logged, 2)
	assert.Contains(t, logged[0], "stage=extract")
	assert.Contains(t, logged[1], "stage=respond")
}

type brokenCodec struct{}

func (brokenCodec) Decode([]byte, any) error   { panic("cannot") }
func (brokenCodec) Encode(any) ([]byte, error) { panic("cannot") }
