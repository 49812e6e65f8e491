//go:build !race

package weft

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

type answer struct {
	N int `json:"n"`
}

// A route without a form costs what it would in an app that knows of none.
func TestLaw9FormsCostOtherRoutesNothing(t *testing.T) {
	type in struct {
		ID int `path:"id"`
		N  int `query:"n"`
	}
	type form struct {
		A string `form:"a"`
		F Upload `file:"f"`
	}
	other := func(app *App) *App {
		app.Handle("GET /x/{id}", Handle(func(_ context.Context, in in) (answer, error) { return answer{in.N}, nil }))
		app.Handle("POST /x/{id}", Handle(func(_ context.Context, in answer) (answer, error) { return in, nil }))
		return app
	}
	bare, full := other(New()), other(New(WithForms(FormOptions{Memory: 1, Fields: 5})))
	full.Handle("POST /form", Handle(func(context.Context, form) (struct{}, error) { return struct{}{}, nil }))
	without, with := budgetServer(t, bare), budgetServer(t, full)
	post := httptest.NewRequest("POST", "/x/7", nil)
	post.Header.Set("Content-Type", "application/json")
	post.ContentLength = 7
	get := httptest.NewRequest("GET", "/x/7?n=3", nil)
	assert.Equal(t, allocations(t, without, get, ""), allocations(t, with, get, ""))
	assert.Equal(t, allocations(t, without, post, `{"n":5}`), allocations(t, with, post, `{"n":5}`))
}

// An urlencoded form costs two allocations more than the same values in the query: the form, and its text.
func TestBudgetOfAForm(t *testing.T) {
	type query struct {
		N int  `query:"n"`
		B bool `query:"b"`
	}
	type form struct {
		N int  `form:"n"`
		B bool `form:"b"`
	}
	app := New()
	app.Handle("POST /query", Handle(func(_ context.Context, in query) (answer, error) { return answer{in.N}, nil }))
	app.Handle("POST /form", Handle(func(_ context.Context, in form) (answer, error) { return answer{in.N}, nil }))
	srv := budgetServer(t, app)
	const text = "n=5&b=true"
	asQuery := httptest.NewRequest("POST", "/query?"+text, nil)
	asForm := httptest.NewRequest("POST", "/form", nil)
	asForm.Header.Set("Content-Type", formType)
	asForm.ContentLength = int64(len(text))
	assert.Equal(t, allocations(t, srv, asQuery, "")+2, allocations(t, srv, asForm, text))
}

// A file costs what its part does, whatever its size: it is never in memory beyond what there is for it.
func TestBudgetOfAnUpload(t *testing.T) {
	app := New(WithForms(FormOptions{Memory: 1 << 10, TempDir: t.TempDir()}), WithLimit(64<<20))
	app.Handle("POST /x", Handle(func(_ context.Context, in struct {
		F Upload `file:"f"`
	}) (answer, error) {
		return answer{int(in.F.Size)}, nil
	}))
	srv := budgetServer(t, app)
	send := func(size int) testing.BenchmarkResult {
		return testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				hr := httptest.NewRequest("POST", "/x", io.MultiReader(
					strings.NewReader("--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n"), io.LimitReader(zeros{}, int64(size)), strings.NewReader("\r\n--b--\r\n")))
				hr.Header.Set("Content-Type", multipartType+"; boundary=b")
				srv.ServeHTTP(&quietWriter{http.Header{}}, hr)
			}
		})
	}
	small, large := send(16<<10), send(16<<20)
	assert.Less(t, large.AllocedBytesPerOp(), 4*small.AllocedBytesPerOp()+64<<10, "%d and %d bytes", small.AllocedBytesPerOp(), large.AllocedBytesPerOp())
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
