// Command parameters is a function with a middleware that has parameters: which fields of a guest are to be unreadable.
package main

import (
	"context"
	"encoding/base64"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/uuid"
	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// Event is one of EventBridge, as far as it is of interest here.
type Event struct {
	Detail Booking `json:"detail"`
}

// Booking is what is asked for.
type Booking struct {
	Days     int    `json:"days"`
	DateFrom string `json:"date_from"`
	DateTo   string `json:"date_to"`
	HotelID  string `json:"hotel_id"`
	Country  string `json:"country"`
	City     string `json:"city"`
	Guest    *Guest `json:"guest,omitempty"`
}

// Guest is who comes.
type Guest struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Passport string `json:"passport"`
	VAT      string `json:"vat"`
}

// Receipt is what the function returns.
type Receipt struct {
	Book    Booked `json:"book"`
	Message string `json:"message"`
	Success bool   `json:"success"`
}

// Booked is a booking that was made.
type Booked struct {
	Booking
	BookingID string `json:"booking_id"`
}

// BookingError is what the caller is told. The cause is for the log.
type BookingError struct{ Cause error }

func (*BookingError) Error() string   { return "Unable to create booking" }
func (e *BookingError) Unwrap() error { return e.Cause }

// NewID makes the ids of bookings.
type NewID func() (string, error)

func randomID() (string, error) {
	id, err := uuid.NewRandom()
	return id.String(), err
}

// Hotel takes bookings.
type Hotel struct{ newID NewID }

// NewHotel is its constructor.
func NewHotel(newID NewID) *Hotel { return &Hotel{newID} }

// Book is the function itself.
func (h *Hotel) Book(_ context.Context, booking Booking) (Receipt, error) {
	id, err := h.newID()
	if err != nil {
		return Receipt{}, &BookingError{err}
	}
	return Receipt{Booked{booking, id}, "booking created", true}, nil
}

// The fields of a guest, as parameters: one that there is not does not compile.
func email(g *Guest) *string    { return &g.Email }
func passport(g *Guest) *string { return &g.Passport }
func vat(g *Guest) *string      { return &g.VAT }

// obfuscated is a middleware with parameters: a function that returns an around.
func obfuscated[Resp any](fields ...func(*Guest) *string) weft.Around[Booking, Resp] {
	return func(ctx context.Context, in Booking, next func(context.Context, Booking) (Resp, error)) (Resp, error) {
		if in.Guest != nil {
			guest := *in.Guest // the one of the event stays as it is
			for _, field := range fields {
				text := field(&guest)
				*text = base64.StdEncoding.EncodeToString([]byte(*text))
			}
			in.Guest = &guest
		}
		return next(ctx, in)
	}
}

// unwrapped gives the handler the detail of an event.
func unwrapped(ctx context.Context, in Event, next func(context.Context, Booking) (Receipt, error)) (Receipt, error) {
	return next(ctx, in.Detail)
}

func services() *weft.Container {
	i := do.New()
	do.ProvideValue(i, NewID(randomID))
	c := weft.NewContainer(i)
	weft.Auto[*Hotel](c, NewHotel)
	return c
}

func function(ctx context.Context, c *weft.Container) (func(context.Context, Event) (Receipt, error), error) {
	book := weft.HandleFrom((*Hotel).Book).Around(obfuscated[Receipt](email, passport, vat), weft.Named("obfuscated"))
	return weft.Func(ctx, weft.Adapt(book, unwrapped), weft.WithContainer(c))
}

func main() {
	fn, err := function(context.Background(), services())
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(fn)
}
