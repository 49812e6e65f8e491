// Quickstart is a garage in under 60 lines: who has a badge parks a car, as long as there is room.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"sync/atomic"

	"github.com/weft-go/weft"
)

var errFull, driver = errors.New("the garage is full"), weft.NewKey[string]("driver")
var badge = weft.ValueGuard(driver, "badge", func(r *weft.Request) (string, error) {
	if r.Header().Get("X-Badge") != "7" {
		return "", weft.Unauthenticated("Badge", "Show your badge.")
	}
	return "Ada", nil
})

type parking struct {
	Level  int    `path:"level" validate:"min=1,max=9"`
	Driver string `value:"driver"` // whom badge found
	Car    struct {
		Plate string `json:"plate" validate:"required,max=10"`
		Hours int    `json:"hours" validate:"min=1,max=48"`
	} `body:"json"`
}
type garage struct{ cars atomic.Int64 } // how many wanted in

func (g *garage) free(context.Context, struct{}) (int64, error) { return max(0, 2-g.cars.Load()), nil }
func (g *garage) park(_ context.Context, in parking) (string, error) {
	if g.cars.Add(1) > 2 {
		return "", errFull
	}
	return in.Driver + " parked " + in.Car.Plate, nil
}
func newApp() *weft.App {
	services := weft.NewContainer(nil)
	weft.Singleton[*garage](services, func() *garage { return &garage{} })
	app := weft.New(weft.WithContainer(services))
	app.Use(weft.Finally("log", func(_ *weft.Request, s weft.Sent) { log.Println(s.Status, s.Duration) }))
	app.Catch(weft.OnIs(errFull, func(*weft.Request, error) weft.Response {
		return weft.Fail(&weft.Error{Status: 409, Code: "garage_full"})
	}))
	app.Handle("GET /free", weft.HandleFrom((*garage).free))
	app.Handle("POST /levels/{level}/cars", weft.HandleFrom((*garage).park).Guard(badge).Status(201).Errors(errFull))
	return app
}
func main() {
	addr := flag.String("addr", "localhost:8080", "address to listen on")
	flag.Parse()
	if srv, err := newApp().Build(context.Background()); err != nil {
		log.Fatal(err)
	} else if err = srv.Run(context.Background(), *addr); err != nil {
		log.Fatal(err)
	}
}
