package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// got is what a route's handler got: the route, and the body.
type got struct{ route, body string }

// listening is an app whose routes note what they get. What has "must-fail" in it fails.
func listening(t testing.TB, sources ...*awslambda.EventSource) (*weft.Server, *[]got) {
	t.Helper()
	all := &[]got{}
	app := quiet()
	for _, from := range sources {
		app.On(from, weft.Handle(func(_ context.Context, body []byte) (struct{}, error) {
			*all = append(*all, got{from.Name(), string(body)})
			if strings.Contains(string(body), "must-fail") {
				return struct{}{}, errors.New("it failed")
			}
			return struct{}{}, nil
		}).Extract(weft.RawBody()))
	}
	return build(t, app), all
}

// A record goes to the route of what it comes from, and to that for everything else where there is none.
func TestRecordsGetToTheirRoutes(t *testing.T) {
	srv, all := listening(t,
		awslambda.SQS("orders"), awslambda.SQS("*"), awslambda.SNS("news"), awslambda.SNS("*"), awslambda.Kinesis("clicks"), awslambda.Kinesis("*"),
		awslambda.DynamoDB("orders"), awslambda.DynamoDB("*"), awslambda.S3("uploads"), awslambda.S3("*"), awslambda.Kafka("orders"), awslambda.Kafka("*"),
		awslambda.EventBridge("shop", "Sold"), awslambda.EventBridge("shop", "*"), awslambda.EventBridge("*", "Sold"), awslambda.EventBridge("*", "*"),
		awslambda.Schedule("nightly"), awslambda.Schedule("*"),
	)
	type message = awslambdatest.Message
	type rec = awslambdatest.Record
	change := awslambdatest.Change{New: anyObject{"id": 1}}
	for _, c := range []struct {
		event       []byte
		route, body string
	}{
		{awslambdatest.SQSBatch("orders", message{Body: "a"}), "SQS orders", "a"},
		{awslambdatest.SQSBatch("Orders", message{Body: "a"}), "SQS *", "a"},
		{awslambdatest.SQSBatch("orders.fifo", message{Body: "a"}), "SQS *", "a"},
		{awslambdatest.SNSEvent("news", message{Body: "a"}), "SNS news", "a"},
		{awslambdatest.SNSEvent("other", message{Body: "a"}), "SNS *", "a"},
		{awslambdatest.KinesisBatch("clicks", rec{Data: "a"}), "Kinesis clicks", "a"},
		{awslambdatest.KinesisBatch("other", rec{Data: []byte{0, 0xff}}), "Kinesis *", "\x00\xff"},
		{[]byte(strings.ReplaceAll(string(awslambdatest.KinesisBatch("clicks", rec{Data: "a"})), "stream/clicks", "stream/clicks/consumer/c:1")), "Kinesis clicks", "a"},
		{awslambdatest.DynamoDBBatch("orders", change), "DynamoDB orders", `{"keys":{},"new":{"id":1}}`},
		{awslambdatest.DynamoDBBatch("other", change), "DynamoDB *", `{"keys":{},"new":{"id":1}}`},
		{awslambdatest.KafkaBatch("orders", rec{Data: "a"}), "Kafka orders", "a"},
		{awslambdatest.KafkaBatch("orders-eu", rec{Data: "a"}), "Kafka *", "a"},
		{awslambdatest.EventBridgeEvent("shop", "Sold", anyObject{"id": 7}), "EventBridge shop Sold", `{"id":7}`},
		{awslambdatest.EventBridgeEvent("shop", "Lost", anyObject{}), "EventBridge shop *", `{}`},
		{awslambdatest.EventBridgeEvent("depot", "Sold", anyObject{}), "EventBridge * Sold", `{}`},
		{awslambdatest.EventBridgeEvent("depot", "Lost", "text"), "EventBridge * *", `"text"`},
		{awslambdatest.ScheduledEvent("nightly"), "Schedule nightly", `{}`},
		{awslambdatest.SchedulerEvent("nightly"), "Schedule nightly", `{}`},
		{awslambdatest.ScheduledEvent("hourly"), "Schedule *", `{}`},
		{awslambdatest.SchedulerEvent("hourly"), "Schedule *", `{}`},
		{[]byte(strings.ReplaceAll(string(awslambdatest.SchedulerEvent("nightly")), `"{}"`, `"{\"id\":7}"`)), "Schedule nightly", `{"id":7}`},
		{awslambdatest.EventBridgeEvent("aws.events", "Scheduled Event", anyObject{}), "Schedule *", `{}`},
		{awslambdatest.EventBridgeEvent("shop", "Scheduled Event", anyObject{}), "EventBridge shop *", `{}`},
	} {
		*all = nil
		assert.Empty(t, awslambdatest.Failed(t, srv, c.event))
		assert.Equal(t, []got{{c.route, c.body}}, *all)
	}
	*all = nil
	assert.Empty(t, awslambdatest.Failed(t, srv, awslambdatest.S3Event("uploads", awslambdatest.Object{Key: "a b"}, awslambdatest.Object{Key: "c"})))
	require.Len(t, *all, 2)
	assert.Equal(t, "S3 uploads", (*all)[1].route)
	assert.Contains(t, (*all)[0].body, `"key":"a+b"`, "as it was sent")
}

