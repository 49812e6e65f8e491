package awslambda_test

import (
	"testing"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda/awslambdatest"
	"github.com/weft-go/weft/wefttest"
)

// The same app behind every front door: what is different is what Differs says, and nothing else.
func TestEveryFrontDoorIsATransport(t *testing.T) {
	for _, d := range awslambdatest.Doors() {
		t.Run(string(d), func(t *testing.T) {
			wefttest.TestTransport(t, func(srv *weft.Server) wefttest.Carry { return awslambdatest.Transport(srv, d) }, d.Differs()...)
		})
	}
}
