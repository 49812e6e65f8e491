package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

const acmeFeed = acmeOrders + "/feed"

// told is an event as a client reads it.
type told struct {
	id, name string
	OrderEvent
}

func (e told) String() string { return fmt.Sprintf("%s %s %d v%d", e.id, e.name, e.Order, e.Version) }

// listener reads server-sent events as a browser does.
type listener struct{ lines *bufio.Reader }

func listenTo(body io.Reader) *listener { return &listener{bufio.NewReader(body)} }

// next is the next event. Comments are passed over.
func (l *listener) next() (e told, err error) {
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return e, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.OrderEvent); err != nil {
				return e, err
			}
		case "":
			if value == "" && e.name != "" {
				return e, nil
			}
		}
	}
}

func (l *listener) texts(t *testing.T, n int) (all []string) {
	t.Helper()
	for range n {
		e, err := l.next()
		require.NoError(t, err)
		all = append(all, e.String())
	}
	return all
}

func behind(id int64) wefttest.RequestOption {
	return wefttest.Header("Last-Event-ID", strconv.FormatInt(id, 10))
}

// A producer is a function: no server is needed to see what it yields.
func TestAFeedTellsEachEventOnceAndWaitsForMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, "")
		order := add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
		stream, err := newFeed(s.db).follow(t.Context(), following{ofTenant: ofTenant{acme}, Last: weft.Some[int64](0)})
		require.NoError(t, err)
		meanwhile := []func(){
			func() {
				_, err := s.change(t.Context(), acme, order.ID, func(o *Order) error { o.Note = "hot"; return nil })
				assert.NoError(t, err)
			},
			func() {
				_, err := s.change(t.Context(), acme, order.ID, func(*Order) error { return nil }) // which is no news
				assert.NoError(t, err)
				_, err = s.settle(t.Context(), event("evt_1", order.ID, order.Total))
				assert.NoError(t, err)
			},
			func() { assert.NoError(t, s.delete(t.Context(), acme, order.ID)) },
			func() {},
		}
		began := time.Now()
		var got []string
		for e, err := range stream {
			require.NoError(t, err)
			got = append(got, fmt.Sprintf("%s %s %d v%d", e.ID, e.Name, e.Data.Order, e.Data.Version))
			then := meanwhile[0]
			meanwhile = meanwhile[1:]
			go func() {
				time.Sleep(time.Minute)
				then()
			}()
		}
		assert.Equal(t, []string{"1 created 1 v1", "2 changed 1 v2", "3 paid 1 v3", "4 deleted 1 v3"}, got)
		assert.Equal(t, feedLifetime, time.Since(began), "then the client has to show its key again")
		assert.Zero(t, s.db.Stats().InUse)
	})
}

func TestAFeedBegins(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	for range 3 {
		add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
	}
	for _, row := range []struct {
		name string
		last weft.Opt[int64]
		want string
	}{
		{"for a client that has nothing, at the end", weft.Opt[int64]{}, "3 begin 0 v0"},
		{"for a client that wants everything, at the beginning", weft.Some[int64](0), "1 created 1 v1"},
		{"for a client that was here, where it had come to", weft.Some[int64](2), "3 created 3 v1"},
		{"for a client of another database, at the end", weft.Some[int64](4), "3 begin 0 v0"},
	} {
		stream, err := newFeed(s.db).follow(t.Context(), following{ofTenant: ofTenant{acme}, Last: row.last})
		require.NoError(t, err)
		for e, err := range stream {
			require.NoError(t, err)
			assert.Equal(t, row.want, fmt.Sprintf("%s %s %d v%d", e.ID, e.Name, e.Data.Order, e.Data.Version), row.name)
			break
		}
	}
}