// A schedule without a route of its own is an event like any other.
func TestSchedulesAreEventsToo(t *testing.T) {
	srv, all := listening(t, awslambda.EventBridge("aws.events", "Scheduled Event"), awslambda.EventBridge("aws.scheduler", "*"))
	assert.Empty(t, awslambdatest.Failed(t, srv, awslambdatest.ScheduledEvent("nightly")))
	assert.Empty(t, awslambdatest.Failed(t, srv, awslambdatest.SchedulerEvent("nightly")))
	assert.Equal(t, []got{{"EventBridge aws.events Scheduled Event", "{}"}, {"EventBridge aws.scheduler *", "{}"}}, *all)
}

// Of two routes that fit, that of the source is the closer one.
func TestTheCloserRouteOfEventBridge(t *testing.T) {
	srv, all := listening(t, awslambda.EventBridge("*", "Sold"), awslambda.EventBridge("shop", "*"), awslambda.EventBridge("*", "*"))
	assert.Empty(t, awslambdatest.Failed(t, srv, awslambdatest.EventBridgeEvent("shop", "Sold", anyObject{})))
	assert.Equal(t, []got{{"EventBridge shop *", "{}"}}, *all)
}

// The answer is null, which nobody reads; a failure is the invocation's.
func TestNotices(t *testing.T) {
	srv, all := listening(t, awslambda.SNS("*"), awslambda.S3("*"), awslambda.EventBridge("*", "*"), awslambda.Schedule("*"))
	for name, event := range map[string]func(body string) []byte{
		"SNS":         func(body string) []byte { return awslambdatest.SNSEvent("t", awslambdatest.Message{Body: body}) },
		"S3":          func(body string) []byte { return awslambdatest.S3Event("b", awslambdatest.Object{Key: body}) },
		"EventBridge": func(body string) []byte { return awslambdatest.EventBridgeEvent("s", "d", body) },
		"Schedule": func(body string) []byte {
			return []byte(strings.ReplaceAll(string(awslambdatest.SchedulerEvent("n")), "{}", body))
		},
	} {
		answer, err := awslambda.Handle(t.Context(), srv, event("fine"))
		require.NoError(t, err, name)
		assert.Equal(t, "null", string(answer), name)
		_, err = awslambda.Handle(t.Context(), srv, event("must-fail"))
		assert.Equal(t, "Weft.RecordsFailed", errorType(t, err), name)
	}
	*all = nil
	failed := awslambdatest.Failed(t, srv, awslambdatest.S3Event("b", awslambdatest.Object{Key: "a"}, awslambdatest.Object{Key: "must-fail"}, awslambdatest.Object{Key: "c"}))
	assert.Len(t, *all, 3, "the others are handled all the same")
	assert.Len(t, failed, 3)
}

// Keys of objects are encoded in an event, and decoded for a handler.
func TestKeysOfObjects(t *testing.T) {
	app := quiet()
	var keys []string
	app.On(awslambda.S3("uploads"), weft.Handle(func(_ context.Context, in struct {
		Record awslambda.S3Record `value:""`
	}) (struct{}, error) {
		keys = append(keys, in.Record.Key)
		return struct{}{}, nil
	}))
	srv := build(t, app)
	want := []string{"a b.jpg", "a+b", "100%.txt", "ä/ö ü.pdf", "/leading", "a=b&c", "%41", "line\nbreak", "", "日本"}
	var objects []awslambdatest.Object
	for _, key := range want {
		objects = append(objects, awslambdatest.Object{Key: key})
	}
	assert.Empty(t, awslambdatest.Failed(t, srv, awslambdatest.S3Event("uploads", objects...)))
	assert.Equal(t, want, keys)
	broken := strings.ReplaceAll(string(awslambdatest.S3Event("uploads", awslambdatest.Object{Key: "KEY"})), "KEY", "%zz")
	_, err := awslambda.Handle(t.Context(), srv, []byte(broken))
	assert.Equal(t, "Weft.RecordsFailed", errorType(t, err), "%zz is no key")
}

