package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  "",
		"Ada":               "Ada",
		"a=b":               "a=b",
		"李":                 "李",
		"'quoted'":          "'quoted'",
		"=1+1":              "'=1+1",
		"+1":                "'+1",
		"-1":                "'-1",
		"@SUM(A1)":          "'@SUM(A1)",
		"  =1+1":            "'  =1+1",
		"\t=1+1":            "'\t=1+1",
		"\r\n=1+1":          "'\r\n=1+1",
		"＝1+1":              "'＝1+1",
		`=HYPERLINK("x")`:   `'=HYPERLINK("x")`,
		"-2+3+cmd|' /C c'!": "'-2+3+cmd|' /C c'!",
	} {
		assert.Equal(t, want, textCell(text))
	}
}

func TestATableHasARowForEachItem(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	require.NoError(t, writeTable(&out, weft.StreamOf(
		Order{ID: 1, Customer: `Ada "the first", =1`, Items: []Item{tea, cake}, Status: Open, Created: at, Note: "=cmd()\nline two"},
		Order{ID: 2, Customer: "@Bob", Items: []Item{fork}, Status: Shipped, Due: date(t, "2026-12-24"), Created: at, Paid: at},
	)))
	assert.Equal(t, "order,created,customer,status,due,paid,note,sku,quantity,unit_price,price\r\n"+
		"1,2026-11-21T12:00:00Z,\"Ada \"\"the first\"\", =1\",open,,,\"'=cmd()\r\nline two\",tea,2,4.50,9.00\r\n"+
		"1,2026-11-21T12:00:00Z,\"Ada \"\"the first\"\", =1\",open,,,\"'=cmd()\r\nline two\",cake,1,3.95,3.95\r\n"+
		"2,2026-11-21T12:00:00Z,'@Bob,shipped,2026-12-24,2026-11-21T12:00:00Z,,fork,2,0.00,0.00\r\n", out.String())
}

func TestATableThatCannotBeReadToItsEndFails(t *testing.T) {
	t.Parallel()
	failure := errors.New("disk full")
	assert.ErrorIs(t, writeTable(io.Discard, func(yield func(Order, error) bool) { yield(Order{}, failure) }), failure)
	reader, writer := io.Pipe()
	require.NoError(t, reader.CloseWithError(failure))
	assert.ErrorIs(t, writeTable(writer, weft.StreamOf(Order{Items: []Item{tea}})), failure)
}

func TestExports(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	for i := range 3*exportBatch + 1 {
		add(t, s, Draft{Customer: []string{"Ada", "Bob"}[i%2], Items: []Item{tea, cake}})
	}
	_, err := s.add(t.Context(), globex, Draft{Customer: "of globex", Items: []Item{tea}})
	require.NoError(t, err)

	lines := client.Get(acmeOrders + "/export").Want(200)
	assert.Equal(t, "application/x-ndjson", lines.Header.Get("Content-Type"))
	first, err := s.get(t.Context(), acme, 1)
	require.NoError(t, err)
	read := ordersIn(t, strings.NewReader(lines.Text()))
	require.Len(t, read, 3*exportBatch+1)
	assert.Equal(t, first, read[0])
	for i, order := range read {
		assert.Equal(t, int64(i+1), order.ID)
		assert.NotEqual(t, "of globex", order.Customer)
	}
	assert.Len(t, wefttest.Decode[[]Order](client.Get(acmeOrders+"/export?customer=Ada", wefttest.Header("Accept", "application/json")).Want(200)), 3*exportBatch/2+1)
	assert.Empty(t, client.Get(acmeOrders+"/export?status=cancelled").Want(200).Text())

	table := client.Get(acmeOrders + "/export.csv?customer=Bob").Want(200)
	assert.Equal(t, "text/csv; charset=utf-8; header=present", table.Header.Get("Content-Type"))
	_, params, err := mime.ParseMediaType(table.Header.Get("Content-Disposition"))
	require.NoError(t, err)
	assert.Regexp(t, `^orders of acme, \d{4}-\d\d-\d\d\.csv$`, params["filename"])
	rows, err := csv.NewReader(strings.NewReader(table.Text())).ReadAll()
	require.NoError(t, err)
	assert.Len(t, rows, 1+3*exportBatch)
	assert.Equal(t, []string{"2", "Bob", "tea"}, []string{rows[1][0], rows[1][2], rows[1][7]})

	for _, path := range []string{"/export", "/export.csv"} {
		assert.Empty(t, client.Head(acmeOrders+path).Want(200).Text())
		assert.Equal(t, []string{"query limit: unknown_field", "query min_total: invalid_type"}, client.Get(acmeOrders+path+"?limit=1&min_total=x").Want(400).Problem().Fields())
	}
	_, err = s.db.ExecContext(t.Context(), `DROP TABLE items`)
	require.NoError(t, err)
	for _, path := range []string{"/export", "/export.csv"} {
		assert.Equal(t, "internal", client.Get(acmeOrders+path).Want(500).Problem().Code, "nothing had been sent")
	}
}

