package awslambda_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
)

// direct is a server whose answer to Direct("go") is a Response.
func direct(t testing.TB, respond func(ctx context.Context) weft.Response, opts ...weft.Option) *weft.Server {
	t.Helper()
	app := quiet(opts...)
	app.On(awslambda.Direct("go"), weft.Handle(func(ctx context.Context, _ any) (weft.Response, error) { return respond(ctx), nil }))
	return build(t, app)
}

const goEvent = `{"action":"go"}`

// What Lambda takes is JSON: any other result becomes a text of it.
func TestResultsAreJSON(t *testing.T) {
	type result struct {
		ID int `json:"id"`
	}
	for name, c := range map[string]struct {
		resp weft.Response
		want string
	}{
		"a value":         {weft.JSON(result{7}), `{"id":7}`},
		"a problem's":     {weft.Bytes("application/vnd.shop+json; charset=utf-8", []byte(`[1]`)), `[1]`},
		"created":         {weft.JSON(result{7}).WithStatus(201).WithHeader("Location", "/7"), `{"id":7}`},
		"a text":          {weft.Text("tea \"&\u2028\n"), "\"tea \\\"&\u2028\\n\""},
		"binary":          {weft.Bytes("image/png", []byte{0x89, 'P', 0xff}), `"` + base64.StdEncoding.EncodeToString([]byte{0x89, 'P', 0xff}) + `"`},
		"nothing":         {weft.Empty(), `null`},
		"an empty text":   {weft.Text(""), `null`},
		"no media type":   {weft.Bytes("", []byte("x")), `"x"`},
		"a redirect":      {weft.Redirect(http.StatusSeeOther, "/"), `null`},
		"a handler's own": {weft.Raw(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("raw")) })), `"raw"`},
	} {
		answer, err := awslambda.Handle(t.Context(), direct(t, func(context.Context) weft.Response { return c.resp }), []byte(goEvent))
		require.NoError(t, err, name)
		assert.Equal(t, c.want, string(answer), name)
	}
	_, err := awslambda.Handle(t.Context(), direct(t, func(context.Context) weft.Response { return weft.Bytes("application/json", []byte(`{`)) }), []byte(goEvent))
	assert.Equal(t, "Weft.InvalidAnswer", errorType(t, err))
	assert.ErrorContains(t, err, "Content-Type is JSON, and its body is none")
}

func TestResultsHaveALimit(t *testing.T) {
	large := weft.Text(strings.Repeat("x", 6<<20-2))
	answer, err := awslambda.Handle(t.Context(), direct(t, func(context.Context) weft.Response { return large }), []byte(goEvent))
	require.NoError(t, err)
	assert.Len(t, answer, 6<<20)
	for _, resp := range []weft.Response{weft.Text(strings.Repeat("x", 6<<20-1)), weft.Text(strings.Repeat("\n", 4<<20)), weft.Bytes("image/png", []byte(strings.Repeat("\xff", 5<<20)))} {
		_, err = awslambda.Handle(t.Context(), direct(t, func(context.Context) weft.Response { return resp }), []byte(goEvent))
		assert.Equal(t, "Weft.InvalidAnswer", errorType(t, err))
	}
	_, err = awslambda.Handle(t.Context(), direct(t, func(context.Context) weft.Response { return weft.Text(strings.Repeat("x", 20000)) }), []byte(goEvent), awslambda.AnswerLimit(20001))
	assert.Equal(t, "Weft.InvalidAnswer", errorType(t, err), "the limit of one's own")

	app := quiet()
	app.On(awslambda.Direct("go"), weft.Handle(func(context.Context, any) (weft.Stream[string], error) {
		return func(yield func(string, error) bool) {
			for yield(strings.Repeat("x", 1<<20), nil) {
			}
		}, nil
	}))
	_, err = awslambda.Handle(t.Context(), build(t, app), []byte(goEvent))
	require.Error(t, err, "a stream without an end")
	assert.NotEmpty(t, awslambda.ErrorType(err))
}

