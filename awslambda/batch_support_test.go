package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// task is what a record asks of its handler.
type task struct {
	How  string `json:"how"`
	Lane int    `json:"-"` // the group or the partition that its record is of
}

func tasks(how ...string) (all []task) {
	for _, h := range how {
		all = append(all, task{How: h})
	}
	return all
}

// diary is what has happened, in its order.
type diary struct {
	mu    sync.Mutex
	pages []page
}

type page struct{ id, what string }

func (d *diary) write(id, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pages = append(d.pages, page{id, what})
}

// of is what has happened to a record.
func (d *diary) of(id string) (what []string) {
	for _, p := range d.pages {
		if p.id == id {
			what = append(what, p.what)
		}
	}
	return what
}

func (d *diary) at(id, what string) int { return slices.Index(d.pages, page{id, what}) }

// visit is a service of a request, which every record has.
type visit struct {
	diary *diary
	id    string
}

func (v *visit) Dispatch(r *weft.Request, next weft.Next) weft.Response {
	v.id = strings.TrimPrefix(r.HTTP().URL.Path, "/")
	v.diary.write(v.id, "open")
	return next(r)
}

func (v *visit) Close() error { v.diary.write(v.id, "close"); return nil }

// deed is a transaction.
type deed struct {
	*visit
	how string
}

// Close hides the visit's.
func (d *deed) Close() {}

func (d *deed) Settle(_ context.Context, o weft.Outcome) error {
	switch {
	case !o.OK():
		d.diary.write(d.id, "rollback")
	case d.how == "unsettled":
		return errors.New("the commit failed")
	case d.how == "refused":
		return &weft.Error{Status: 409}
	default:
		d.diary.write(d.id, "commit")
	}
	return nil
}

// clerk does tasks.
type clerk struct{ deed *deed }

func (c *clerk) do(ctx context.Context, how string) (string, error) {
	c.deed.how = how
	runtime.Gosched()
	switch how {
	case "ok", "unsettled", "refused":
		return "done", nil
	case "pause":
		time.Sleep(time.Millisecond)
		return "done", nil
	case "error":
		return "", errors.New("it failed")
	case "conflict":
		return "", &weft.Error{Status: 409}
	case "panic":
		panic("oh")
	case "abort":
		panic(http.ErrAbortHandler)
	case "goexit":
		runtime.Goexit()
	case "late":
		<-ctx.Done()
		return "", ctx.Err()
	}
	return "", fmt.Errorf("nobody knows how to %q", how)
}

// Take does the task of a body.
func (c *clerk) Take(ctx context.Context, in task) (string, error) { return c.do(ctx, in.How) }

// Change does the task of an item.
func (c *clerk) Change(ctx context.Context, in awslambda.DynamoDBChange[task]) (string, error) {
	if in.New == nil {
		return "", errors.New("there is no new image")
	}
	return c.do(ctx, in.New.How)
}

// office is an app with services, whose records are in the diary.
func office(d *diary) *weft.App {
	c := weft.NewContainer(nil)
	weft.PerRequest[*visit](c, func() *visit { return &visit{diary: d} })
	weft.PerRequest[*deed](c, func(v *visit) *deed { return &deed{visit: v} })
	weft.Auto[*clerk](c, func(d *deed) *clerk { return &clerk{d} })
	app := quiet(weft.WithContainer(c))
	app.Use(weft.MiddlewareFrom((*visit).Dispatch))
	return app
}

// origin is a source with partial batch responses.
type origin struct {
	name   string
	source func(...awslambda.EventOption) *awslambda.EventSource
	takes  weft.Endpoint
	event  func(...task) []byte
	lanes  bool // order is kept in each; else there is none
	shard  bool // all is one
	// rereads says that the source sends everything from the first that is reported on.
	rereads bool
	// poisons make a record that cannot be handled of one, whose identifier is still there.
	poisons []func(record map[string]any)
}

func taskText(t task) string {
	if t.How == "no JSON" {
		return "{"
	}
	if t.How == "no object" {
		return `["ok"]`
	}
	text, _ := json.Marshal(t)
	return string(text)
}

func messagesOf(all []task) (list []awslambdatest.Message) {
	for _, t := range all {
		list = append(list, awslambdatest.Message{Body: taskText(t), Group: fmt.Sprint("g", t.Lane)})
	}
	return list
}

func recordsOf(all []task) (list []awslambdatest.Record) {
	for _, t := range all {
		list = append(list, awslambdatest.Record{Data: taskText(t), Partition: t.Lane})
	}
	return list
}

