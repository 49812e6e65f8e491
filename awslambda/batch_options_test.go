package awslambda_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

func TestWholeBatchAndFailIfNoneSucceeds(t *testing.T) {
	for _, o := range origins() {
		whole, _ := o.server(t, awslambda.WholeBatch())
		none, _ := o.server(t, awslambda.FailIfNoneSucceeds())
		plain, _ := o.server(t)
		for _, c := range []struct {
			how                     []string
			wholeFails, noneFails   bool
			plainReports, noneAgain int // how many are reported, and come again
		}{
			{[]string{"ok", "ok"}, false, false, 0, 0},
			{[]string{"ok", "error"}, true, false, 1, 1},
			{[]string{"error", "error"}, true, true, 2, 2},
			{[]string{"panic"}, true, true, 1, 1},
			{[]string{"error", "ok"}, true, o.lanes, 1, 1},
		} {
			event := o.event(tasks(c.how...)...)
			for srv, fails := range map[*weft.Server]bool{whole: c.wholeFails, none: c.noneFails, plain: false} {
				answer, err := awslambda.Handle(t.Context(), srv, event)
				if fails {
					assert.Equal(t, "Weft.RecordsFailed", errorType(t, err), "%s %v", o.name, c.how)
					continue
				}
				require.NoError(t, err)
				_, err = awslambdatest.SentAgain(event, answer)
				require.NoError(t, err)
			}
			again := awslambdatest.Failed(t, plain, event)
			want := c.plainReports
			if o.lanes && slices.Contains(c.how, "error") { // the later come again with it
				want = len(c.how) - slices.Index(c.how, "error")
			}
			assert.Len(t, again, want, "%s %v", o.name, c.how)
		}
		_, err := awslambda.Handle(t.Context(), whole, o.event(tasks("ok", "conflict")...))
		assert.ErrorContains(t, err, fmt.Sprintf("1 of 2 records of %s have failed: %s (status 409)", o.source().Name(), o.ids(tasks("ok", "ok"))[1]))
	}
	many, _ := origins()[0].server(t, awslambda.WholeBatch())
	_, err := awslambda.Handle(t.Context(), many, origins()[0].event(tasks(slices.Repeat([]string{"goexit"}, 12)...)...))
	assert.ErrorContains(t, err, "message-10 (was not begun, or has no answer), and 2 more")
}

// StopAtFailure begins no message behind a failure in the batch, of whatever group, and no two at once.
func TestStopAtFailure(t *testing.T) {
	fifo := origins()[1]
	all := []task{{"ok", 0}, {"error", 1}, {"ok", 2}, {"ok", 0}}
	on, d := fifo.server(t, awslambda.StopAtFailure())
	assert.Equal(t, []string{"message-2", "message-3", "message-4"}, awslambdatest.Failed(t, on, fifo.event(all...)))
	assert.Empty(t, d.of("message-3"))
	off, _ := fifo.server(t)
	assert.Equal(t, []string{"message-2"}, awslambdatest.Failed(t, off, fifo.event(all...)))

	synctest.Test(t, func(t *testing.T) {
		app := quiet()
		begun := make(chan int, 8)
		app.On(awslambda.SQS("orders.fifo", awslambda.StopAtFailure(), awslambda.Concurrency(2)), weft.Handle(func(_ context.Context, after int) (string, error) {
			begun <- after
			time.Sleep(time.Duration(after) * time.Second)
			if after == 1 {
				return "", errors.New("it failed")
			}
			return "", nil
		}))
		srv := build(t, app)
		type message = awslambdatest.Message
		failed := awslambdatest.Failed(t, srv, awslambdatest.SQSBatch("orders.fifo",
			message{ID: "a1", Group: "a", Body: 2}, message{ID: "b1", Group: "b", Body: 1}, message{ID: "a2", Group: "a", Body: 0}, message{ID: "c1", Group: "c", Body: 0}))
		assert.Equal(t, []string{"b1", "a2", "c1"}, failed, "nothing is begun behind what has failed")
		assert.Len(t, begun, 2)
	})
}