// A client that was away for long is told all of it, and not a batch with each new event.
func TestAFeedCatchesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, "")
		const missed = 2*feedBatch + feedBatch/2
		for range missed {
			add(t, s, Draft{Customer: "Ada", Items: []Item{tea}})
		}
		stream, err := newFeed(s.db).follow(t.Context(), following{ofTenant: ofTenant{acme}, Last: weft.Some[int64](0)})
		require.NoError(t, err)
		began, told := time.Now(), 0
		for _, err := range stream {
			require.NoError(t, err)
			if told++; told == missed {
				break
			}
		}
		assert.Equal(t, missed, told)
		assert.Zero(t, time.Since(began), "without waiting")
	})
}

func TestAFeedThatCannotBeReadIsAnAnswer(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	assert.Equal(t, []string{"header Last-Event-Id: invalid_type"}, client.Get(acmeFeed, wefttest.Header("Last-Event-ID", "soon")).Want(400).Problem().Fields())
	assert.Equal(t, []string{"header Last-Event-Id: min"}, client.Get(acmeFeed, behind(-1)).Want(422).Problem().Fields())
	client.Head(acmeFeed).Want(200)
	_, err := s.db.ExecContext(t.Context(), `DROP TABLE events`)
	require.NoError(t, err)
	assert.Equal(t, "internal", client.Get(acmeFeed).Want(500).Problem().Code)
}

func TestOnlyWhatIsKeptIsTold(t *testing.T) {
	t.Parallel()
	fail := true
	l := newLedger(t, func(context.Context, *Tx) error {
		if fail {
			return errors.New("disk full")
		}
		return nil
	})
	feed := openFeed(t, l.api, acmeFeed, l.key, "")
	assert.Equal(t, []string{"0 begin 0 v0"}, feed.texts(t, 1))
	require.Equal(t, 500, l.call(t, "POST", clumsyOrders, teaForTwo).status)
	require.Zero(t, count(t, l.store, "events"))
	fail = false
	require.Equal(t, 201, l.call(t, "POST", clumsyOrders, teaForTwo).status)
	assert.Equal(t, []string{"1 created 1 v1"}, feed.texts(t, 1), "and not what was rolled back")
}

// openFeed follows over a connection of its own, which is closed when the test ends.
func openFeed(t *testing.T, a *api, path string, key apiKey, last string) *listener {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	body, err := follow(ctx, a.URL+path, key, last)
	require.NoError(t, err)
	t.Cleanup(func() { leave(); _ = body.Close() })
	return listenTo(body)
}

func follow(ctx context.Context, url string, key apiKey, last string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+string(key))
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		return nil, fmt.Errorf("answered %s: %w", resp.Status, resp.Body.Close())
	}
	return resp.Body, nil
}

// Clients come and go, several writers write, and each client has all events of its tenant, once and in order.
func TestManyClientsMissNothingAndHearNothingTwice(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "orders.db")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wefttest.NoLeaks(t)
			injector := do.New()
			log := &lockedBuffer{}
			a := apiOf(t, injector, newApp(services(injector, file), testSecret, newLogger(log, slog.LevelWarn)))
			keys := map[Tenant]apiKey{acme: a.key, globex: addUser(t, a.store, User{"Cleo", Clerk, globex})}
			const clients, writers, each = 4, 4, 25
			var listening, writing sync.WaitGroup
			for tenant, key := range keys {
				for range clients {
					listening.Go(func() {
						got, err := followAll(t.Context(), a.URL+ordersPath(tenant)+"/feed", key, writers*each)
						if !assert.NoError(t, err) {
							return
						}
						for i, e := range got {
							assert.Equal(t, strconv.Itoa(i+1), e.id)
							assert.Equal(t, int64(i+1), e.Order, "an order of another tenant, or another order")
						}
					})
				}
				for range writers {
					writing.Go(func() {
						for range each {
							_, err := a.store.add(t.Context(), tenant, Draft{Customer: string(tenant), Items: []Item{tea}})
							assert.NoError(t, err)
						}
					})
				}
			}
			writing.Wait()
			listening.Wait()
			require.Eventually(t, func() bool { return a.store.db.Stats().InUse == 0 }, 5*time.Second, time.Millisecond)
			assert.Empty(t, log.String(), "that clients leave is nobody's fault")
		})
	}
}

