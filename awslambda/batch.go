package awslambda

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// handle has every record handled, those of a lane one after the other until one has failed, of different lanes as many at once as their source
// allows. Records that are not begun when the request's time is over have failed.
func (f *Function) handle(ctx, reserved context.Context, batch []*record) {
	q := &queue{function: f, ctx: ctx, reserved: reserved, lanes: lanesOf(batch)}
	for range min(batch[0].to.source.atOnce, len(q.lanes)) {
		q.workers.Add(1)
		go q.work()
	}
	q.workers.Wait()
}

// queue is the lanes of a batch that nobody has begun, and those who work at it.
type queue struct {
	function      *Function
	ctx, reserved context.Context
	workers       sync.WaitGroup

	mu    sync.Mutex
	lanes [][]*record
}

func (q *queue) take() []*record {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lanes) == 0 || q.reserved.Err() != nil {
		return nil
	}
	lane := q.lanes[0]
	q.lanes = q.lanes[1:]
	return lane
}

// work handles lanes until there are none. A handler may end the goroutine (runtime.Goexit): its record has failed then, and another goroutine goes on.
func (q *queue) work() {
	returned := false
	defer func() {
		if !returned {
			q.workers.Add(1)
			go q.work()
		}
		q.workers.Done()
	}()
	for lane := q.take(); lane != nil; lane = q.take() {
		for _, r := range lane {
			if q.reserved.Err() != nil {
				break
			}
			if q.function.answerRecord(q.ctx, q.reserved, r); r.failed() {
				break
			}
		}
	}
	returned = true
}

// lanesOf are the records in the order of the batch, each lane where its first stands.
func lanesOf(batch []*record) (lanes [][]*record) {
	at := map[string]int{}
	for _, r := range batch {
		if r.lane != "" && r.to.source.stops {
			r.lane = "all groups"
		}
		if i, there := at[r.lane]; there && r.lane != "" {
			lanes[i] = append(lanes[i], r)
			continue
		}
		at[r.lane] = len(lanes)
		lanes = append(lanes, []*record{r})
	}
	return lanes
}

// answerRecord has one record handled.
func (f *Function) answerRecord(ctx, reserved context.Context, r *record) {
	w := &receipt{header: http.Header{}}
	err := serve(r.to.handler, w, r.request(reserved))
	await(ctx, w.work)
	if err == nil {
		r.status = max(w.status, http.StatusOK)
	}
}

// receipt is the ResponseWriter of a record whose source takes no answer but that it was handled.
type receipt struct {
	header http.Header
	status int
	work   <-chan struct{}
}

func (w *receipt) Header() http.Header { return w.header }

// WriteHeader takes the first final status.
func (w *receipt) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *receipt) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}

// CollectLimit is for weft, which makes a body to its end before it is written: a record whose answer breaks off has failed.
func (w *receipt) CollectLimit(http.Header) int64 { return answerLimit }

// Await is for weft, whose work behind the request has to end before the process is frozen.
func (w *receipt) Await(done <-chan struct{}) { w.work = done }

// outcome is what the source is told: which records it has to send again.
func outcome(batch []*record) ([]byte, error) {
	source := batch[0].to.source
	var failed []*record
	for _, r := range batch {
		if r.failed() {
			failed = append(failed, r)
		}
	}
	switch {
	case len(failed) == 0:
		return source.success(), nil
	case !source.partial() || source.wholeBatch || source.noneIsError && len(failed) == len(batch):
		return nil, failure("RecordsFailed", told(failed, len(batch)))
	}
	to := []byte(`{"batchItemFailures":[`)
	reported := map[string]bool{}
	for _, r := range failed {
		if source.checkpoints() { // of a lane the first says it for all behind it
			if reported[r.lane] {
				continue
			}
			reported[r.lane] = true
		}
		if r.failure == nil {
			return nil, failure("RecordsFailed", errors.Join(errUnnamed, told(failed, len(batch))))
		}
		if to[len(to)-1] != '[' {
			to = append(to, ',')
		}
		to = append(append(append(to, `{"itemIdentifier":`...), r.failure...), '}')
	}
	return append(to, "]}"...), nil
}

var errUnnamed = errors.New("a record that has failed cannot be named, so all are to be sent again")

// success is the answer to a batch that was handled.
func (s *EventSource) success() []byte {
	if s.partial() {
		return []byte(`{"batchItemFailures":[]}`)
	}
	return []byte("null")
}

// partial reports whether the source can be told which records have failed.
func (s *EventSource) partial() bool {
	switch s.service {
	case FromSQS, FromKinesis, FromDynamoDB, FromKafka:
		return true
	}
	return false
}

// checkpoints reports whether the source sends everything again from the first record that has failed.
func (s *EventSource) checkpoints() bool { return s.partial() && s.service != FromSQS }

// told says which records have failed, and nothing of why, which is in the log.
func told(failed []*record, of int) error {
	var names []string
	for i, r := range failed {
		if i == 10 {
			names = append(names, fmt.Sprintf("and %d more", len(failed)-i))
			break
		}
		status := "was not begun, or has no answer"
		if r.status != 0 {
			status = "status " + strconv.Itoa(r.status)
		}
		names = append(names, fmt.Sprintf("%s (%s)", r.id, status))
	}
	return fmt.Errorf("%d of %d records of %s have failed: %s", len(failed), of, failed[0].to.source.Name(), strings.Join(names, ", "))
}