// EventBridge Pipes send the records of a batch as a list.
func TestPipesSendLists(t *testing.T) {
	for _, o := range origins() {
		if o.name == "Kafka" { // whose records a pipe sends in a form of its own
			continue
		}
		srv, _ := o.server(t)
		var event struct{ Records json.RawMessage }
		require.NoError(t, json.Unmarshal(o.event(tasks("ok", "error", "ok")...), &event))
		want := o.ids(tasks("ok", "ok", "ok"))[1:]
		if !o.lanes {
			want = want[:1]
		}
		assert.Equal(t, want, awslambdatest.Failed(t, srv, event.Records), o.name)
	}
}

func TestTumblingWindowsAreRefused(t *testing.T) {
	for _, o := range origins()[2:4] {
		srv, d := o.server(t)
		event := strings.TrimSuffix(string(o.event(tasks("ok")...)), "}") + `,"window":{"start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:01:00Z"},"state":{},"shardId":"s","isFinalInvokeForWindow":false}`
		_, err := awslambda.Handle(t.Context(), srv, []byte(event))
		assert.Equal(t, "Weft.InvalidEvent", errorType(t, err))
		assert.ErrorContains(t, err, "tumbling window")
		assert.Empty(t, d.pages)
		event = strings.TrimSuffix(string(o.event(tasks("ok")...)), "}") + `,"window":null}`
		assert.Empty(t, awslambdatest.Failed(t, srv, []byte(event)))
	}
}

// An event without a route is an error, which says what to declare.
func TestEventsWithoutARoute(t *testing.T) {
	srv, _ := listening(t, awslambda.SQS("orders"))
	type message = awslambdatest.Message
	for event, want := range map[string]string{
		string(awslambdatest.SQSBatch("other", message{})):                    `App.On(awslambda.SQS("other"), …)`,
		string(awslambdatest.SNSEvent("news", message{})):                     `App.On(awslambda.SNS("news"), …)`,
		string(awslambdatest.KinesisBatch("clicks", awslambdatest.Record{})):  `App.On(awslambda.Kinesis("clicks"), …)`,
		string(awslambdatest.DynamoDBBatch("orders", awslambdatest.Change{})): `App.On(awslambda.DynamoDB("orders"), …)`,
		string(awslambdatest.KafkaBatch("orders", awslambdatest.Record{})):    `App.On(awslambda.Kafka("orders"), …)`,
		string(awslambdatest.S3Event("uploads", awslambdatest.Object{})):      `App.On(awslambda.S3("uploads"), …)`,
		string(awslambdatest.EventBridgeEvent("shop", "Sold", nil)):           `App.On(awslambda.EventBridge("shop", "Sold"), …)`,
		string(awslambdatest.ScheduledEvent("nightly")):                       `App.On(awslambda.Schedule("nightly"), …)`,
		string(awslambdatest.SchedulerEvent("nightly")):                       `App.On(awslambda.Schedule("nightly"), …)`,
		`{}`:             "the event is of no source that is known",
		`{"Records":[]}`: "the event is of no source that is known",
		`{"Records":[{"eventSource":"aws:codecommit"}]}`:    "the event is of no source that is known",
		`{"eventSource":"aws:rmq","rmqMessagesByQueue":{}}`: "the event is of no source that is known",
	} {
		_, err := awslambda.Handle(t.Context(), srv, []byte(event))
		assert.Equal(t, "Weft.UnknownEvent", errorType(t, err), event)
		assert.ErrorContains(t, err, strings.ReplaceAll(want, `"`, `\"`), event)
	}
	for _, event := range []string{`[]`, `[1]`, `7`, `"x"`, `null`, `true`} {
		_, err := awslambda.Handle(t.Context(), srv, []byte(event))
		assert.Equal(t, "Weft.InvalidEvent", errorType(t, err), event)
	}
}