func set(path string, value any) func(map[string]any) {
	return func(record map[string]any) {
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			record = record[name].(map[string]any)
		}
		record[names[len(names)-1]] = value
	}
}

type anyObject = map[string]any

// origins are all sources with partial batch responses.
func origins() []origin {
	take := weft.HandleFrom((*clerk).Take)
	sqs := []func(map[string]any){
		set("body", 5), set("body", anyObject{"how": "ok"}), set("attributes", "none"), set("messageAttributes", []int{1}),
		set("messageAttributes", anyObject{"A": anyObject{"dataType": 7}}), set("receiptHandle", true), set("body", nil), set("body", "\x00"),
		set("awsRegion", 1),
	}
	return []origin{
		{
			name: "SQS", takes: take, poisons: append(slices.Clip(sqs), set("eventSourceARN", 7)),
			source: func(o ...awslambda.EventOption) *awslambda.EventSource { return awslambda.SQS("orders", o...) },
			event:  func(all ...task) []byte { return awslambdatest.SQSBatch("orders", messagesOf(all)...) },
		},
		{
			name: "SQS FIFO", takes: take, lanes: true, poisons: slices.DeleteFunc(slices.Clone(sqs), func(p func(map[string]any)) bool { // without which its group is known to nobody
				r := anyObject{"attributes": anyObject{}}
				p(r)
				return r["attributes"] == "none"
			}),
			source: func(o ...awslambda.EventOption) *awslambda.EventSource { return awslambda.SQS("orders.fifo", o...) },
			event:  func(all ...task) []byte { return awslambdatest.SQSBatch("orders.fifo", messagesOf(all)...) },
		},
		{
			name: "Kinesis", takes: take, lanes: true, shard: true, rereads: true,
			poisons: []func(map[string]any){
				set("kinesis.data", "=="), set("kinesis.data", 7), set("kinesis.data", ""), set("kinesis.data", nil), set("kinesis.partitionKey", []int{}),
				set("eventID", 7), set("kinesis.approximateArrivalTimestamp", "now"), set("eventSourceARN", anyObject{}),
			},
			source: func(o ...awslambda.EventOption) *awslambda.EventSource { return awslambda.Kinesis("clicks", o...) },
			event:  func(all ...task) []byte { return awslambdatest.KinesisBatch("clicks", recordsOf(all)...) },
		},
		{
			name: "DynamoDB", takes: weft.HandleFrom((*clerk).Change), lanes: true, shard: true, rereads: true,
			poisons: []func(map[string]any){
				set("dynamodb.NewImage", anyObject{"how": "ok"}), set("dynamodb.NewImage", anyObject{"how": anyObject{"S": 7}}),
				set("dynamodb.NewImage", anyObject{"how": anyObject{"Q": "ok"}}), set("dynamodb.NewImage", anyObject{"how": anyObject{}}),
				set("dynamodb.NewImage", anyObject{"how": anyObject{"S": "ok", "N": "7"}}), set("dynamodb.NewImage", 7), set("dynamodb.Keys", []int{}),
				set("dynamodb.OldImage", "none"), set("dynamodb.Keys", anyObject{"id": anyObject{"N": "seven"}}), set("dynamodb.Keys", anyObject{"id": anyObject{"N": 7}}),
				set("dynamodb.Keys", anyObject{"id": anyObject{"SS": "a"}}), set("dynamodb.Keys", anyObject{"id": anyObject{"SS": []int{1}}}),
				set("dynamodb.Keys", anyObject{"id": anyObject{"L": []int{1}}}), set("dynamodb.Keys", anyObject{"id": anyObject{"M": []int{1}}}),
				set("dynamodb.Keys", anyObject{"id": anyObject{"BOOL": "true"}}), set("dynamodb.Keys", anyObject{"id": anyObject{"NS": []string{"1", ""}}}),
				set("dynamodb.NewImage", nil), set("dynamodb.ApproximateCreationDateTime", "now"), set("eventName", 7), set("userIdentity", "nobody"),
				set("eventID", 7), set("eventSourceARN", 7), set("dynamodb.NewImage", deepItem(100)),
			},
			source: func(o ...awslambda.EventOption) *awslambda.EventSource { return awslambda.DynamoDB("orders", o...) },
			event: func(all ...task) []byte {
				changes := make([]awslambdatest.Change, len(all))
				for i, t := range all {
					changes[i] = awslambdatest.Change{Keys: anyObject{"id": i}, New: t}
					switch t.How {
					case "no JSON":
						changes[i].New = anyObject{"how": 7}
					case "no object":
						changes[i].New = anyObject{"how": []string{"ok"}}
					}
				}
				return awslambdatest.DynamoDBBatch("orders", changes...)
			},
		},
		{
			name: "Kafka", takes: take, lanes: true, rereads: true,
			poisons: []func(map[string]any){
				set("value", "=="), set("value", 7), set("value", nil), set("value", ""), set("key", 7), set("key", "a"), set("timestamp", "now"),
				set("headers", "none"), set("headers", []any{anyObject{"A": "text"}}), set("headers", []any{anyObject{"A": []any{"x"}}}),
			},
			source: func(o ...awslambda.EventOption) *awslambda.EventSource { return awslambda.Kafka("orders", o...) },
			event:  func(all ...task) []byte { return awslambdatest.KafkaBatch("orders", recordsOf(all)...) },
		},
	}
}

