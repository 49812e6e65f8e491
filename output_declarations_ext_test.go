package weft_test

// Wrong declarations of answers, whose lines are in a golden file: a change here changes that.

import (
	"context"
	"net/http"
	"time"

	"github.com/weft-go/weft"
)

// gives makes a handler of a Resp that is never called.
func gives[Resp any](context.Context, struct{}) (resp Resp, _ error) { return resp, nil }

type traced struct {
	Trace string `header:"X-Trace"`
}

type Moment struct{ time.Time }

func wrongOutput() *weft.App {
	app := weft.New()

	// Targets.
	app.Handle("GET /1", weft.Handle(gives[struct {
		A string `header:"A"`
		B string
	}]))
	app.Handle("GET /2", weft.Handle(gives[struct {
		A string `header:"A" cookie:"a"`
	}]))
	app.Handle("GET /3", weft.Handle(gives[struct {
		A string `header:"A" query:"a"`
	}]))
	app.Handle("GET /4", weft.Handle(gives[struct {
		ID   int    `path:"id"`
		Page int    `query:"page"`
		Form string `form:"form"`
		File []byte `file:"file"`
		User string `value:""`
		Pool *int   `inject:""`
		Code int    `status:""`
	}]))
	app.Handle("GET /5", weft.Handle(gives[struct {
		A string `header:"A"`
		b string `header:"B"`
	}]))
	app.Handle("GET /6", weft.Handle(gives[struct {
		*traced
		Code int `status:""`
	}]))
	app.Handle("GET /7", weft.Handle(gives[struct{ *traced }]))
	app.Handle("GET /8", weft.Handle(gives[struct {
		Moment
		Code int `status:""`
	}]))
	app.Handle("GET /9", weft.Handle(gives[[]traced]))
	app.Handle("GET /10", weft.Handle(gives[**traced]))
	app.Handle("GET /11", weft.Handle(gives[*struct {
		A chan int `header:"A"`
	}]))

	// Status.
	app.Handle("GET /20", weft.Handle(gives[struct {
		Code string `status:""`
	}]))
	app.Handle("GET /21", weft.Handle(gives[struct {
		Code uint8 `status:""`
	}]))
	app.Handle("GET /22", weft.Handle(gives[struct {
		Code int `status:"404"`
	}]))
	app.Handle("GET /23", weft.Handle(gives[struct {
		Code int `status:"created"`
	}]))
	app.Handle("GET /24", weft.Handle(gives[struct {
		Code int `status:"201"`
	}]).Status(202))
	app.Handle("GET /25", weft.Handle(gives[struct {
		Code  int `status:""`
		Again int `status:""`
	}]))
	app.Handle("GET /26", weft.Handle(gives[struct {
		Code int `status:"201,omitzero" default:"200"`
	}]))
	app.Handle("GET /27", weft.Handle(gives[struct {
		Code int `status:""`
	}]).Status(500))

	// Header fields.
	app.Handle("GET /30", weft.Handle(gives[struct {
		A string `header:""`
		B string `header:"b c"`
	}]))
	app.Handle("GET /31", weft.Handle(gives[struct {
		traced
		A string `header:"x-trace"`
	}]))
	app.Handle("GET /32", weft.Handle(gives[struct {
		A string `header:"A,required"`
	}]))
	app.Handle("GET /33", weft.Handle(gives[struct {
		A map[string]string `header:"A"`
		B any               `header:"B"`
		C [][]string        `header:"C"`
		D **int             `header:"D"`
		E []*int            `header:"E"`
		F traced            `header:"F"`
		G weft.Opt[error]   `header:"G"`
	}]))
	app.Handle("GET /34", weft.Handle(gives[struct {
		A string `header:"A,csv"`
	}]))
	app.Handle("GET /35", weft.Handle(gives[struct {
		A string    `header:"A" layout:"2006"`
		B time.Time `header:"B" layout:"yesterday"`
		C string    `header:"C" default:"c"`
	}]))
	app.Handle("GET /36", weft.Handle(gives[struct {
		A []time.Time `header:"A,csv"`
		B []string    `header:"Set-Cookie,csv"`
		C []string    `header:"Content-Type"`
	}]))
	app.Handle("GET /37", weft.Handle(gives[struct {
		A int64  `header:"content-length"`
		B string `header:"Transfer-Encoding"`
	}]))

	// Cookies.
	app.Handle("GET /40", weft.Handle(gives[struct {
		A string `cookie:""`
		B string `cookie:"b=c"`
	}]))
	app.Handle("GET /41", weft.Handle(gives[struct {
		A string       `cookie:"a"`
		B *http.Cookie `cookie:"a"`
	}]))
	app.Handle("GET /42", weft.Handle(gives[struct {
		A int            `cookie:"a"`
		B []*http.Cookie `cookie:"b"`
	}]))
	app.Handle("GET /43", weft.Handle(gives[struct {
		A string `cookie:"a,omitzero" layout:"2006"`
	}]))

	// Bodies.
	app.Handle("GET /50", weft.Handle(gives[struct {
		A person `body:"json"`
		B person `body:"json"`
	}]))
	app.Handle("GET /51", weft.Handle(gives[struct {
		A person `body:"yaml"`
	}]))
	app.Handle("GET /52", weft.Handle(gives[struct {
		A []byte `body:"text"`
	}]))
	app.Handle("GET /53", weft.Handle(gives[struct {
		A string `body:"raw"`
	}]))
	app.Handle("GET /54", weft.Handle(gives[struct {
		A map[string]chan int `body:"json"`
	}]))
	app.Handle("GET /55", weft.Handle(gives[struct {
		A person `body:"json,omitzero"`
	}]))

	// Several of one struct.
	app.Handle("GET /60", weft.Handle(gives[struct {
		Code string   `status:"1"`
		A    chan int `header:"A,b"`
		B    int      `cookie:"b"`
		C    func()   `body:"json"`
	}]))
	return app
}
