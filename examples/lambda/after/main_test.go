package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/lambdatest"
	"github.com/weft-go/weft/examples/lambda/internal/upstream"
)

// todos is the service that keeps the list: it answers with what it was sent, and an id.
func todos(t *testing.T) *httptest.Server {
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		if hr.Method != "POST" || hr.URL.Path != "/todos" || hr.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			http.NotFound(w, hr)
			return
		}
		assert.NoError(t, hr.ParseForm())
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"title": %q, "userId": %q, "completed": %q, "id": 201}`, hr.PostForm.Get("title"), hr.PostForm.Get("userId"), hr.PostForm.Get("completed"))
	}))
	t.Cleanup(ts.Close)
	return ts
}

// The answer of the handler, and the two fields of the middleware.
func check(t *testing.T, out, id string) {
	t.Helper()
	var answer struct {
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	took := answer.MultiValueHeaders["execution_time"]
	require.Len(t, took, 1, out)
	seconds, err := strconv.ParseFloat(took[0], 64)
	require.NoError(t, err)
	assert.True(t, seconds > 0 && seconds < 20, took[0])
	assert.JSONEq(t, fmt.Sprintf(`{
		"statusCode": 200,
		"body": "{\"todo\":{\"title\":\"foo\",\"userId\":\"1\",\"completed\":\"false\",\"id\":201}}",
		"isBase64Encoded": false,
		"multiValueHeaders": {"Content-Type": ["application/json"], "execution_time": [%q], "aws_request_id": [%q]}
	}`, took[0], id), out)
}

func TestTheAnswerGetsTwoFields(t *testing.T) {
	ts := todos(t)
	fn, err := function(t.Context(), services().With(weft.Override(&upstream.Service{URL: ts.URL, Client: ts.Client()})))
	require.NoError(t, err)
	out, err := lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{RequestID: "request 7"})
	require.NoError(t, err)
	check(t, out, "request 7")

	out, err = lambdatest.Invoke(t, fn, []byte(`{"path":"/nowhere","httpMethod":"GET"}`), lambdatest.Invocation{})
	require.NoError(t, err)
	assert.Contains(t, out, `"statusCode":404`)
	assert.Contains(t, out, `"execution_time":`, "every answer does")
	out, err = lambdatest.Invoke(t, fn, []byte(strings.Replace(string(lambdatest.Event(t)), `"{`, `"`, 1)), lambdatest.Invocation{})
	require.NoError(t, err)
	assert.Contains(t, out, `"statusCode":400`)
	ts.Close()
	_, err = lambdatest.Invoke(t, fn, lambdatest.Event(t), lambdatest.Invocation{})
	require.ErrorContains(t, err, "adding a todo")
}

func TestAsAProgram(t *testing.T) {
	p := lambdatest.Start(t, "UPSTREAM_URL="+todos(t).URL)
	answer := p.Invoke(t, lambdatest.Event(t), lambdatest.Invocation{RequestID: "56d1a102"})
	require.Nil(t, answer.Error)
	check(t, answer.Body, "56d1a102")
}
