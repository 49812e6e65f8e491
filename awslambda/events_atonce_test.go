package awslambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
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

// held is what a handler may keep of a record.
type held struct {
	about  any
	body   []byte
	hr     *http.Request
	header http.Header
}

// text is all of it.
func (h held) text() string {
	about, _ := json.Marshal(h.about)
	return fmt.Sprintf("%s %s %s %s %s %d %v", about, h.body, h.hr.Method, h.hr.URL, h.hr.Host, h.hr.ContentLength, h.header)
}

func holding[T any](app *weft.App, from *awslambda.EventSource, keep func(ctx context.Context, h held)) {
	app.On(from, weft.Handle(func(ctx context.Context, in struct {
		About T      `value:""`
		Body  []byte `body:"raw"`
	}) (struct{}, error) {
		keep(ctx, held{about: in.About, body: in.Body})
		return struct{}{}, nil
	}))
}

// everySource is an app that gives keep what its handlers got.
func everySource(keep func(context.Context, held)) *weft.App {
	app := quiet()
	type request struct{}
	keep2 := func(ctx context.Context, h held) {
		h.hr, _ = ctx.Value(request{}).(*http.Request)
		h.header = h.hr.Header
		keep(ctx, h)
	}
	app.Use(weft.NewMiddleware("remember", func(r *weft.Request, next weft.Next) weft.Response {
		return next(r.WithContext(context.WithValue(r.Context(), request{}, r.HTTP())))
	}))
	holding[awslambda.SQSMessage](app, awslambda.SQS("*", awslambda.Concurrency(2)), keep2)
	holding[awslambda.SNSMessage](app, awslambda.SNS("*"), keep2)
	holding[awslambda.KinesisRecord](app, awslambda.Kinesis("*"), keep2)
	holding[awslambda.DynamoDBRecord](app, awslambda.DynamoDB("*"), keep2)
	holding[awslambda.KafkaRecord](app, awslambda.Kafka("*", awslambda.Concurrency(2)), keep2)
	holding[awslambda.S3Record](app, awslambda.S3("*"), keep2)
	holding[awslambda.EventBridgeEvent](app, awslambda.EventBridge("*", "*"), keep2)
	holding[awslambda.EventBridgeEvent](app, awslambda.Schedule("*"), keep2)
	app.On(awslambda.Direct("*"), weft.Handle(func(ctx context.Context, body []byte) ([]byte, error) {
		keep2(ctx, held{body: body})
		return body, nil
	}).Extract(weft.RawBody()))
	return app
}

// mixed is one event of each source, with a mark in all that a sender chooses.
func mixed(mark string, size int) map[string][]byte {
	body := anyObject{"mark": mark, "filling": strings.Repeat("x", size)}
	message := awslambdatest.Message{ID: mark, Body: body, Attributes: map[string]string{"Mark": mark}, Group: mark, Subject: mark, TraceID: mark}
	rec := awslambdatest.Record{Key: mark, Data: body, Header: map[string]string{"Mark": mark}}
	text, _ := json.Marshal(body)
	return map[string][]byte{
		"SQS": awslambdatest.SQSBatch(mark, message, message), "SQS FIFO": awslambdatest.SQSBatch(mark+".fifo", message, message),
		"SNS": awslambdatest.SNSEvent(mark, message), "Kinesis": awslambdatest.KinesisBatch(mark, rec, rec),
		"DynamoDB": awslambdatest.DynamoDBBatch(mark, awslambdatest.Change{Keys: body, Old: body, New: body}),
		"Kafka":    awslambdatest.KafkaBatch(mark, rec, awslambdatest.Record{Key: mark, Data: body, Partition: 1, Header: map[string]string{"Mark": mark}}),
		"S3":       awslambdatest.S3Event(mark, awslambdatest.Object{Key: mark}), "EventBridge": awslambdatest.EventBridgeEvent(mark, mark, body),
		"Schedule": awslambdatest.ScheduledEvent(mark), "Scheduler": awslambdatest.SchedulerEvent(mark), "Direct": text, "Direct text": []byte(`"` + mark + `"`),
	}
}

// The payload is the runtime's, and is used again: what a handler keeps of a record is its own.
func TestNothingOfAnEventIsKept(t *testing.T) {
	for _, size := range []int{10, 100 << 10} {
		for name, payload := range mixed("tea", size) {
			var mu sync.Mutex
			var all []held
			var then []string
			later := make(chan string, 8)
			app := everySource(func(ctx context.Context, h held) {
				mu.Lock()
				defer mu.Unlock()
				all, then = append(all, h), append(then, h.text())
				assert.NoError(t, weft.Go(ctx, "later", func(context.Context) error {
					later <- h.text()
					return nil
				}))
			})
			before := string(payload)
			answer, err := awslambda.Handle(t.Context(), build(t, app), payload)
			require.NoError(t, err)
			said := string(answer)
			assert.Equal(t, before, string(payload), "and it is not changed")
			for i := range payload {
				payload[i] = '!'
			}
			require.NotEmpty(t, all)
			for i, h := range all {
				assert.Contains(t, then[i], "tea", name)
				assert.Equal(t, then[i], h.text(), name)
				assert.NotContains(t, then[i], "!")
			}
			for range all {
				assert.Contains(t, then, <-later, name)
			}
			assert.Equal(t, said, string(answer), "the answer is its own too")
		}
	}
}

// A payload that a handler still uses when its time is over is no longer the runtime's.
func TestNothingOfAnEventIsUsedBehindTheDeadline(t *testing.T) {
	synctest.Test(t, usedBehindTheDeadline)
}

func usedBehindTheDeadline(t *testing.T) {
	app := quiet()
	release := make(chan struct{})
	bodies := make(chan string, 1)
	app.On(awslambda.Direct("*"), weft.Handle(func(ctx context.Context, body []byte) (string, error) {
		return "", weft.Go(ctx, "later", func(context.Context) error {
			<-release
			bodies <- string(body)
			return nil
		})
	}).Extract(weft.RawBody()))
	srv := build(t, app)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	payload := []byte(`"tea"`)
	_, err := awslambda.Handle(ctx, srv, payload)
	require.NoError(t, err)
	for i := range payload {
		payload[i] = '!'
	}
	close(release)
	assert.Equal(t, `"tea"`, <-bodies)
}

// Sixteen invocations of one process at once, of every source: each sees its own alone.
func TestEventsAtOnce(t *testing.T) {
	const n = 16
	var mu sync.Mutex
	counts := map[string]int{}
	app := everySource(func(_ context.Context, h held) {
		text := h.text()
		mark := text[strings.Index(text, "mark-"):][:len("mark-00-")]
		assert.Equal(t, strings.Count(text, "mark-"), strings.Count(text, mark))
		mu.Lock()
		counts[mark]++
		mu.Unlock()
	})
	f, err := awslambda.New(build(t, app))
	require.NoError(t, err)
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			for round := range 3 {
				for name, payload := range mixed(fmt.Sprintf("mark-%02d-", i), round) {
					answer, err := f.Invoke(t.Context(), payload)
					for k := range payload {
						payload[k] = '!'
					}
					if !assert.NoError(t, err) {
						return
					}
					assert.NotContains(t, string(answer), "!", name)
				}
			}
		})
	}
	close(start)
	group.Wait()
	assert.Len(t, counts, n)
	for mark, count := range counts {
		assert.Equal(t, 3*16, count, mark)
	}
}