// Direct("*") is for every event that no other route is for, as a whole, but for those of services that would take its answer for an acknowledgement.
func TestDirectTakesWhatIsLeft(t *testing.T) {
	srv, all := listening(t, awslambda.SQS("orders"), awslambda.Direct("*"))
	for _, event := range []string{
		string(awslambdatest.SQSBatch("other", awslambdatest.Message{Body: "a"})), string(awslambdatest.SNSEvent("news", awslambdatest.Message{Body: "a"})),
		string(awslambdatest.EventBridgeEvent("shop", "Sold", nil)), `[{"eventSource":"aws:sqs"}]`,
	} {
		_, err := awslambda.Handle(t.Context(), srv, []byte(event))
		assert.Equal(t, "Weft.UnknownEvent", errorType(t, err), event)
		assert.Empty(t, *all)
	}
	for _, event := range []string{`{"Records":[]}`, `[]`, `7`, `"x"`, `null`, ` {"a": 1} `, `{"triggerSource":"PreSignUp_SignUp"}`} {
		*all = nil
		_, err := awslambda.Handle(t.Context(), srv, []byte(event))
		require.NoError(t, err, event)
		assert.Equal(t, []got{{"Direct *", event}}, *all)
	}
	*all = nil
	assert.Empty(t, awslambdatest.Failed(t, srv, awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: "a"})))
	assert.Equal(t, []got{{"SQS orders", "a"}}, *all)
}

// One handler may be behind routes of HTTP, a queue and an invocation, in one app.
func TestOneHandlerForAll(t *testing.T) {
	type order struct {
		ID     int    `json:"id"`
		Action string `json:"action,omitempty"`
	}
	var from []awslambda.Source
	place := weft.Handle(func(ctx context.Context, in order) (order, error) {
		inv, _ := awslambda.InvocationOf(ctx)
		from = append(from, inv.Source)
		if in.ID == 0 {
			return order{}, &weft.Error{Status: 409, Code: "no_id"}
		}
		return in, nil
	})
	app := quiet()
	app.Handle("POST /orders", place)
	app.On(awslambda.SQS("orders"), place)
	app.Group("/admin").On(awslambda.Direct("place"), place)
	srv := build(t, app)
	post, err := http.NewRequestWithContext(t.Context(), "POST", "http://example.com/orders", strings.NewReader(`{"id":7}`))
	require.NoError(t, err)
	post.Header.Set("Content-Type", "application/json")
	resp, err := awslambdatest.Transport(srv, awslambdatest.HTTPAPI)(post)
	require.NoError(t, err)
	assert.Equal(t, `200 {"id":7}`, fmt.Sprint(resp.StatusCode, " ", read(t, resp.Body)))
	assert.Equal(t, []string{"message-2"}, awslambdatest.Failed(t, srv, awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: order{ID: 7}}, awslambdatest.Message{Body: order{}})))
	answer, err := awslambda.Handle(t.Context(), srv, []byte(`{"action":"place","id":7}`))
	require.NoError(t, err)
	assert.JSONEq(t, `{"action":"place","id":7}`, string(answer))
	_, err = awslambda.Handle(t.Context(), srv, []byte(`{"action":"place","id":0}`))
	assert.Equal(t, "no_id", errorType(t, err))
	assert.Equal(t, []awslambda.Source{awslambda.HTTPAPI, awslambda.FromSQS, awslambda.FromSQS, awslambda.FromDirect, awslambda.FromDirect}, from)
}

// A record's body may be read as it comes, and its answer may be a stream: which has to be made to its end.
func TestBodiesAndAnswersMayBeStreams(t *testing.T) {
	app := quiet()
	var bodies []string
	app.On(awslambda.SQS("orders"), weft.Handle(func(_ context.Context, body io.Reader) (weft.Stream[int], error) {
		text, err := io.ReadAll(body)
		bodies = append(bodies, string(text))
		return func(yield func(int, error) bool) {
			_ = yield(1, nil) && string(text) == "breaks" && yield(0, errors.New("no more"))
		}, err
	}).Extract(weft.BodyReader()))
	assert.Equal(t, []string{"message-2"}, awslambdatest.Failed(t, build(t, app), awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: "whole"}, awslambdatest.Message{Body: "breaks"})))
	assert.Equal(t, []string{"whole", "breaks"}, bodies)
}

// Work behind a record is awaited with it.
func TestWorkBehindARecordIsAwaited(t *testing.T) {
	app := quiet()
	done := 0
	app.On(awslambda.SQS("orders"), weft.Handle(func(ctx context.Context, _ int) (string, error) {
		return "", weft.Go(ctx, "later", func(context.Context) error {
			time.Sleep(5 * time.Millisecond)
			done++
			return nil
		})
	}))
	assert.Empty(t, awslambdatest.Failed(t, build(t, app), awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: 1}, awslambdatest.Message{Body: 2})))
	assert.Equal(t, 2, done)
}