// ordersIn reads lines of JSON.
func ordersIn(t *testing.T, from io.Reader) (all []Order) {
	t.Helper()
	for lines := json.NewDecoder(from); ; {
		var order Order
		err := lines.Decode(&order)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, order)
	}
}

// Who wants no more orders is the reason to read no more.
func TestAnExportReadsNoMoreThanIsTaken(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	for range exportBatch {
		add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
	}
	taken := 0
	for _, err := range newExports(s.db).all(t.Context(), exporting{ofTenant: ofTenant{acme}}) {
		require.NoError(t, err)
		if taken++; taken == exportBatch {
			require.NoError(t, s.db.Close()) // whoever asks it now fails
			break
		}
		assert.Zero(t, s.db.Stats().InUse, "nothing is held while the client reads")
	}
	assert.Equal(t, exportBatch, taken)
}

// Orders come, change and go while they are exported.
func TestAnExportWhileOrdersAreWritten(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "orders.db")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s := inProcess(t, file)
			const there = 2*exportBatch + 50
			for range there {
				add(t, s, Draft{Customer: "Ada", Items: []Item{tea, cake}})
			}
			ctx, stop := context.WithCancel(t.Context())
			var writing, exporting sync.WaitGroup
			writing.Go(func() {
				for id := int64(1); ctx.Err() == nil; id++ {
					_, err := s.add(t.Context(), acme, Draft{Customer: "Bob", Items: []Item{tea, cake}})
					assert.NoError(t, err)
					_, err = s.change(t.Context(), acme, id%there+1, func(o *Order) error { o.Note = fmt.Sprint("changed ", id); return nil })
					if !errors.Is(err, errNotFound) {
						assert.NoError(t, err)
					}
					if id%10 == 0 && id < there { // every tenth of those that were there goes
						assert.NoError(t, s.delete(t.Context(), acme, id))
					}
				}
			})
			for range 3 {
				exporting.Go(func() {
					got, err := client.Try("GET", acmeOrders+"/export")
					if !assert.NoError(t, err) {
						return
					}
					seen, last := 0, int64(0)
					for _, order := range ordersIn(t, strings.NewReader(got.Text())) {
						assert.Greater(t, order.ID, last, "once, and in order")
						assert.Equal(t, []Item{tea, cake}, order.Items, "as a whole")
						if last = order.ID; order.ID <= there && order.ID%10 != 0 {
							seen++
						}
					}
					assert.Equal(t, there-there/10, seen, "what was there all the time")
				})
			}
			exporting.Wait()
			stop()
			writing.Wait()
		})
	}
}

// In memory there is one connection: a client that does not read what it asked for must not have it.
func TestAClientThatDoesNotReadKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	wefttest.NoLeaks(t)
	log := &lockedBuffer{}
	a := newAPI(t, log)
	note := strings.Repeat("x", 20_000)
	err := a.store.db.within(t.Context(), func(tx *Tx) error {
		orders := newOrderRepository(tx)
		for range 2 * exportBatch { // more than all the buffers on the way hold
			if _, err := orders.add(t.Context(), acme, Draft{Customer: "Ada", Items: []Item{tea}, Note: note}); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	for _, path := range []string{"/export", "/export.csv"} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.URL, "http://"))
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4<<10))
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: orders\r\n%s\r\n\r\n", acmeOrders+path, as(a.key))
		require.NoError(t, err)
		resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)

		assert.Equal(t, 201, a.call(t, "POST", acmeOrders, teaForTwo).status)
		assert.NotContains(t, log.String(), "path="+acmeOrders+path+" ", "the export is under way")
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool { return strings.Contains(log.String(), "path="+acmeOrders+path+" ") }, 10*time.Second, time.Millisecond)
	}
	assert.Zero(t, a.store.db.Stats().InUse)
}
