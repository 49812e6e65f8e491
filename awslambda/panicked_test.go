package awslambda

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type fault struct{}

// No panic gets out of a Server. One that did would be told as the runtime tells those of plain functions.
func TestAPanicIsToldAsTheRuntimeTellsIt(t *testing.T) {
	for value, kind := range map[any]string{"x": "string", errors.New("x"): "errorString", fault{}: "fault", &fault{}: "fault"} {
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(value) })
		var told messages.InvokeResponse_Error
		require.ErrorAs(t, serve(h, httptest.NewRecorder(), nil), &told)
		assert.Equal(t, kind, told.Type)
		assert.Contains(t, told.StackTrace[0].Label, "TestAPanicIsToldAsTheRuntimeTellsIt")
	}
	assert.Equal(t, errAborted, serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), nil, nil))
}
