package weft_test

// Wrong declarations of streams, whose lines are in a golden file: a change here changes that.

import (
	"io"
	"time"

	"github.com/weft-go/weft"
)

type ownStream weft.Stream[point]

func wrongStreams() *weft.App {
	app := weft.New(weft.WithStreams(weft.Streams{
		Formats:   []weft.StreamFormat{"text/csv", weft.SSE, weft.SSE},
		FirstItem: -time.Second, Idle: -1,
	}))
	app.Handle("GET /1", weft.Handle(gives[weft.Stream[func()]]))
	app.Handle("GET /2", weft.Handle(gives[weft.Stream[*weft.Event[point]]]))
	app.Handle("GET /3", weft.Handle(gives[*weft.Stream[point]]))
	app.Handle("GET /4", weft.Handle(gives[ownStream]))
	app.Handle("GET /5", weft.Handle(gives[weft.Stream[point]]).
		Status(204))
	app.Handle("GET /6", weft.Handle(gives[io.Reader]).
		Status(205))
	app.Handle("GET /7", weft.Streaming(weft.Handle(gives[point]), weft.Streams{Idle: time.Second}))
	app.Handle("GET /8", weft.Streaming(weft.Handle(gives[weft.Stream[point]]), weft.Streams{
		Formats: []weft.StreamFormat{"yaml"}}))
	app.Handle("GET /9", weft.Handle(gives[weft.Stream[weft.Event[chan int]]]))
	app.Handle("GET /10", weft.Handle(gives[[]weft.Stream[point]]))

	app.Handle("POST /11", weft.Handle(takes[*weft.Stream[point]]))
	app.Handle("POST /12", weft.Handle(takes[weft.Stream[func()]]))
	app.Handle("POST /13", weft.Handle(takes[struct {
		Body weft.Stream[point] `body:"json"`
	}]))
	app.Handle("POST /14", weft.Handle(takes[struct {
		Body []point `body:"stream"`
	}]))
	app.Handle("POST /15", weft.Handle(takes[struct {
		Body weft.Stream[struct {
			A string `json:"a" validate:"nonsense"`
		}] `body:"stream"`
	}]))
	app.Handle("POST /16", weft.Streaming(weft.Handle(takes[weft.Stream[point]]), weft.Streams{
		ItemLimit: -1}))
	return app
}
