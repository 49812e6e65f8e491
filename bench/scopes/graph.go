package scopes

import (
	"context"
	"fmt"
	"time"

	"github.com/weft-go/weft"
)

// A graph of a thousand services: ten layers of a hundred, of which each service
// takes two of the layer below. The lowest layer is made per request, and so all are.

type (
	d0 struct{}
	d1 struct{}
	d2 struct{}
	d3 struct{}
	d4 struct{}
	d5 struct{}
	d6 struct{}
	d7 struct{}
	d8 struct{}
	d9 struct{}
	// node is the service of a layer, at a place of two digits in it.
	node[Layer, Ten, One any] struct{ left, right any }
)

// Thousand declares the services, and a handler of one of the highest layer.
func Thousand() *weft.App {
	c := weft.NewContainer(nil)
	lowest[d0](c)
	layer[d1, d0](c)
	layer[d2, d1](c)
	layer[d3, d2](c)
	layer[d4, d3](c)
	layer[d5, d4](c)
	layer[d6, d5](c)
	layer[d7, d6](c)
	layer[d8, d7](c)
	layer[d9, d8](c)
	app := weft.New(weft.WithContainer(c), quiet)
	app.Handle("GET /paid", weft.HandleFrom(func(*node[d9, d9, d9], context.Context, *weft.Request) (weft.Response, error) { return reply(), nil }))
	return app
}

// TwoHundred declares the two lowest layers, and n routes GET /r0/{id} and so on, each of which is made of one of ten services of the higher one.
func TwoHundred(n int) *weft.App {
	c := weft.NewContainer(nil)
	lowest[d0](c)
	layer[d1, d0](c)
	app := weft.New(weft.WithContainer(c), quiet)
	handlers := []weft.Endpoint{
		of[d0](), of[d1](), of[d2](), of[d3](), of[d4](), of[d5](), of[d6](), of[d7](), of[d8](), of[d9](),
	}
	for i := range n {
		app.Handle(fmt.Sprintf("GET /r%d/{id}", i), handlers[i%len(handlers)])
	}
	return app
}

func of[Ten any]() weft.Endpoint {
	type byID struct {
		ID string `path:"id"`
	}
	return weft.HandleFrom(func(_ *node[d1, Ten, d0], _ context.Context, in byID) (map[string]string, error) {
		return map[string]string{"id": in.ID}, nil
	})
}

func lowest[L any](c *weft.Container) {
	row(c, bottom[L, d0], bottom[L, d1], bottom[L, d2], bottom[L, d3], bottom[L, d4], bottom[L, d5], bottom[L, d6], bottom[L, d7], bottom[L, d8], bottom[L, d9])
}

func layer[L, Below any](c *weft.Container) {
	row(c, tens[L, Below, d0, d1], tens[L, Below, d1, d2], tens[L, Below, d2, d3], tens[L, Below, d3, d4], tens[L, Below, d4, d5],
		tens[L, Below, d5, d6], tens[L, Below, d6, d7], tens[L, Below, d7, d8], tens[L, Below, d8, d9], tens[L, Below, d9, d0])
}

func row(c *weft.Container, declare ...func(*weft.Container)) {
	for _, d := range declare {
		d(c)
	}
}

func bottom[L, Ten any](c *weft.Container) {
	row(c, first[L, Ten, d0], first[L, Ten, d1], first[L, Ten, d2], first[L, Ten, d3], first[L, Ten, d4], first[L, Ten, d5], first[L, Ten, d6], first[L, Ten, d7], first[L, Ten, d8], first[L, Ten, d9])
}

func first[L, Ten, One any](c *weft.Container) {
	weft.PerRequest[*node[L, Ten, One]](c, func() *node[L, Ten, One] { return &node[L, Ten, One]{} })
}

func tens[L, Below, Ten, Next any](c *weft.Container) {
	row(c, one[L, Below, Ten, Next, d0], one[L, Below, Ten, Next, d1], one[L, Below, Ten, Next, d2], one[L, Below, Ten, Next, d3], one[L, Below, Ten, Next, d4],
		one[L, Below, Ten, Next, d5], one[L, Below, Ten, Next, d6], one[L, Below, Ten, Next, d7], one[L, Below, Ten, Next, d8], one[L, Below, Ten, Next, d9])
}

func one[L, Below, Ten, Next, One any](c *weft.Container) {
	weft.Auto[*node[L, Ten, One]](c, func(a *node[Below, Ten, One], b *node[Below, Next, One]) *node[L, Ten, One] {
		return &node[L, Ten, One]{a, b}
	})
}

// Promote is how long it takes to find out how long each of the thousand lives, and to build a server of them.
func Promote() (plan, build time.Duration, err error) {
	app := Thousand()
	begun := time.Now()
	if _, err = app.Plan(); err != nil {
		return 0, 0, err
	}
	plan = time.Since(begun)
	begun = time.Now()
	_, err = app.Build(context.Background())
	return plan, time.Since(begun), err
}
