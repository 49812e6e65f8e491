package nethttp_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// A form that was parsed on a copy of the request has its temporary files removed with the request: net/http looks only at
// the request that it has made itself.
func TestTemporaryFilesOfAFormAreRemoved(t *testing.T) {
	parse := func(hr *http.Request) {
		assert.NoError(t, hr.ParseMultipartForm(1))
		assert.NotEmpty(t, hr.MultipartForm.File["file"])
	}
	copying := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
			hr = hr.WithContext(context.WithValue(hr.Context(), http.ServerContextKey, nil))
			parse(hr)
			next.ServeHTTP(w, hr)
		})
	}
	empty := func(context.Context, *weft.Request) weft.Response { return weft.Empty() }
	raw := http.HandlerFunc(func(_ http.ResponseWriter, hr *http.Request) { parse(hr) })
	for name, declare := range map[string]func(app *weft.App){
		"by a middleware": func(app *weft.App) { app.Handle("POST /x", responding(empty).Use(weft.Std("parses", copying))) },
		"by a middleware within others": func(app *weft.App) {
			app.Use(weft.Std("through", through), weft.Std("parses", copying))
			app.Handle("POST /x", responding(empty).Use(weft.Std("again", through)))
		},
		"by a handler": func(app *weft.App) {
			app.Handle("POST /x", responding(func(context.Context, *weft.Request) weft.Response { return weft.Raw(raw) }))
		},
		"by a handler within middleware": func(app *weft.App) {
			app.Use(weft.Std("through", through), weft.Std("again", through))
			app.Mount("", raw)
		},
		"by a handler that panics": func(app *weft.App) {
			app.Use(weft.Std("through", through))
			app.Mount("", http.HandlerFunc(func(_ http.ResponseWriter, hr *http.Request) { parse(hr); panic(errSecret) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			app, _ := newApp()
			declare(app)
			site := http1.open(t, build(t, app))
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			part, err := form.CreateFormFile("file", "large")
			require.NoError(t, err)
			_, err = io.Copy(part, io.LimitReader(endlessZeros{}, 11<<20)) // 10 MiB of a form stay in memory
			require.NoError(t, err)
			require.NoError(t, form.Close())
			hr := site.request(t.Context(), "POST", "/x", &body)
			hr.Header.Set("Content-Type", form.FormDataContentType())
			site.do(hr)
			require.Eventually(t, func() bool {
				left, err := os.ReadDir(dir)
				return err == nil && len(left) == 0
			}, waitFor, 5*time.Millisecond)
		})
	}
}

type endlessZeros struct{}

func (endlessZeros) Read(p []byte) (int, error) { return len(p), nil }
