package wefttest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

type pool struct{ closed bool }

func (p *pool) Shutdown() { p.closed = true }

func TestSingletonsEndWithATestThatSaysSo(t *testing.T) {
	var made []*pool
	c := weft.NewContainer(nil)
	weft.Singleton[*pool](c, func() *pool {
		made = append(made, &pool{})
		return made[len(made)-1]
	})
	get := func(t *testing.T) *wefttest.Client {
		app := weft.New(weft.WithContainer(c))
		app.Handle("GET /x", weft.HandleFrom(func(p *pool, _ context.Context, _ struct{}) (bool, error) { return p.closed, nil }))
		client := wefttest.New(t, app)
		assert.False(t, wefttest.Decode[bool](client.Get("/x")), "closed")
		return client
	}
	t.Run("said by all", func(t *testing.T) {
		for range 2 {
			client := get(t)
			t.Cleanup(func() {
				assert.False(t, made[0].closed)
				_ = client.Server().Shutdown(context.Background())
			})
		}
		assert.Len(t, made, 1)
	})
	t.Run("anew", func(t *testing.T) {
		get(t)
		assert.Len(t, made, 2)
		assert.True(t, made[0].closed)
	})
}
