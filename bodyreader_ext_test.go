package weft_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// measured says what a reader yields, to its end.
func measured(from io.Reader) (string, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, from)
	return fmt.Sprintf("%d %x", n, sum.Sum(nil)[:4]), err
}

func TestABodyThatIsReadAsItComes(t *testing.T) {
	type in struct {
		Name string    `query:"name"`
		Body io.Reader `body:"raw"`
	}
	const limit = 1 << 20
	app, log := newApp(weft.WithLimit(limit))
	app.Handle("PUT /field", weft.Handle(func(_ context.Context, in in) (string, error) { return measured(in.Body) }))
	app.Handle("PUT /extractor", weft.Handle(func(_ context.Context, body io.Reader) (string, error) { return measured(body) }).Extract(weft.BodyReader()))
	app.Handle("PUT /signed", weft.Handle(func(_ context.Context, in in) (string, error) { return measured(in.Body) }).
		Guard(weft.NewGuard("signature", func(r *weft.Request) error { _, err := r.Body(); return err }, weft.ReadsBody())))
	app.Handle("PUT /secret", weft.Handle(func(_ context.Context, body io.Reader) (string, error) { return measured(body) }).Extract(weft.BodyReader()).
		Guard(weft.NewGuard("secret", func(r *weft.Request) error { _, err := weft.BodyReader().Extract(r); return err })))
	app.Handle("PUT /unread", weft.Handle(func(context.Context, in) (string, error) { return "unread", nil }))
	site := serve(t, app)
	for _, path := range []string{"/field", "/extractor", "/signed"} {
		for _, size := range []int{0, 1, 4096, limit} {
			body := strings.Repeat("x", size)
			want, _ := measured(strings.NewReader(body))
			for _, header := range []string{"Content-Type: application/json", "Content-Type: application/x; charset=z", "Content-Encoding: gzip"} {
				got := site.send("PUT", path, body, header)
				assert.Equal(t, `"`+want+`"`, got.body, "%s %d", path, size)
			}
			if size <= 4096 {
				assert.Contains(t, raw(t, site, chunkedPut(path, body)), `"`+want+`"`, "%s %d, chunked", path, size)
			}
		}
		got, err := site.try("PUT", path, strings.Repeat("x", limit+1))
		if err == nil {
			assertProblem(t, got, 413)
		}
		answer := raw(t, site, chunkedPut(path, strings.Repeat("x", limit+1)))
		assert.Contains(t, answer, "HTTP/1.1 413", "a length that is not known before")
		assert.Contains(t, answer, `"source":"body","pointer":"","code":"body_too_large"`)
	}
	assert.Equal(t, `"unread"`, site.send("PUT", "/unread", "x").body)
	assert.Empty(t, log.errors())
	assertProblem(t, site.send("PUT", "/secret", "x"), 500)
	assert.Len(t, log.errors(), 1, "the guard has not said that it reads the body")
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.Equal(t, []string{"*/*"}, plan.Routes[0].Consumes)
	assert.Equal(t, []weft.ReadInfo{{Source: weft.SourceQuery, Name: "name", Form: "string"}, {Source: weft.SourceBody, Form: "raw"}}, plan.Routes[0].Reads)
}

func chunkedPut(path, body string) string {
	return strings.Replace(chunkedPost(path, "Content-Type: text/x", body), "POST", "PUT", 1)
}

// The handler has the beginning before the client has sent the end, and hears where that never comes.
func TestABodyThatIsReadWhileItIsSent(t *testing.T) {
	app, log := newApp()
	began, failed := make(chan string), make(chan error, 1)
	app.Handle("PUT /x", weft.Handle(func(_ context.Context, body io.Reader) (string, error) {
		head := make([]byte, 5)
		if _, err := io.ReadFull(body, head); err != nil {
			return "", err
		}
		began <- string(head)
		rest, err := io.ReadAll(body)
		failed <- err
		return string(rest), err
	}).Extract(weft.BodyReader()))
	site := serve(t, app)
	for _, ends := range []bool{true, false} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(site.url, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(conn, "PUT /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhello")
		require.NoError(t, err)
		assert.Equal(t, "hello", <-began)
		if !ends {
			require.NoError(t, conn.Close())
			err := <-failed
			assert.Equal(t, "400 invalid request: body: body_unreadable", rejection(t, err))
			continue
		}
		_, err = io.WriteString(conn, "world")
		require.NoError(t, err)
		require.NoError(t, <-failed)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Contains(t, string(answer), `"world"`)
		require.NoError(t, conn.Close())
	}
	assert.Empty(t, log.errors())
}

// Who asks for the bytes of a body that was handed on is told so, and nobody gets half of it.
func TestABodyThatWasHandedOnIsNotKept(t *testing.T) {
	app, _ := newApp()
	asked := make(chan error, 2)
	var kept io.Reader
	app.Intercept(weft.Before("asks", func(r *weft.Request) error {
		_, err := r.Body()
		asked <- err
		_, err = weft.BodyReader().Extract(r)
		asked <- err
		return nil
	}))
	app.Handle("PUT /x", weft.Handle(func(_ context.Context, body io.Reader) (string, error) {
		kept = body
		text, err := io.ReadAll(io.LimitReader(body, 2))
		return string(text), err
	}).Extract(weft.BodyReader()))
	site := serve(t, app)
	assert.Equal(t, `"he"`, site.send("PUT", "/x", "hello").body)
	for range 2 {
		require.ErrorContains(t, <-asked, "handed on")
	}
	_, err := kept.Read(make([]byte, 1))
	require.Error(t, err, "the request is over")
	assert.True(t, errors.Is(err, http.ErrBodyReadAfterClose) || strings.Contains(err.Error(), "body_unreadable"), "%v", err)
}
