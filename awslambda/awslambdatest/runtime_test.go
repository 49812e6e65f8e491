package awslambdatest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// address is where the API is.
func address(api *awslambdatest.RuntimeAPI) string {
	address, _ := strings.CutPrefix(api.Environment()[0], "AWS_LAMBDA_RUNTIME_API=")
	return address
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// half takes the next event, and answers it with the beginning of a chunked body.
func half(t *testing.T, api *awslambdatest.RuntimeAPI) (conn net.Conn) {
	resp, err := http.Get("http://" + address(api) + "/2018-06-01/runtime/invocation/next")
	if !assert.NoError(t, err) {
		return nil
	}
	_ = resp.Body.Close()
	conn, err = net.Dial("tcp", address(api))
	if assert.NoError(t, err) {
		_, _ = fmt.Fprintf(conn, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", resp.Header.Get("Lambda-Runtime-Aws-Request-Id"))
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn
}

// However many events wait, each waits as long as its context.
func TestInvokeHonoursItsContext(t *testing.T) {
	api := awslambdatest.NewRuntimeAPI(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	failed := make(chan error)
	for range 100 {
		go func() {
			_, err := api.Invoke(ctx, nil, awslambdatest.Invocation{})
			failed <- err
		}()
	}
	for range 100 {
		select {
		case err := <-failed:
			require.ErrorIs(t, err, context.DeadlineExceeded)
		case <-patience(t).Done():
			t.Fatal("an event still waits")
		}
	}
}

// A body that breaks off breaks off for who reads it too, and nothing reads any more when InvokeLive has returned.
func TestInvokeLiveEndsWithABrokenBody(t *testing.T) {
	api := awslambdatest.NewRuntimeAPI(t)
	go func() {
		if conn := half(t, api); conn != nil {
			_ = conn.Close()
		}
	}()
	var seen string
	var broken error
	result, err := api.InvokeLive(patience(t), nil, awslambdatest.Invocation{}, func(body io.Reader) {
		text, err := io.ReadAll(body)
		seen, broken = string(text), err
	})
	require.NoError(t, err)
	assert.Equal(t, "half", seen)
	require.ErrorIs(t, broken, io.ErrUnexpectedEOF)
	require.NotNil(t, result.Error)
	assert.Equal(t, "broken", result.Error.Type)
	assert.Equal(t, "half", result.Body)
}

func TestInvokeLiveEndsWithItsContext(t *testing.T) {
	api := awslambdatest.NewRuntimeAPI(t)
	ctx, cancel := context.WithCancel(patience(t))
	go half(t, api)
	_, err := api.InvokeLive(ctx, nil, awslambdatest.Invocation{}, func(body io.Reader) {
		_, _ = io.ReadFull(body, make([]byte, 4))
		cancel()
		_, _ = io.ReadAll(body)
	})
	require.ErrorIs(t, err, context.Canceled)
}

// What is read of a body does not have to be all of it.
func TestInvokeLiveReadsWhatIsLeft(t *testing.T) {
	api := awslambdatest.NewRuntimeAPI(t)
	go func() {
		if conn := half(t, api); conn != nil {
			_, _ = io.WriteString(conn, "4\r\n and\r\n0\r\n\r\n")
		}
	}()
	result, err := api.InvokeLive(patience(t), nil, awslambdatest.Invocation{}, func(io.Reader) {})
	require.NoError(t, err)
	assert.Nil(t, result.Error)
	assert.Equal(t, "half and", result.Body)
}
