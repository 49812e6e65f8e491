package weft_test

import (
	"context"
	"net/http"
	"time"

	"github.com/weft-go/weft"
)

// What the mistakes are made with.
type (
	ReadOrder struct {
		ID int `path:"id"`
	}
	ListOfUser struct {
		User User `value:""`
	}
	OfMessage struct {
		Message Message `value:""`
	}
)

var (
	readOrder    = weft.Handle(func(context.Context, ReadOrder) (Order, error) { return Order{}, nil })
	listOfUser   = weft.Handle(func(context.Context, ListOfUser) ([]Order, error) { return nil, nil })
	ofMessage    = weft.Handle(func(context.Context, OfMessage) (string, error) { return "", nil })
	listOfOrders = weft.Handle(func(context.Context, struct{}) ([]Order, error) { return nil, nil })
	noSuchOrder  = weft.Handle(func(context.Context, struct{}) (Order, error) { return Order{}, nil })

	fromOffice   = weft.NewGuard("from the office", func(*weft.Request) error { return nil })
	needsUser    = weft.NewMiddleware("greeting", passThrough, weft.Needs(CurrentUser))
	providesUser = weft.NewMiddleware("session", passThrough, weft.Provides(CurrentUser))
	logInAgain   = weft.ValueGuard(CurrentUser, "log in again", func(*weft.Request) (User, error) { return User{}, nil })
	asRoot       = weft.ValueGuard(weft.NewKey[User]("real user"), "real user", func(*weft.Request) (User, error) { return User{}, nil })

	files    = http.FileServer(http.Dir("."))
	compress = weft.NewMiddleware("compress", passThrough)
	anyOrder = func(context.Context, PlaceOrder) error { return nil }
)

// reads is a handler of a Req.
func reads[Req any](Req) *weft.Handler[Req, string] {
	return weft.Handle(func(context.Context, Req) (string, error) { return "", nil })
}

type (
	ordersByPointer = *weft.Stream[Order]
	ImportOrders    struct {
		Body weft.Stream[PlaceOrder] `body:"json"`
	}
)

// answersWith is a handler of a Resp.
func answersWith[Resp any]() *weft.Handler[struct{}, Resp] {
	return weft.Handle(func(context.Context, struct{}) (resp Resp, _ error) { return resp, nil })
}

