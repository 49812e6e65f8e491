package wefttest_test

import (
	"net/http"
	"testing"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

func TestInProcessIsATransport(t *testing.T) {
	wefttest.TestTransport(t, func(srv *weft.Server) wefttest.Carry { return wefttest.InProcess(srv) })
	wefttest.TestTransport(t, func(srv *weft.Server) wefttest.Carry { return wefttest.OverHTTP(t, http.Handler(srv)) })
}