// followAll follows until it has n events, and loses its connection now and then.
func followAll(ctx context.Context, url string, key apiKey, n int) (all []told, err error) {
	last := "0"
	for len(all) < n {
		connection, lose := context.WithTimeout(ctx, 20*time.Second)
		body, err := follow(connection, url, key, last)
		if err != nil {
			lose()
			return all, err
		}
		from := listenTo(body)
		for range 1 + rand.IntN(20) {
			e, err := from.next()
			if err != nil {
				lose()
				return all, err
			}
			all = append(all, e)
			if last = e.id; len(all) == n {
				break
			}
		}
		lose()
		_ = body.Close()
	}
	return all, nil
}

func TestAFeedShowsItsTenantAlone(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	cleo := addUser(t, a.store, User{"Cleo", Clerk, globex})
	assert.Equal(t, "tenant_not_found", a.call(t, "GET", acmeFeed, "", as(cleo)).code(t))

	feed := openFeed(t, a, ordersPath(globex)+"/feed", cleo, "0")
	require.Equal(t, 200, a.call(t, "PATCH", acmeOrders+"/1", `{"note":"hot"}`).status)
	require.Equal(t, 201, a.call(t, "POST", ordersPath(globex), teaForTwo, as(cleo)).status)
	assert.Equal(t, []string{"1 created 1 v1"}, feed.texts(t, 1), "nor does the id tell how much acme sells")
}

func TestAClientThatLeavesTheFeedLeavesNothing(t *testing.T) {
	t.Parallel()
	wefttest.NoLeaks(t)
	log := &lockedBuffer{}
	a := newAPI(t, log)
	ctx, leave := context.WithCancel(t.Context())
	body, err := follow(ctx, a.URL+acmeFeed, a.key, "")
	require.NoError(t, err)
	feed := listenTo(body)
	require.Equal(t, []string{"0 begin 0 v0"}, feed.texts(t, 1))
	assert.NotContains(t, log.String(), "/feed", "the request is under way")
	leave()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "path="+acmeFeed) }, 5*time.Second, time.Millisecond, "its last stage has run")
	_ = body.Close()
	assert.NotContains(t, log.String(), "level=ERROR")
	assert.Zero(t, a.store.db.Stats().InUse)
}

// A service that is told to stop does not wait for those who listen.
func TestAFeedEndsWithTheService(t *testing.T) {
	t.Parallel()
	wefttest.NoLeaks(t)
	s, err := open(t.Context(), settings{address: "localhost:0"}, newLogger(t.Output(), slog.LevelInfo))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.run(ctx) }()
	body, err := follow(t.Context(), s.url()+acmeFeed, s.users[0].key, "")
	require.NoError(t, err)
	feed := listenTo(body)
	require.Equal(t, []string{"0 begin 0 v0"}, feed.texts(t, 1))
	told := time.Now()
	stop()
	_, err = feed.next()
	assert.ErrorIs(t, err, io.EOF, "it ends properly, so that the client connects anew")
	require.NoError(t, <-stopped)
	assert.Less(t, time.Since(told), 5*time.Second)
	_ = body.Close()
}

func TestTheBellWakesWhoWaitsForTheTenant(t *testing.T) {
	t.Parallel()
	b := newBell()
	b.ring(acme) // for nobody
	first, second, other := b.wait(acme), b.wait(acme), b.wait(globex)
	rung := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	assert.False(t, rung(first), "what was before is in the database")
	b.ring(acme)
	assert.True(t, rung(first))
	assert.True(t, rung(second))
	assert.False(t, rung(other))
	assert.False(t, rung(b.wait(acme)), "that is for the next time")
}