// The error of an invocation has the name that the problem has, whatever the form of errors.
func TestErrorsOfInvocations(t *testing.T) {
	for name, c := range map[string]struct {
		resp       weft.Response
		kind, says string
	}{
		"a code":          {weft.Fail(&weft.Error{Status: 404, Code: "order_not_found", Detail: "There is none."}), "order_not_found", "There is none."},
		"an unknown one":  {weft.Fail(errors.New("a secret")), "internal", "Internal Server Error"},
		"of one's own":    {weft.Text("no way").WithStatus(418), "Status418", "no way"},
		"another form":    {weft.JSON([]int{1}).WithStatus(400), "Status400", "[1]"},
		"without a body":  {weft.Empty().WithStatus(503), "Status503", ""},
		"no text of code": {weft.JSON(map[string]any{"code": 7}).WithStatus(409), "Status409", `{"code":7}`},
	} {
		for form, opts := range map[string][]weft.Option{"problem": nil, "envelope": {weft.WithErrorFormat(weft.ErrorEnvelope)}} {
			_, err := awslambda.Handle(t.Context(), direct(t, func(context.Context) weft.Response { return c.resp }, opts...), []byte(goEvent))
			assert.Equal(t, c.kind, errorType(t, err), "%s as %s", name, form)
			var e messages.InvokeResponse_Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Message, c.says)
			assert.NotContains(t, e.Message, "secret")
		}
	}
	app := quiet()
	app.On(awslambda.Direct("go"), weft.Handle(func(_ context.Context, in struct {
		Action string `json:"action"`
		N      int    `json:"n" validate:"min=1"`
	}) (string, error) {
		return "", nil
	}))
	srv := build(t, app)
	for event, kind := range map[string]string{`{"action":"go","n":0}`: "validation_failed", `{"action":"go","n":"x"}`: "invalid_request"} {
		_, err := awslambda.Handle(t.Context(), srv, []byte(event))
		assert.Equal(t, kind, errorType(t, err), event)
	}
}

func TestInvocationsThatUnwind(t *testing.T) {
	for how, c := range map[string]struct {
		do   func()
		kind string
	}{
		"panic":  {func() { panic("oh") }, "internal"},
		"abort":  {func() { panic(http.ErrAbortHandler) }, "Weft.Aborted"},
		"goexit": {runtime.Goexit, "Weft.Unwound"},
	} {
		_, err := awslambda.Handle(t.Context(), direct(t, func(context.Context) weft.Response { c.do(); return weft.Empty() }), []byte(goEvent))
		assert.Equal(t, c.kind, errorType(t, err), how)
	}
}

// The member that names the route may be another.
func TestDirectMember(t *testing.T) {
	srv, all := listening(t, awslambda.Direct("go"), awslambda.Direct("a/b"), awslambda.Direct("*"))
	for _, c := range []struct {
		event, route string
		opts         []awslambda.Option
	}{
		{`{"action":"go"}`, "Direct go", nil},
		{`{"action":"\u0067o"}`, "Direct go", nil},
		{`{"action":"a/b"}`, "Direct a/b", nil},
		{`{"action":"Go"}`, "Direct *", nil},
		{`{"Action":"go"}`, "Direct *", nil},
		{`{"action":["go"]}`, "Direct *", nil},
		{`{"action":""}`, "Direct *", nil},
		{`{"do":"go"}`, "Direct *", nil},
		{`"go"`, "Direct *", nil},
		{`{"do":"go","action":"x"}`, "Direct go", []awslambda.Option{awslambda.DirectMember("do")}},
		{`{"action":"go"}`, "Direct *", []awslambda.Option{awslambda.DirectMember("do")}},
	} {
		*all = nil
		_, err := awslambda.Handle(t.Context(), srv, []byte(c.event), c.opts...)
		require.NoError(t, err)
		assert.Equal(t, []got{{c.route, c.event}}, *all)
	}
	named, _ := listening(t, awslambda.Direct("go"))
	_, err := awslambda.Handle(t.Context(), named, []byte(`{"action":"stop"}`))
	assert.Equal(t, "Weft.UnknownEvent", errorType(t, err))
	_, err = awslambda.New(named, awslambda.DirectMember(""))
	assert.ErrorContains(t, err, `DirectMember("") is no member of an event`)
}

// A trigger of Cognito is answered with its event, by the types of aws-lambda-go.
func TestTriggersOfOthers(t *testing.T) {
	app := quiet()
	app.On(awslambda.Direct("*"), weft.Handle(func(_ context.Context, e events.CognitoEventUserPoolsPreSignup) (events.CognitoEventUserPoolsPreSignup, error) {
		e.Response.AutoConfirmUser = e.Request.UserAttributes["email"] != ""
		return e, nil
	}))
	sample := strings.ReplaceAll(string(sampleEvent(t, "cognito-event-userpools-presignup")), `"autoConfirmUser": true`, `"autoConfirmUser": false`)
	answer, err := awslambda.Handle(t.Context(), build(t, app), []byte(sample))
	require.NoError(t, err)
	assert.Contains(t, string(answer), `"autoConfirmUser":true`)
}
