package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

// inProcess is the service without a network, as Mia.
func inProcess(t *testing.T, file string) (*wefttest.Client, *store) {
	t.Helper()
	client, s := asAnybody(t, file)
	return client.Sending(withKey(addMia(t, s))), s
}

// asAnybody is the service without a network, and without a key.
func asAnybody(t *testing.T, file string) (*wefttest.Client, *store) {
	t.Helper()
	injector := do.New()
	client := wefttest.New(t, newApp(services(injector, file), testSecret, newLogger(t.Output(), 0)))
	t.Cleanup(func() { assert.NoError(t, client.Server().Shutdown(context.WithoutCancel(t.Context()))) })
	return client, storeOf(do.MustInvoke[*database](injector))
}

func withKey(key apiKey) wefttest.RequestOption {
	return wefttest.Header("Authorization", "Bearer "+string(key))
}

func TestAnOrderIsReadOnCondition(t *testing.T) {
	t.Parallel()
	client, _ := inProcess(t, "")
	created := client.Post(acmeOrders, teaForTwo).Want(201)
	assert.Equal(t, `"v1"`, created.Header.Get("ETag"), "who created it need not read it")

	read := client.Get(acmeOrders + "/1").Want(200)
	assert.Equal(t, `"v1"`, read.Header.Get("ETag"))
	assert.Equal(t, int64(1), wefttest.Decode[Order](read).Version)
	not := client.Get(acmeOrders+"/1", wefttest.Header("If-None-Match", `"v1"`)).Want(304)
	assert.Empty(t, not.Text())
	assert.Equal(t, `"v1"`, not.Header.Get("ETag"))
	client.Head(acmeOrders+"/1", wefttest.Header("If-None-Match", `"v1"`)).Want(304)

	changed := client.Patch(acmeOrders+"/1", `{"note":"hot"}`).Want(200)
	assert.Equal(t, `"v2"`, changed.Header.Get("ETag"))
	client.Get(acmeOrders+"/1", wefttest.Header("If-None-Match", `"v1"`)).Want(200)
	assert.Equal(t, `"v2"`, client.Patch(acmeOrders+"/1", `{"note":"hot"}`).Want(200).Header.Get("ETag"), "what changes nothing makes no version")
}

func TestNoUpdateIsLost(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	client.Post(acmeOrders, teaForTwo).Want(201)
	seen := func(tag string) wefttest.RequestOption { return wefttest.Header("If-Match", tag) }

	client.Patch(acmeOrders+"/1", `{"note":"hot"}`, seen(`"v1"`)).Want(200)
	late := client.Patch(acmeOrders+"/1", `{"note":"cold"}`, seen(`"v1"`)).Want(412)
	assert.Equal(t, "precondition_failed", late.Problem().Code)
	assert.ErrorIs(t, late.Err, weft.ErrPreconditionFailed)
	client.Delete(acmeOrders+"/1", seen(`"v1"`)).Want(412)
	assert.Equal(t, "hot", list(t, s, Filter{})[0].Note)
	assert.Equal(t, "malformed", client.Patch(acmeOrders+"/1", `{"note":"cold"}`, seen("v2")).Want(400).Problem().Errors[0].Code)

	client.Patch(acmeOrders+"/1", `{"note":"cold"}`, seen(`"v1", "v2"`)).Want(200)
	client.Delete(acmeOrders+"/1", seen(`"v3"`)).Want(204)
	assert.Equal(t, "order_not_found", client.Delete(acmeOrders+"/1", seen(`"v3"`)).Want(404).Problem().Code)
}

// Of many clients that have seen the same version, one changes it.
func TestOfThoseWhoHaveSeenTheSameOneWrites(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "orders.db")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s := inProcess(t, file)
			client.Post(acmeOrders, teaForTwo).Want(201)
			const clients = 8
			statuses := make(chan int, clients)
			var all sync.WaitGroup
			for i := range clients {
				all.Go(func() {
					got, err := client.Try("PATCH", acmeOrders+"/1", wefttest.JSON(map[string]string{"note": fmt.Sprint(i)}), wefttest.Header("If-Match", `"v1"`))
					if assert.NoError(t, err) {
						statuses <- got.Status
					}
				})
			}
			all.Wait()
			close(statuses)
			count := map[int]int{}
			for status := range statuses {
				count[status]++
			}
			assert.Equal(t, map[int]int{200: 1, 412: clients - 1}, count)
			assert.Equal(t, int64(2), list(t, s, Filter{})[0].Version)
		})
	}
}

func TestAPaymentMakesAVersion(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	_, err := a.store.settle(t.Context(), PaymentEvent{ID: "evt_1", Tenant: acme, Order: 1, Amount: 900})
	require.NoError(t, err)
	assert.Equal(t, http.StatusPreconditionFailed, a.call(t, "PATCH", acmeOrders+"/1", `{"status":"cancelled"}`, `If-Match: "v1"`).status, "who has not seen that it is paid does not cancel it")
}

// A file of an earlier version of the service has no versions.
func TestAnOldFileIsUpgraded(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.db")
	s := newStore(t, file)
	kept := add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
	_, err := s.db.ExecContext(t.Context(), `ALTER TABLE orders DROP COLUMN version; ALTER TABLE orders DROP COLUMN attached; DROP TABLE events; DROP TABLE pieces; DROP TABLE attachments`)
	require.NoError(t, err)
	require.NoError(t, s.db.Close())
	for range 2 { // and is opened again
		s = newStore(t, file)
		read, err := s.get(context.WithoutCancel(t.Context()), acme, kept.ID)
		require.NoError(t, err)
		assert.Equal(t, kept, read)
	}
	_, err = s.change(t.Context(), acme, kept.ID, func(o *Order) error { o.Note = strings.Repeat("x", 3); return nil })
	require.NoError(t, err)
	assert.Equal(t, 1, count(t, s, "events"))
}
