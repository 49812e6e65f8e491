package main

import (
	"context"
	"strconv"
	"time"

	"github.com/weft-go/weft"
)

const (
	feedBatch = 100 // events that are read at once
	// feedLifetime is how long a feed goes on. Then the client connects anew, as browsers do by themselves, and goes on
	// behind the last event it has. So a key that is no longer valid does not go on being told what happens.
	feedLifetime = 15 * time.Minute
	// feedBegins is the name of the event by which a client learns that the feed does not go on where it had come to.
	feedBegins = "begin"
)

// feed tells what happens to orders, as it happens. It has no transaction: what it reads, it reads in single statements, so
// that nothing is held while a client is waited for, or an event.
type feed struct{ db *database }

func newFeed(db *database) *feed { return &feed{db} }

// following is a request for what happens, behind the last event that a client has. A browser says so by itself where it
// has lost its connection.
type following struct {
	ofTenant
	Last weft.Opt[int64] `header:"Last-Event-ID" validate:"omitnil,min=0"`
}

// follow tells each event behind the last once, in order, those to come included. A client that has none yet, or one that
// there is not, as of another database, is first told by feedBegins where the feed begins: it has to read the orders
// then, and misses nothing of what happens to them from there on, even where it loses the connection before anything does.
func (f *feed) follow(ctx context.Context, in following) (weft.Stream[weft.Event[OrderEvent]], error) {
	return func(yield func(weft.Event[OrderEvent], error) bool) {
		last, begun, err := f.start(ctx, in)
		if err != nil {
			yield(weft.Event[OrderEvent]{}, err)
			return
		}
		if begun && !yield(eventOf(happening{last, feedBegins, OrderEvent{At: now()}}), nil) {
			return
		}
		over := time.NewTimer(feedLifetime)
		defer over.Stop()
		for {
			rung := f.db.bell.wait(in.Tenant) // before it is looked, or what is kept in between would be missed
			events, err := eventsAfter(ctx, f.db, in.Tenant, last, feedBatch)
			if err != nil {
				yield(weft.Event[OrderEvent]{}, err) // where the client has left, nobody hears of it
				return
			}
			for _, e := range events {
				if !yield(eventOf(e), nil) {
					return
				}
				last = e.id
			}
			if len(events) == feedBatch {
				continue // there may be more
			}
			select {
			case <-rung:
			case <-over.C:
				return
			case <-ctx.Done(): // the client has left, or the service is told to stop
				return
			}
		}
	}, nil
}

// start is the event to go on behind, and whether the client has to be told.
func (f *feed) start(ctx context.Context, in following) (last int64, begins bool, err error) {
	newest, err := lastEvent(ctx, f.db, in.Tenant)
	if err != nil {
		return 0, false, err
	}
	if seen, said := in.Last.Get(); said && seen <= newest {
		return seen, false, nil
	}
	return newest, true, nil
}

func eventOf(h happening) weft.Event[OrderEvent] {
	return weft.Event[OrderEvent]{ID: strconv.FormatInt(h.id, 10), Name: h.name, Data: h.OrderEvent}
}
