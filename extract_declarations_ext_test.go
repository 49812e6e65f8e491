package weft_test

// Wrong declarations of extraction, whose lines are in a golden file: a change here changes that.

import (
	"context"
	"time"

	"github.com/weft-go/weft"
)

// takes makes a handler of a Req that is never called.
func takes[Req any](context.Context, Req) (string, error) { return "", nil }

type address struct {
	City string `json:"city" validate:"required"`
}

type recursive struct {
	Name     string       `json:"name" validate:"requird"`
	Children []*recursive `json:"children" validate:"dive"`
}

type embedded struct {
	Tag string `query:"tag"`
}

func wrongExtraction() *weft.App {
	app := weft.New()

	// Sources.
	app.Handle("GET /1", weft.Handle(takes[struct {
		ID string `path:"id"`
	}]))
	app.Handle("GET /2", weft.Handle(takes[struct {
		A string `query:"a" header:"A"`
	}]))
	app.Handle("GET /3", weft.Handle(takes[struct {
		A string `query:""`
	}]))
	app.Handle("GET /4", weft.Handle(takes[struct {
		A string `query:"a"`
		B string `query:"a"`
	}]))
	app.Handle("GET /5", weft.Handle(takes[struct {
		embedded
		Tag string `query:"tag"`
	}]))
	app.Handle("GET /6", weft.Handle(takes[struct {
		A string `query:"a"`
		b string `query:"b"`
	}]))
	app.Handle("GET /7", weft.Handle(takes[struct {
		A string `query:"a"`
		B string
	}]))
	app.Handle("GET /8", weft.Handle(takes[struct {
		*embedded
		A string `query:"a"`
	}]))
	app.Handle("GET /9", weft.Handle(takes[struct {
		A string `header:"a b"`
		B string `cookie:"c=d"`
	}]))
	app.Handle("GET /10", weft.Handle(takes[struct {
		A string `query:"a,requird"`
	}]))
	app.Handle("POST /11", weft.Handle(takes[struct {
		File []byte `file:"file"`
	}]))

	// Types.
	app.Handle("GET /20", weft.Handle(takes[struct {
		A map[string]string `query:"a"`
	}]))
	app.Handle("GET /21", weft.Handle(takes[struct {
		A address `query:"a"`
	}]))
	app.Handle("GET /22", weft.Handle(takes[struct {
		A any `header:"A"`
	}]))
	app.Handle("GET /23/{ids}", weft.Handle(takes[struct {
		IDs []int `path:"ids"`
	}]))
	app.Handle("GET /24/{id}", weft.Handle(takes[struct {
		ID weft.Opt[int] `path:"id"`
	}]))
	app.Handle("GET /25", weft.Handle(takes[struct {
		A string `query:"a,csv"`
	}]))
	app.Handle("GET /26", weft.Handle(takes[struct {
		A string    `query:"a" layout:"2006"`
		B time.Time `query:"b" layout:"yesterday"`
	}]))

	// Defaults.
	app.Handle("GET /30", weft.Handle(takes[struct {
		A int8      `query:"a" default:"300"`
		B []int     `query:"b" default:"1,x"`
		C time.Time `query:"c" default:"now"`
	}]))
	app.Handle("GET /31", weft.Handle(takes[struct {
		A int `query:"a,required" default:"1"`
	}]))
	app.Handle("GET /32", weft.Handle(takes[struct {
		A weft.Opt[int] `query:"a" default:"1"`
	}]))

	// Bodies.
	app.Handle("POST /40", weft.Handle(takes[struct {
		A address `body:"json"`
		B address `body:"json"`
	}]))
	app.Handle("POST /41", weft.Handle(takes[struct {
		A address `body:"yaml"`
	}]))
	app.Handle("POST /42", weft.Handle(takes[struct {
		A []byte `body:"text"`
	}]))
	app.Handle("POST /43", weft.Handle(takes[struct {
		A string `body:"raw"`
	}]))
	app.Handle("POST /44", weft.Handle(takes[struct {
		A chan int `body:"json"`
	}]))

	// Rules.
	app.Handle("POST /50", weft.Handle(takes[struct {
		Name string `json:"name" validate:"requird"`
	}]))
	app.Handle("POST /51", weft.Handle(takes[struct {
		Name string `json:"name" validate:"omitempty,min=abc"`
	}]))
	app.Handle("POST /52", weft.Handle(takes[struct {
		Name *struct {
			First string `json:"first" validate:"len=x"`
		} `json:"name"`
	}]))
	app.Handle("POST /53", weft.Handle(takes[struct {
		Names []string `json:"names" validate:"dive,required,email,max=many"`
	}]))
	app.Handle("POST /54", weft.Handle(takes[struct {
		Name string `json:"name" validate:"dive,required"`
	}]))
	app.Handle("POST /55", weft.Handle(takes[struct {
		Password string `json:"password"`
		Again    string `json:"again" validate:"eqfield=Pasword"`
	}]))
	app.Handle("POST /56", weft.Handle(takes[struct {
		Kind string `json:"kind"`
		Name string `json:"name" validate:"required_if=Kind"`
	}]))
	app.Handle("POST /57", weft.Handle(takes[[]recursive]))
	app.Handle("POST /58", weft.Handle(takes[struct {
		Home weft.Opt[struct {
			Street string `json:"street" validate:"mim=3"`
		}] `json:"home"`
	}]))
	app.Handle("POST /59", weft.Handle(takes[struct {
		Sizes map[string]int `json:"sizes" validate:"dive,keys,mim=1,endkeys,gte=0"`
	}]))
	app.Handle("POST /60", weft.Handle(takes[struct {
		Home address `json:"home" validate:"gte=3"`
	}]))

	// Extractors.
	app.Handle("GET /70", weft.Handle(takes[int]).Extract(weft.PathValue[int]("id")))
	app.Handle("GET /71", weft.Handle(takes[map[string]int]).Extract(weft.QueryValue[map[string]int]("a")))
	app.Handle("GET /72", weft.Handle(takes[weft.Opt[chan int]]).Extract(weft.Optional(weft.HeaderValue[chan int]("A"))))
	app.Handle("GET /73", weft.Handle(takes[int]).Extract(weft.Extractor[int]{}))
	return app
}
