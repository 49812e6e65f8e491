package weft_test

// Wrong declarations of forms and merge patches, whose lines are in a golden file: a change here changes that.

import (
	"io"
	"mime/multipart"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type onlyPatch struct {
	A address `body:"merge-patch"`
}

func wrongForms() *weft.App {
	app := weft.New(weft.WithForms(weft.FormOptions{Memory: -1}))

	app.Handle("GET /80", weft.Handle(takes[struct {
		A string `form:"a"`
	}]))
	app.Handle("HEAD /81", weft.Handle(takes[weft.Upload]).Extract(weft.FormFile("a")))
	app.Handle("POST /82", weft.Handle(takes[struct {
		A address `body:"json"`
		B string  `form:"b"`
		C string  `form:"c"`
	}]))
	app.Handle("POST /83", weft.Handle(takes[struct {
		A string `form:"a"`
		B []byte `body:"raw"`
	}]))
	app.Handle("POST /84", weft.Handle(takes[struct {
		A struct {
			B string `form:"b"`
		} `body:"form"`
		C weft.Upload `file:"c"`
	}]))
	app.Handle("POST /85", weft.Handle(takes[struct {
		A string      `form:"a"`
		B weft.Upload `file:"a"`
		C []string    `form:"a"`
	}]))
	app.Handle("POST /86", weft.Handle(takes[struct {
		A weft.Upload           `form:"a"`
		B *multipart.FileHeader `file:"b"`
		C string                `file:"c"`
		D []*weft.Upload        `file:"d"`
		E map[string]string     `form:"e"`
		F address               `form:"f"`
	}]))
	app.Handle("POST /87", weft.Handle(takes[struct {
		A weft.Upload `file:"a,requird"`
		B weft.Upload `file:"b" default:"c"`
		C weft.Upload `file:""`
		D string      `form:""`
		E string      `form:"e,requird"`
		F int         `form:"f" default:"g"`
		g weft.Upload `file:"g"`
	}]))
	app.Handle("POST /88", weft.Handle(takes[struct {
		A address `body:"form"`
	}]))
	app.Handle("POST /89", weft.Handle(takes[struct {
		A *address `body:"multipart"`
		B struct {
			C string  `form:"c"`
			D int     `query:"d"`
			E address `body:"json"`
		} `body:"form"`
	}]))
	app.Handle("POST /90", weft.Handle(takes[struct {
		Name  string
		Photo weft.Upload
	}]))
	app.Handle("POST /91", weft.Handle(takes[map[string]string]).Extract(weft.FormValue[map[string]string]("a")))
	app.Handle("POST /92", weft.Handle(takes[struct {
		A weft.Upload `file:"a,max=5MB"`
		B weft.Upload `file:"b,max=0"`
		C weft.Upload `file:"c,max=-1KiB,required"`
		D weft.Upload `file:"d,max="`
	}]))
	app.Handle("POST /93", weft.Handle(takes[struct {
		A struct {
			B string `Form:"b"`
			C string `FILE:"c"`
			D string `form:"d"`
		} `body:"form"`
	}]))
	app.Handle("POST /94", weft.Handle(takes[struct {
		A io.ReadCloser `body:"raw"`
	}]))

	app.Handle("POST /99", weft.Handle(takes[struct {
		A weft.Upload `file:"a,max=1MiB"`
		B weft.Upload `file:"b,max=1048577"`
	}]))
	app.Handle("POST /100", weft.Handle(takes[struct {
		A weft.Upload `file:"a,max=1GiB"`
	}]).Limit(1<<29))

	// Merge patches.
	app.Handle("PATCH /95", weft.Handle(takes[struct {
		A []address `body:"merge-patch"`
	}]))
	app.Handle("PATCH /96", weft.Handle(takes[struct {
		A struct {
			Name  string                   `json:"name"`
			Home  weft.Opt[address]        `json:"home"`
			Sizes weft.Opt[map[string]int] `json:"sizes"`
			Tags  weft.Opt[[]address]      `json:"tags"`
			Notes weft.Opt[map[string]any] `json:"notes"`
			Born  weft.Opt[time.Time]      `json:"born"`
			embedded
		} `body:"merge-patch"`
	}]))
	app.Handle("PATCH /98", weft.Handle(takes[onlyPatch]).Extract(weft.Struct[onlyPatch]()))
	app.Handle("PATCH /97", weft.Handle(takes[address]).Extract(weft.MergePatchBody[address]()))
	return app
}

func TestLaw8EveryMistakeOfAFormIsReportedTogether(t *testing.T) {
	_, err := wrongForms().Plan()
	require.Error(t, err)
	golden(t, "form_mistakes.txt", err.Error()+"\n")
}

func TestFormsThatAreRightAreNotRefused(t *testing.T) {
	app, _ := newApp()
	for pattern, h := range map[string]weft.Endpoint{
		"/any": weft.Handle(takes[struct {
			A string `form:"a"`
		}]),
		"DELETE /delete": weft.Handle(takes[struct {
			A string `form:"a"`
			B string `query:"a"`
		}]),
		"PUT /photo": weft.Handle(takes[photos]),
		"PATCH /patch/{id}": weft.Handle(takes[struct {
			ID    string       `path:"id"`
			Patch profilePatch `body:"merge-patch"`
		}]),
	} {
		app.Handle(pattern, h)
	}
	build(t, app)
}