// mistakes are those that the pages show, each in an app of its own and on one
// line, which the page quotes. What is not a declaration returns its error. Each is a func(*weft.App) error or, with
// the app's container, which has a Pool and a Tx, a func(*weft.App, *weft.Container) error.
var mistakes = map[string][]any{
	"events": {
		func(app *weft.App) error { app.On(nil, listOfOrders); return nil },
		func(app *weft.App) error { app.On(&Queue{}, listOfOrders); return nil },
		func(app *weft.App) error {
			orders := &Queue{name: "orders"}
			app.On(orders, listOfOrders)
			app.On(orders, noSuchOrder)
			return nil
		},
		func(app *weft.App) error { app.On(&Queue{name: "orders"}, readOrder); return nil },
		func(app *weft.App) error {
			app.On(&Queue{name: "orders"}, ofMessage)
			app.Handle("POST /messages", ofMessage)
			return nil
		},
	},
	"streams": {
		func(app *weft.App) error {
			app.Handle("GET /orders", answersWith[ordersByPointer]())
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /orders", reads(ImportOrders{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /order", weft.Streaming(noSuchOrder, weft.Streams{Idle: time.Second}))
			return nil
		},
	},
	"middleware": {
		func(app *weft.App) error { app.Use(weft.Before("quota", nil)); return nil },
		func(app *weft.App) error {
			app.Use(compress, weft.After("etag", etag, weft.Outside("compress")))
			return nil
		},
		func(app *weft.App) error {
			app.Use(needsUser)
			app.Guard(logIn)
			app.Handle("POST /orders", weft.Handle(placeOrder))
			return nil
		},
		func(app *weft.App) error {
			app.Use(providesUser)
			app.Guard(logIn)
			app.Handle("POST /orders", weft.Handle(placeOrder))
			return nil
		},
	},
	"net/http": {
		func(app *weft.App) error { app.Use(weft.Std("cors", nil)); return nil },
		func(app *weft.App) error {
			app.Use(weft.Std("cors", func(http.Handler) http.Handler { return nil }))
			return nil
		},
		func(app *weft.App) error { app.Mount("/files", nil); return nil },
		func(app *weft.App) error { app.Mount("GET /files", files); return nil },
		func(app *weft.App) error { app.Mount("/files", files); app.Mount("/files/", files); return nil },
		func(app *weft.App, c *weft.Container) error {
			app.Mount("/files", files, weft.MiddlewareFrom(inTx))
			return nil
		},
	},
	"guards": {
		func(app *weft.App) error { app.Guard(nil); return nil },
		func(app *weft.App) error { app.Guard(weft.Any()); return nil },
		func(app *weft.App) error {
			app.Handle("POST /orders", weft.Handle(placeOrder).Guard(hasRole("manager")))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /orders", weft.Handle(placeOrder).Guard(hasRole("manager"), logIn))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /orders", weft.Handle(placeOrder).Guard(weft.Unless(fromOffice, logIn), hasRole("manager")))
			return nil
		},
	},
	"keys": {
		func(app *weft.App) error { app.Handle("GET /orders", listOfUser); return nil },
		func(app *weft.App) error {
			app.Handle("GET /orders", listOfUser.Guard(weft.Any(logIn, fromOffice)))
			return nil
		},
		func(app *weft.App) error { app.Handle("GET /orders", listOfUser.Intercept(providesUser)); return nil },
		func(app *weft.App) error { app.Handle("GET /orders", listOfUser.Guard(logIn, logInAgain)); return nil },
		func(app *weft.App) error { app.Handle("GET /orders", listOfUser.Guard(logIn, asRoot)); return nil },
		func(app *weft.App) error {
			app.Guard(weft.NewGuard("quota", passGuard, weft.Needs(nil)))
			app.Handle("GET /orders", noSuchOrder)
			return nil
		},
	},
	"extractors": {
		func(app *weft.App) error { app.Handle("GET /orders", readOrder); return nil },
		func(app *weft.App) error {
			app.Handle("GET /a", reads(struct {
				Limit int `query:"limit" default:"all"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /b", reads(struct {
				Tags map[string]string `query:"tags"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /c", reads(struct {
				Limit  int `query:"limit"`
				Offset int
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /d", reads(struct {
				Limit int `query:"limit,requird"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /e", noSuchOrder.Extract(weft.Extractor[struct{}]{}))
			return nil
		},
	},
	"forms": {
		func(app *weft.App) error {
			app.Handle("GET /a", reads(struct {
				Name string `form:"name"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /b", reads(struct {
				Order PlaceOrder  `body:"json"`
				Photo weft.Upload `file:"photo"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /c", reads(struct {
				Photo []byte `file:"photo"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /d", reads(struct {
				Photo weft.Upload `file:"photo,max=5MiB"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("PATCH /e", reads(struct {
				Change PlaceOrder `body:"merge-patch"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /f", reads(struct {
				Photo weft.Upload
			}{}))
			return nil
		},
	},
	"validation": {
		func(app *weft.App) error {
			app.Handle("POST /a", reads(struct {
				Name string `json:"name" validate:"requird"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /b", reads(struct {
				Name string `json:"name" validate:"max=many"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("POST /c", reads(struct {
				Again string `json:"again" validate:"eqfield=Pasword"`
			}{}))
			return nil
		},
	},
	"checks": {
		func(app *weft.App) error { app.Handle("POST /orders", weft.Handle(placeOrder).Check(nil)); return nil },
		func(app *weft.App) error {
			app.Handle("POST /orders", weft.Handle(placeOrder).Check(anyOrder, weft.Named("quota"), weft.Needs(CurrentUser)))
			return nil
		},
	},
	"interceptors": {
		func(app *weft.App) error { app.Intercept(weft.NewMiddleware("cache", nil)); return nil },
		func(app *weft.App) error { app.Handle("GET /orders", listOfUser.Intercept(providesUser)); return nil },
	},
	"arounds": {
		func(app *weft.App) error { app.Around(nil); return nil },
		func(app *weft.App) error {
			app.Handle("POST /orders", weft.Handle(placeOrder).Around(logged, weft.Named("log"), weft.Needs(CurrentUser)))
			return nil
		},
	},
	"scopes": {
		func(_ *weft.App, c *weft.Container) error { weft.Singleton[*Orders](c, NewOrders); return nil },
		func(_ *weft.App, c *weft.Container) error { weft.Auto[*Orders](c, NewOrders, weft.Pin()); return nil },
		func(_ *weft.App, c *weft.Container) error {
			weft.Auto[*Orders](c, func(ctx context.Context, tx *Tx) *Orders { return NewOrders(tx) })
			return nil
		},
		func(_ *weft.App, c *weft.Container) error { weft.Singleton[*Pool](c, OpenPool); return nil },
		func(_ *weft.App, c *weft.Container) error { weft.PerRequest[*Orders](c, Begin); return nil },
		func(_ *weft.App, c *weft.Container) error { weft.Implements[Placer, *Tx](c); return nil },
		func(_ *weft.App, c *weft.Container) error {
			weft.Auto[*hen](c, func(*egg) *hen { return nil })
			weft.Auto[*egg](c, func(*hen) *egg { return nil })
			return nil
		},
		func(app *weft.App, c *weft.Container) error {
			app.Handle("POST /orders", weft.HandleFrom((*Orders).Place))
			return nil
		},
		func(app *weft.App, c *weft.Container) error {
			weft.Auto[*Orders](c, NewOrders)
			app.Handle("POST /orders", weft.HandleFrom(Placer.Place))
			return nil
		},
		func(app *weft.App, c *weft.Container) error {
			weft.FromKey(c, CurrentUser)
			weft.Auto[*Basket](c, NewBasket)
			app.Handle("GET /basket", weft.HandleFrom((*Basket).Owner))
			return nil
		},
		func(_ *weft.App, c *weft.Container) error {
			_, err := quietWith(c.With(weft.Override[Placer](fakeOrders{}))).Plan()
			return err
		},
		func(app *weft.App, c *weft.Container) error {
			weft.Auto[*Orders](c, NewOrders)
			app.Handle("POST /orders", weft.HandleFrom((*Orders).Place).Use(weft.MiddlewareFrom(inBooks)))
			return nil
		},
	},
	"exceptions": {
		func(app *weft.App) error { app.Catch(closed503, closed503); return nil },
		func(app *weft.App) error { app.Catch(weft.OnIs(nil, nil)); return nil },
		func(app *weft.App) error {
			app.Handle("POST /orders", weft.Handle(placeOrder).Errors(ErrShopClosed, (*OutOfStock)(nil)).Catch(closed503))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /orders", noSuchOrder.Errors(ErrShopClosed).Catch(closed503, soldOut409))
			return nil
		},
	},
	"responses": {
		func(app *weft.App) error {
			app.Handle("POST /a", weft.Handle(placeOrder).Status(http.StatusConflict))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /b", answers(weft.Empty()).Status(http.StatusAccepted))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /c", answers(struct {
				Location string `header:"Location"`
				Order    Order
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /d", answers(struct {
				ID    int   `path:"id"`
				Order Order `body:"json"`
			}{}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /e", answers([]struct {
				ETag string `header:"ETag"`
			}{}))
			return nil
		},
		func(app *weft.App) error { app.Handle("GET /f", answers(make(chan Order))); return nil },
	},
	"negotiation": {
		func(app *weft.App) error { app.Group("/a").Formats(weft.Formats{NoJSON: true}); return nil },
		func(app *weft.App) error {
			app.Handle("GET /b", weft.Negotiate(noSuchOrder, weft.Formats{Codecs: []weft.MediaCodec{&lineCodec{types: []string{"csv"}}}}))
			return nil
		},
		func(app *weft.App) error {
			app.Group("/c").Formats(weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}, xmlCodec{}}})
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /d", weft.Negotiate(listOfOrders, weft.Formats{Codecs: []weft.MediaCodec{&lineCodec{}}}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /e", weft.Negotiate(answers(weft.Empty()), weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}}}))
			return nil
		},
		func(app *weft.App) error {
			app.Handle("GET /f", answers(struct {
				Tag  string `header:"ETag"`
				Note Note   `body:"json"`
			}{}))
			return nil
		},
	},
	"handlers": {
		func(app *weft.App) error { app.Handle("GET", noSuchOrder); return nil },
		func(app *weft.App) error { app.Group("/orders/"); return nil },
		func(app *weft.App) error {
			app.Handle("GET /orders/{id}", readOrder)
			app.Handle("GET /orders/{id}", readOrder)
			return nil
		},
		func(app *weft.App) error { app.Handle("GET /orders/{id}", nil); return nil },
	},
	"func": {
		func(app *weft.App) error {
			_, err := weft.Func(context.Background(), weft.Handle(placeOrder).Guard(logIn))
			return err
		},
		func(app *weft.App) error {
			_, err := weft.Func[PlaceOrder, Order](context.Background(), nil)
			return err
		},
	},
}

type (
	hen struct{}
	egg struct{}
)

func inBooks(_ *Tx, r *weft.Request, next weft.Next) weft.Response { return next(r) }

func inTx(_ *Tx, r *weft.Request, next weft.Next) weft.Response { return next(r) }

func etag(_ *weft.Request, resp weft.Response) weft.Response { return resp }
