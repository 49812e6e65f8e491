package awslambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// Attribute values are plain JSON, with all that they say.
func TestValuesOfDynamoDB(t *testing.T) {
	for value, want := range map[string]string{
		`{"S":"tea \"\u00e9\\"}`: `"tea \"é\\"`,
		`{"S":""}`:               `""`,
		`{"N":"0"}`:              `0`,
		`{"N":"-12345678901234567890.123456789012345678"}`: `-12345678901234567890.123456789012345678`,
		`{"N":"1E+126"}`: `1E+126`,
		`{"B":"AQI="}`:   `"AQI="`,
		`{"BOOL":true}`:  `true`,
		`{"BOOL":false}`: `false`,
		`{"NULL":true}`:  `null`,
		`{"L":[]}`:       `[]`,
		`{"L":[{"S":"a"},{"N":"1"},{"L":[{"NULL":true}]}]}`: `["a",1,[null]]`,
		`{"M":{}}`: `{}`,
		`{"M":{"a \"b\"":{"M":{"S":{"S":"x"}}},"N":{"N":"2"}}}`: `{"a \"b\"":{"S":"x"},"N":2}`,
		`{"SS":["a","b"]}`:       `["a","b"]`,
		`{"NS":["1","-2.5"]}`:    `[1,-2.5]`,
		`{"BS":["AQ==","Ag=="]}`: `["AQ==","Ag=="]`,
	} {
		event := awslambdatest.DynamoDBBatch("t", awslambdatest.Change{New: json.RawMessage(`{"v":` + value + `}`)})
		_, bodies := about[awslambda.DynamoDBRecord](t, awslambda.DynamoDB("t"), event)
		var plain struct{ New struct{ V json.RawMessage } }
		require.NoError(t, json.Unmarshal([]byte(bodies[0]), &plain), bodies[0])
		if strings.HasPrefix(want, `"`) || strings.Contains(want, `\`) {
			assert.JSONEq(t, want, string(plain.New.V))
		} else {
			assert.Equal(t, want, string(plain.New.V), "digit by digit")
		}
	}
}

// What is no attribute value fails its record, whatever the handler would take.
func TestValuesThatAreNoneOfDynamoDB(t *testing.T) {
	nested := func(depth int) string {
		return strings.Repeat(`{"L":[`, depth) + `{"S":"x"}` + strings.Repeat(`]}`, depth)
	}
	srv, all := listening(t, awslambda.DynamoDB("t"))
	for value, fails := range map[string]bool{
		nested(32): false, nested(70): true, `{}`: true, `7`: true, `"x"`: true, `null`: true, `[]`: true,
		`{"S":"a","N":"1"}`: true, `{"S":7}`: true, `{"S":null}`: true, `{"s":"a"}`: true, `{"Q":"a"}`: true,
		`{"N":7}`: true, `{"N":""}`: true, `{"N":"x"}`: true, `{"N":"\"x\""}`: true, `{"N":"true"}`: true, `{"N":"null"}`: true, `{"N":"{}"}`: true, `{"N":"1,2"}`: true, `{"N":"1 2"}`: true, `{"N":"01"}`: true,
		`{"BOOL":"true"}`: true, `{"BOOL":null}`: true, `{"B":7}`: true, `{"L":{}}`: true, `{"L":["a"]}`: true, `{"M":[]}`: true, `{"M":{"a":"b"}}`: true,
		`{"SS":"a"}`: true, `{"SS":[7]}`: true, `{"NS":["x"]}`: true, `{"NS":[1]}`: true, `{"BS":[null]}`: true,
	} {
		*all = nil
		failed := awslambdatest.Failed(t, srv, awslambdatest.DynamoDBBatch("t", awslambdatest.Change{New: json.RawMessage(`{"v":` + value + `}`)}))
		assert.Equal(t, fails, len(failed) > 0, value)
		assert.Equal(t, fails, len(*all) == 0, value)
	}
}

// Changes have what there was before and what there is now, as values of the table's type.
func TestChangesOfDynamoDB(t *testing.T) {
	type item struct {
		ID    string   `json:"id"`
		Total float64  `json:"total"`
		Tags  []string `json:"tags,omitempty"`
		Photo []byte   `json:"photo,omitempty"`
	}
	var all []awslambda.DynamoDBChange[item]
	var records []awslambda.DynamoDBRecord
	app := quiet()
	app.On(awslambda.DynamoDB("orders"), weft.Handle(func(_ context.Context, in struct {
		Change awslambda.DynamoDBChange[item] `body:"json"`
		Record awslambda.DynamoDBRecord       `value:""`
	}) (struct{}, error) {
		all, records = append(all, in.Change), append(records, in.Record)
		return struct{}{}, nil
	}))
	keys, one, two := map[string]string{"id": "a"}, &item{"a", 1.5, nil, nil}, &item{"a", 2, []string{"x"}, []byte{1, 2}}
	assert.Empty(t, awslambdatest.Failed(t, build(t, app), awslambdatest.DynamoDBBatch("orders",
		awslambdatest.Change{Keys: keys, New: one}, awslambdatest.Change{Keys: keys, Old: one, New: two}, awslambdatest.Change{Keys: keys, Old: two, Expired: true}, awslambdatest.Change{Keys: keys, Old: one})))
	require.Len(t, all, 4)
	for i, want := range []awslambda.DynamoDBChange[item]{{New: one}, {Old: one, New: two}, {Old: two}, {Old: one}} {
		want.Keys = map[string]any{"id": "a"}
		assert.Equal(t, want, all[i])
		assert.Equal(t, []string{"INSERT", "MODIFY", "REMOVE", "REMOVE"}[i], records[i].EventName)
		assert.Equal(t, i == 2, records[i].Expired)
	}
	byAdmin := []byte(strings.ReplaceAll(string(awslambdatest.DynamoDBBatch("orders", awslambdatest.Change{Old: one, Expired: true})), "dynamodb.amazonaws.com", "admin"))
	assert.Empty(t, awslambdatest.Failed(t, build(t, app), byAdmin))
	assert.False(t, records[4].Expired)
	more := awslambdatest.DynamoDBBatch("orders", awslambdatest.Change{New: map[string]any{"id": "a", "unknown": 1}})
	assert.Equal(t, []string{"1"}, awslambdatest.Failed(t, build(t, app), more), "an attribute that the type does not have")
}

// A tombstone is for a Req that is a pointer, and fails for any other.
func TestTombstonesOfKafka(t *testing.T) {
	app := quiet()
	var got []*Order
	var keys [][]byte
	app.On(awslambda.Kafka("orders"), weft.Handle(func(ctx context.Context, in struct {
		Order  *Order                `body:"json"`
		Record awslambda.KafkaRecord `value:""`
	}) (struct{}, error) {
		got, keys = append(got, in.Order), append(keys, in.Record.Key)
		return struct{}{}, nil
	}))
	app.On(awslambda.Kafka("strict"), weft.Handle(func(context.Context, Order) (struct{}, error) { return struct{}{}, nil }))
	srv := build(t, app)
	assert.Empty(t, awslambdatest.Failed(t, srv, awslambdatest.KafkaBatch("orders", awslambdatest.Record{Key: "7"}, awslambdatest.Record{Data: Order{7, "tea"}})))
	assert.Equal(t, []*Order{nil, {7, "tea"}}, got)
	assert.Equal(t, [][]byte{[]byte("7"), nil}, keys)
	assert.Equal(t, []string{"strict-0/0"}, awslambdatest.Failed(t, srv, awslambdatest.KafkaBatch("strict", awslambdatest.Record{})))
}

// Headers of Kafka keep their order, and their bytes, which are Java's.
func TestHeadersOfKafka(t *testing.T) {
	event := strings.ReplaceAll(string(awslambdatest.KafkaBatch("orders-eu-1", awslambdatest.Record{Data: "x", Partition: 12})), `"headers":[]`, `"headers":[{"B":[49]},{"A":[-61,-87]},{"B":[50]},{"Z":[0,-1]},{"E":[]}]`)
	records, _ := about[awslambda.KafkaRecord](t, awslambda.Kafka("orders-eu-1"), []byte(event))
	assert.Equal(t, []awslambda.KafkaHeader{{"B", []byte("1")}, {"A", []byte("é")}, {"B", []byte("2")}, {"Z", []byte{0, 255}}, {"E", []byte{}}}, records[0].Header)
	assert.Equal(t, []any{"orders-eu-1", int32(12)}, []any{records[0].Topic, records[0].Partition})
	hr := requests(t, []byte(event))[0]
	assert.Equal(t, []string{"1", "2"}, hr.Header["B"])
	assert.Equal(t, "é", hr.Header.Get("A"))
	assert.NotContains(t, hr.Header, "Z")
}

// Every record knows its invocation.
func TestInvocationsOfRecords(t *testing.T) {
	var all []awslambda.Invocation
	app := everySource(func(ctx context.Context, _ held) {
		inv, ok := awslambda.InvocationOf(ctx)
		assert.True(t, ok)
		all = append(all, *inv)
		deadline, _ := ctx.Deadline()
		assert.Equal(t, awslambda.DefaultReserve, inv.Deadline.Sub(deadline))
	})
	f, err := awslambda.New(build(t, app))
	require.NoError(t, err)
	cold := true
	for name, want := range map[string]awslambda.Source{
		"SQS FIFO": awslambda.FromSQS, "SNS": awslambda.FromSNS, "Kinesis": awslambda.FromKinesis, "DynamoDB": awslambda.FromDynamoDB, "S3": awslambda.FromS3,
		"EventBridge": awslambda.FromEventBridge, "Schedule": awslambda.FromSchedule, "Scheduler": awslambda.FromSchedule, "Direct": awslambda.FromDirect,
	} {
		all = nil
		ctx, cancel := context.WithTimeout(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1", InvokedFunctionArn: "arn", TenantID: "acme"}), time.Minute)
		_, err := f.Invoke(ctx, mixed("tea", 1)[name])
		require.NoError(t, err)
		cancel()
		for _, inv := range all {
			assert.Equal(t, []any{want, "r-1", "r-1", "arn", "acme", cold}, []any{inv.Source, inv.RequestID, inv.CorrelationID, inv.FunctionARN, inv.TenantID, inv.ColdStart}, name)
		}
		cold = false
	}
}

// Nobody else hears of a record that was refused, so it is in the log; what failed by itself is there once.
func TestRefusedRecordsAreLogged(t *testing.T) {
	var log bytes.Buffer
	app := weft.New(weft.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "stack" {
			return slog.Attr{}
		}
		return a
	}}))))
	app.On(awslambda.SQS("orders"), weft.Handle(func(_ context.Context, in Order) (struct{}, error) {
		if in.ID == 500 {
			return struct{}{}, errors.New("the database is away")
		}
		return struct{}{}, nil
	}).Guard(weft.NewGuard("not for the poor", func(r *weft.Request) error {
		if r.Header().Get("Tenant") == "poor" {
			return weft.Deny("No.")
		}
		return nil
	})))
	type message = awslambdatest.Message
	assert.Equal(t, []string{"m-1", "m-2", "m-3", "m-4"}, awslambdatest.Failed(t, build(t, app), strip(awslambdatest.SQSBatch("orders",
		message{ID: "m-1", Body: "{"}, message{ID: "m-2", Body: Order{}, Attributes: map[string]string{"Tenant": "poor"}}, message{ID: "m-3", Body: Order{ID: 500}}, message{ID: "m-4", Body: "SPOILED"}, message{ID: "m-5", Body: Order{ID: 7}}))))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 4, log.String())
	for i, want := range []string{`"a record was refused" route="SQS orders" record=m-1 status=400`, `"a record was refused" route="SQS orders" record=m-2 status=403`, "the database is away", `"a record was refused" route="SQS orders" record=m-4 status=400 error="it cannot be read: json: `} {
		assert.Contains(t, lines[i], want)
	}
	assert.Contains(t, lines[3], `/body`, "and what of it")
}

// strip makes a body a number, which none is.
func strip(event []byte) []byte {
	return []byte(strings.ReplaceAll(string(event), `"body":"SPOILED"`, `"body":7`))
}

// What no event has is an error of Build where a handler reads it.
func TestHandlersThatReadWhatNoEventHas(t *testing.T) {
	for what, h := range map[string]weft.Endpoint{
		`path "id"`: weft.Handle(func(context.Context, struct {
			ID string `path:"id"`
		}) (string, error) {
			return "", nil
		}),
		`query "id"`: weft.Handle(func(context.Context, struct {
			ID string `query:"id"`
		}) (string, error) {
			return "", nil
		}),
		`cookie "id"`: weft.Handle(func(context.Context, struct {
			ID string `cookie:"id"`
		}) (string, error) {
			return "", nil
		}),
		`form "id"`: weft.Handle(func(context.Context, struct {
			ID string `form:"id"`
		}) (string, error) {
			return "", nil
		}),
	} {
		app := quiet()
		app.On(awslambda.SQS("orders"), h)
		_, err := app.Build(t.Context())
		assert.ErrorContains(t, err, what+", which no event has")
		assert.ErrorContains(t, err, "record_values_test.go:")
	}
}