// So many records are handled at once as was said, and no more; a lane has never two.
func TestConcurrency(t *testing.T) {
	for _, o := range origins() {
		for _, atOnce := range []int{1, 3} {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var now, most int
				inLane := map[string]int{}
				handle := func(ctx context.Context, lane string) {
					mu.Lock()
					now++
					most = max(most, now)
					inLane[lane]++
					if o.lanes {
						assert.Equal(t, 1, inLane[lane], lane)
					}
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					inLane[lane]--
					now--
					mu.Unlock()
				}
				app := quiet()
				app.Use(weft.NewMiddleware("slow", func(r *weft.Request, next weft.Next) weft.Response {
					id := r.HTTP().URL.Path
					lane := "shard"
					switch o.name {
					case "Kafka":
						lane = id[:len("/orders-0")]
					case "SQS FIFO":
						n, _ := strconv.Atoi(id[len("/message-"):])
						lane = fmt.Sprint((n - 1) % 4)
					}
					handle(r.Context(), lane)
					return weft.Empty()
				}))
				app.On(o.source(awslambda.Concurrency(atOnce)), weft.Handle(func(context.Context, any) (string, error) { return "", nil }))
				srv := build(t, app)
				all := tasks(slices.Repeat([]string{"ok"}, 12)...)
				for i := range all {
					all[i].Lane = i % 4
				}
				start := time.Now()
				assert.Empty(t, awslambdatest.Failed(t, srv, o.event(all...)))
				took := time.Since(start)
				if o.shard || atOnce == 1 {
					assert.Equal(t, 1, most)
					assert.Equal(t, 12*time.Second, took)
					return
				}
				assert.Equal(t, 3, most)
				if o.lanes { // four lanes of three, by three
					assert.Equal(t, 6*time.Second, took)
				} else {
					assert.Equal(t, 4*time.Second, took)
				}
			})
		}
	}
}

// What makes no sense is an error of Build, which says where and why.
func TestSourcesThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		source *awslambda.EventSource
		want   string
	}{
		{awslambda.SQS(""), `SQS("") names nothing; "*" is everything that has no route of its own`},
		{awslambda.SNS(""), `SNS("") names nothing`},
		{awslambda.Kinesis(""), `Kinesis("") names nothing`},
		{awslambda.DynamoDB(""), `DynamoDB("") names nothing`},
		{awslambda.S3(""), `S3("") names nothing`},
		{awslambda.Kafka(""), `Kafka("") names nothing`},
		{awslambda.Direct(""), `Direct("") names nothing`},
		{awslambda.Schedule(""), `Schedule("") names nothing`},
		{awslambda.EventBridge("", "x"), `EventBridge("") names nothing`},
		{awslambda.EventBridge("x", ""), `EventBridge("x", "") names no detail type; "*" is every one`},
		{awslambda.SQS("q", awslambda.Concurrency(0)), "Concurrency(0) handles no record"},
		{awslambda.SQS("q", awslambda.Concurrency(-1)), "Concurrency(-1) handles no record"},
		{awslambda.Kafka("q", awslambda.StopAtFailure()), `StopAtFailure is for a FIFO queue of SQS, whose name ends in ".fifo"`},
		{awslambda.SQS("q", awslambda.StopAtFailure()), `StopAtFailure is for a FIFO queue of SQS, whose name ends in ".fifo"`},
		{awslambda.SNS("q", awslambda.Concurrency(2)), "Concurrency is for sources with partial batch responses: SQS, Kinesis, DynamoDB and Kafka"},
		{awslambda.Direct("q", awslambda.Concurrency(2)), "Concurrency is for sources with partial"},
		{awslambda.SNS("q", awslambda.WholeBatch()), "WholeBatch is for sources with partial batch responses: SQS, Kinesis, DynamoDB and Kafka"},
		{awslambda.Schedule("q", awslambda.WholeBatch()), "WholeBatch is for sources with partial"},
		{awslambda.Direct("q", awslambda.FailIfNoneSucceeds()), "FailIfNoneSucceeds is for sources with partial"},
		{awslambda.S3("q", awslambda.FailIfNoneSucceeds()), "FailIfNoneSucceeds is for sources with partial"},
		{awslambda.EventBridge("a", "b", awslambda.FailIfNoneSucceeds()), "FailIfNoneSucceeds is for sources with partial"},
	} {
		app := quiet()
		app.On(c.source, weft.Handle(func(context.Context, any) (string, error) { return "", nil }))
		_, err := app.Build(t.Context())
		assert.ErrorContains(t, err, c.want)
		assert.ErrorContains(t, err, "batch_options_test.go:")
		assert.ErrorContains(t, err, fmt.Sprintf("route %q", c.source.Name()))
	}
	for _, good := range []*awslambda.EventSource{
		awslambda.SQS("q.fifo", awslambda.StopAtFailure()), awslambda.SQS("*", awslambda.StopAtFailure()), awslambda.SQS("q", nil, awslambda.WholeBatch(), awslambda.FailIfNoneSucceeds(), awslambda.Concurrency(7)), awslambda.EventBridge("*", "*"),
	} {
		assert.NoError(t, good.Err())
	}
	app := quiet()
	h := weft.Handle(func(context.Context, any) (string, error) { return "", nil })
	app.On(awslambda.SQS("q"), h)
	app.Group("/sub").On(awslambda.SQS("q"), h)
	_, err := app.Build(t.Context())
	assert.ErrorContains(t, err, "the source has a route already (")
}

