package extraction_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
)

// parent and kid hold each other, as what an ORM loads does.
type parent struct{ Kid *kid }

type kid struct{ Parent *parent }

func (p *parent) FromRequest(*weft.Request) error {
	p.Kid = &kid{p}
	return nil
}

// Validation would follow the cycle until the process dies, so Build refuses
// what may hold one, and says how to leave it out.
func TestAValueThatExtractsItselfMayNotHoldACycle(t *testing.T) {
	app := weft.New()
	app.Handle("GET /x", weft.Handle(accept[struct {
		Session parent
		N       int `query:"n" validate:"max=3"`
	}]))
	_, err := app.Plan()
	assert.ErrorContains(t, err, `can lead back to itself, and validation would follow it for ever; tag the field with validate:"-"`)

	send := route(t, accept[struct {
		Session parent `validate:"-"`
		N       int    `query:"n" validate:"max=3"`
	}])
	assert.Equal(t, 200, send("").status)
}
