package awslambda_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda"
	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// ways to fail are every way in which a record does not succeed.
var waysToFail = []string{"error", "conflict", "panic", "abort", "goexit", "unsettled", "refused", "no JSON", "no object", "unknown"}

func isFailure(t task) bool { return t.How != "ok" && t.How != "pause" }

// Whichever record of a batch fails, in whatever way: exactly what has to come again comes again.
func TestEachRecordOfABatchHasItsOutcome(t *testing.T) {
	for _, o := range origins() {
		for _, atOnce := range []int{1, 4} {
			t.Run(fmt.Sprint(o.name, " ", atOnce, " at once"), func(t *testing.T) {
				srv, d := o.server(t, awslambda.Concurrency(atOnce))
				o.holds(t, srv, d, o.event(tasks("ok", "ok", "ok")...), tasks("ok", "ok", "ok"), isFailure)
				for _, how := range waysToFail {
					for at := range 4 {
						all := tasks("ok", "ok", "ok", "ok")
						all[at].How = how
						o.holds(t, srv, d, o.event(all...), all, isFailure)
					}
					all := tasks(how, how)
					o.holds(t, srv, d, o.event(all...), all, isFailure)
				}
			})
		}
	}
}

// The same of any batch, in any lanes.
func TestBatchesAreAsTheModelSays(t *testing.T) {
	for _, o := range origins() {
		t.Run(o.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for _, atOnce := range []int{1, 4} {
				srv, d := o.server(t, awslambda.Concurrency(atOnce))
				for range 150 {
					all := make([]task, 1+random.IntN(12))
					for i := range all {
						all[i] = task{How: "ok", Lane: random.IntN(3)}
						switch random.IntN(6) {
						case 0:
							all[i].How = waysToFail[random.IntN(len(waysToFail))]
						case 1:
							all[i].How = "pause"
						}
					}
					event := o.event(all...)
					if len(all) > 1 && random.IntN(2) == 0 {
						at := random.IntN(len(all))
						event = o.spoil(t, event, all, at, o.poisons[random.IntN(len(o.poisons))])
						all[at].How = "spoiled"
					}
					if o.holds(t, srv, d, event, all, isFailure); t.Failed() {
						t.Fatalf("of %+v", all)
					}
				}
			}
		})
	}
}

// A record that cannot be read fails alone, wherever it stands.
func TestPoisonIsOfItsRecordAlone(t *testing.T) {
	for _, o := range origins() {
		t.Run(o.name, func(t *testing.T) {
			srv, d := o.server(t)
			for i, poison := range o.poisons {
				for at := range 3 {
					all := tasks("ok", "ok", "ok")
					event := o.spoil(t, o.event(all...), all, at, poison)
					all[at].How = "spoiled"
					if o.holds(t, srv, d, event, all, isFailure); t.Failed() {
						t.Fatalf("the poison %d at %d: %s", i, at, event)
					}
				}
			}
		})
	}
}

// What has no identifier cannot be reported: the whole batch comes again, as it does for an error. Where it succeeds nobody needs to name it.
func TestRecordsWithoutAnIdentifier(t *testing.T) {
	names := map[string]string{"SQS": "messageId", "SQS FIFO": "messageId", "Kinesis": "kinesis.sequenceNumber", "DynamoDB": "dynamodb.SequenceNumber", "Kafka": "offset"}
	for _, o := range origins() {
		srv, _ := o.server(t)
		for _, missing := range []any{"", nil, 7.5, []int{1}, anyObject{}} {
			if o.name == "Kafka" && missing == 7.5 {
				missing = true
			}
			without := set(names[o.name], missing)
			for _, how := range []string{"error", "ok"} {
				all := tasks("ok", how, "ok")
				event := o.spoil(t, o.event(all...), all, 1, without)
				answer, err := awslambda.Handle(t.Context(), srv, event)
				if how == "ok" && missing == nil || how == "ok" && missing == "" && o.name != "Kafka" { // which can be read
					assert.NoError(t, err)
					assert.JSONEq(t, `{"batchItemFailures":[]}`, string(answer), "%s without its name", o.name)
					continue
				}
				require.Error(t, err, "%s %s with %#v: %s", o.name, how, missing, answer)
				assert.Equal(t, "Weft.RecordsFailed", errorType(t, err))
				assert.ErrorContains(t, err, "cannot be named")
			}
			if o.rereads { // behind a failure nobody needs its name either
				all := tasks("ok", "error", "ok", "ok")
				event := o.spoil(t, o.event(all...), all, 2, without)
				again := awslambdatest.Failed(t, srv, event)
				require.Len(t, again, 3, o.name)
				assert.Equal(t, o.ids(all)[1], again[0])
			}
		}
	}
}

// A record that is no object has no name.
func TestRecordsThatAreNoObjects(t *testing.T) {
	for _, o := range origins() {
		srv, d := o.server(t)
		for _, nonsense := range []string{"7", "null", `"text"`, "[]", "true", "{}"} {
			event := string(o.event(tasks("ok")...))
			end := "]}"
			if o.name == "Kafka" {
				end = "]}}"
			}
			cut := strings.TrimSuffix(event, end)
			require.NotEqual(t, event, cut)
			d.pages = nil
			_, err := awslambda.Handle(t.Context(), srv, []byte(cut+","+nonsense+end))
			assert.Equal(t, "Weft.RecordsFailed", errorType(t, err), "%s %s", o.name, nonsense)
			assert.Equal(t, []string{"open", "commit", "close"}, d.of(o.ids(tasks("ok"))[0]), "the others are handled")
		}
	}
}

// What is not begun when the time is over has failed; what was done by then has not.
func TestTheDeadlineInTheMiddleOfABatch(t *testing.T) {
	for _, o := range origins() {
		for _, atOnce := range []int{1, 4} {
			synctest.Test(t, func(t *testing.T) {
				srv, d := o.server(t, awslambda.Concurrency(atOnce))
				all := tasks("ok", "ok", "late", "ok", "ok", "ok")
				for i := range all {
					all[i].Lane = i % 2
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				event, start := o.event(all...), time.Now()
				answer, err := awslambda.Handle(ctx, srv, event, awslambda.Reserve(time.Second))
				require.NoError(t, err)
				assert.Equal(t, 9*time.Second, time.Since(start), "there is time left to answer")
				again, err := awslambdatest.SentAgain(event, answer)
				require.NoError(t, err)
				for i, id := range o.ids(all) {
					did := d.of(id)
					assert.Equal(t, len(did) > 0 && did[1] == "commit", !contains(again, id), "%s: %v", id, did)
					if i == 2 {
						assert.Equal(t, []string{"open", "rollback", "close"}, did)
					}
					if atOnce == 1 && (i == 3 && !o.shard || i > 3) && (o.name == "SQS" || o.shard) {
						assert.Empty(t, did, "it is not begun")
					}
				}
				assert.Contains(t, again, o.ids(all)[2])
			})
		}
	}
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// An invocation that has no time left begins nothing.
func TestNothingIsBegunBehindTheDeadline(t *testing.T) {
	for _, o := range origins() {
		srv, d := o.server(t)
		ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
		defer cancel()
		all := tasks("ok", "ok")
		answer, err := awslambda.Handle(ctx, srv, o.event(all...))
		require.NoError(t, err)
		again, err := awslambdatest.SentAgain(o.event(all...), answer)
		require.NoError(t, err)
		assert.Equal(t, o.ids(all), again)
		assert.Empty(t, d.pages)
	}
}