// What a record's source does not provide is missing at Build.
func TestKeysAreProvidedByTheirSourceAlone(t *testing.T) {
	for name, c := range map[string]struct {
		own     *awslambda.EventSource
		handler weft.Endpoint
	}{
		"SQS message": {awslambda.SQS("a"), weft.Handle(func(context.Context, struct {
			M awslambda.SQSMessage `value:""`
		}) (string, error) {
			return "", nil
		})},
		"SNS message": {awslambda.SNS("a"), weft.Handle(func(context.Context, struct {
			M awslambda.SNSMessage `value:""`
		}) (string, error) {
			return "", nil
		})},
		"EventBridge event": {awslambda.Schedule("a"), weft.Handle(func(context.Context, struct {
			M awslambda.EventBridgeEvent `value:""`
		}) (string, error) {
			return "", nil
		})},
		"Kinesis record": {awslambda.Kinesis("a"), weft.Handle(func(context.Context, struct {
			M awslambda.KinesisRecord `value:""`
		}) (string, error) {
			return "", nil
		})},
		"DynamoDB record": {awslambda.DynamoDB("a"), weft.Handle(func(context.Context, struct {
			M awslambda.DynamoDBRecord `value:""`
		}) (string, error) {
			return "", nil
		})},
		"S3 record": {awslambda.S3("a"), weft.Handle(func(context.Context, struct {
			M awslambda.S3Record `value:""`
		}) (string, error) {
			return "", nil
		})},
		"Kafka record": {awslambda.Kafka("a"), weft.Handle(func(context.Context, struct {
			M awslambda.KafkaRecord `value:""`
		}) (string, error) {
			return "", nil
		})},
	} {
		app := quiet()
		app.On(c.own, c.handler)
		_, err := app.Build(t.Context())
		assert.NoError(t, err, name)

		app = quiet()
		app.Handle("POST /a", c.handler)
		app.On(awslambda.Direct("a"), c.handler)
		_, err = app.Build(t.Context())
		assert.ErrorContains(t, err, `route "POST /a": the field M takes a value of type`, name)
		assert.ErrorContains(t, err, `route "Direct a": the field M takes a value of type`, name)
		assert.ErrorContains(t, err, "batch_options_test.go:", name)
	}
	app := quiet()
	h := weft.Handle(func(_ context.Context, m awslambda.SQSMessage) (string, error) { return m.ID, nil }).Extract(weft.KeyValue(awslambda.CurrentSQSMessage))
	app.Handle("POST /a", h)
	_, err := app.Build(t.Context())
	assert.ErrorContains(t, err, "SQS message")
	app = quiet()
	app.On(awslambda.SQS("a"), h)
	_, err = app.Build(t.Context())
	assert.NoError(t, err)
}