func deepItem(depth int) anyObject {
	value := anyObject{"S": "ok"}
	for range depth {
		value = anyObject{"M": anyObject{"how": value}}
	}
	return anyObject{"how": value}
}

// server is that of the source's route.
func (o origin) server(t testing.TB, opts ...awslambda.EventOption) (*weft.Server, *diary) {
	t.Helper()
	d := &diary{}
	app := office(d)
	app.On(o.source(opts...), o.takes)
	return build(t, app), d
}

// ids are the identifiers of a batch of tasks, in its order.
func (o origin) ids(all []task) (ids []string) {
	offsets := map[int]int{}
	for i, t := range all {
		switch o.name {
		case "SQS", "SQS FIFO":
			ids = append(ids, fmt.Sprint("message-", i+1))
		case "Kafka":
			ids = append(ids, fmt.Sprintf("orders-%d/%d", t.Lane, offsets[t.Lane]))
			offsets[t.Lane]++
		default:
			ids = append(ids, fmt.Sprint(i+1))
		}
	}
	return ids
}

// spoil changes a record of an event, which is the i-th.
func (o origin) spoil(t testing.TB, event []byte, all []task, i int, poison func(map[string]any)) []byte {
	t.Helper()
	var members struct {
		Records    []anyObject            `json:"Records,omitempty"`
		Source     string                 `json:"eventSource,omitempty"`
		Partitions map[string][]anyObject `json:"records,omitempty"`
	}
	require.NoError(t, json.Unmarshal(event, &members))
	if o.name == "Kafka" {
		partition, offset, _ := strings.Cut(o.ids(all)[i], "/")
		for _, r := range members.Partitions[partition] {
			if fmt.Sprint(r["offset"]) == offset {
				poison(r)
			}
		}
	} else {
		poison(members.Records[i])
	}
	spoiled, err := json.Marshal(members)
	require.NoError(t, err)
	return spoiled
}

// fate is what the model says of a record.
type fate struct{ begun, again bool }

// fates are those of a batch whose records fail or do not.
func (o origin) fates(all []task, fails func(task) bool) []fate {
	ended := map[int]bool{}
	list := make([]fate, len(all))
	for i, t := range all {
		lane := t.Lane
		if o.shard {
			lane = 0
		}
		if !o.lanes {
			lane = -1 - i
		}
		list[i] = fate{begun: !ended[lane], again: ended[lane] || fails(t)}
		ended[lane] = list[i].again
	}
	return list
}

// holds asserts that the batch has gone as the model says, and that what was acknowledged was done, in its order.
func (o origin) holds(t testing.TB, srv *weft.Server, d *diary, event []byte, all []task, fails func(task) bool) {
	t.Helper()
	d.pages = nil
	again := awslambdatest.Failed(t, srv, event)
	ids, want := o.ids(all), o.fates(all, fails)
	var wanted []string
	last := map[int]string{} // of a lane
	for i, id := range ids {
		if want[i].again {
			wanted = append(wanted, id)
		}
		did := d.of(id)
		if !want[i].begun {
			assert.Empty(t, did, "%s was not to be begun", id)
			continue
		}
		require.GreaterOrEqual(t, len(did), 2, "%s: %v", id, did)
		assert.Equal(t, "open", did[0], id)
		assert.Equal(t, "close", did[len(did)-1], id)
		assert.LessOrEqual(t, len(did), 3, "%s: %v", id, did)
		assert.Equal(t, !want[i].again, slices.Contains(did, "commit"), "%s is acknowledged if and only if it was committed: %v", id, did)
		lane := all[i].Lane
		if o.shard {
			lane = 0
		}
		if o.lanes {
			if before := last[lane]; before != "" {
				assert.Less(t, d.at(before, "close"), d.at(id, "open"), "%s begins when %s is over", id, before)
			}
			last[lane] = id
		}
	}
	assert.ElementsMatch(t, wanted, again)
}
