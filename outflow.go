package weft

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// pendingRoom is how much of a stream may wait for the client before its producer does.
const pendingRoom = 64 << 10

// streamSource is a stream as the body of an answer.
type streamSource struct {
	items  anyStream
	format StreamFormat
}

func (s *streamSource) send(r *Request, t *transfer) error {
	if t.bodiless() {
		return nil
	}
	state := r.state
	p := &outflow{
		framing: s.format.framing(),
		encoder: newItemEncoder(state.input.codec),
		ready:   make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
	}
	t.failure = p.framing.failure
	go p.run(s.items)
	return p.send(state, t, state.streams())
}

func (s *streamSource) end() {}

// outflow is a stream under way. The producer puts items together on its own goroutine, and that of the request
// sends what is there: so items that come fast are sent together, one that comes alone is sent at once, and
// the ResponseWriter is used by one goroutine.
type outflow struct {
	framing *framing
	encoder *itemEncoder
	item    []byte // of the producer
	broken  error  // likewise: the item that could not be encoded

	mu      sync.Mutex
	pending []byte
	begun   bool // there was an item
	stopped bool // nothing more is taken
	done    bool // the producer has returned
	exited  bool // and has ended its goroutine
	err     error

	ready chan struct{} // something is pending, or the producer is done
	room  chan struct{} // something was taken, or nothing more is
}

// run runs the producer.
func (p *outflow) run(items anyStream) {
	returned := false
	var err error
	defer func() {
		if !returned {
			switch v := recover(); v {
			case nil:
				p.exited = true
			case http.ErrAbortHandler:
				err = http.ErrAbortHandler
			default:
				err = caught(v)
			}
		}
		p.finish(err)
	}()
	err = items.produce(p.take)
	returned = true
}

// finish is the producer's last word.
func (p *outflow) finish(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.done = cmp.Or(p.broken, err), true
	if p.err == nil && !p.exited && !p.stopped {
		if !p.begun {
			p.pending = append(p.pending, p.framing.open...)
		}
		p.pending = append(p.pending, p.framing.close...)
	}
	wake(p.ready)
}

// take takes an item from the producer.
func (p *outflow) take(item any) bool {
	p.item = p.item[:0]
	lead := p.framing.between
	if !p.begun {
		lead = p.framing.open
	}
	var err error
	if p.item, err = p.framing.item(append(p.item, lead...), p.encoder, item); err != nil {
		p.broken = &during{"encoding an item of the stream", err}
		return false
	}
	p.mu.Lock()
	for len(p.pending) >= pendingRoom && !p.stopped {
		p.mu.Unlock()
		<-p.room
		p.mu.Lock()
	}
	first, stopped := len(p.pending) == 0, p.stopped
	if !stopped {
		p.pending, p.begun = append(p.pending, p.item...), true
	}
	p.mu.Unlock()
	if first {
		wake(p.ready)
	}
	return !stopped
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// stop takes nothing more.
func (p *outflow) stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	wake(p.room)
}

// send sends what the producer makes until it has returned.
func (p *outflow) send(s *state, t *transfer, how *Streams) (err error) {
	first, beat := newPulse(how.FirstItem, !t.collects()), newPulse(how.Heartbeat, p.framing.comment != "" && !t.collects())
	idle := newPulse(how.Idle, how.Idle > 0)
	defer first.stop()
	defer beat.stop()
	defer idle.stop()
	gone, told := s.base.Done(), s.drained(p.framing)
	end := func(cause error) {
		s.endStream(cause)
		p.stop()
		gone, told = nil, nil
		first.stop()
		beat.stop()
		idle.stop()
	}
	over := false
	defer func() {
		if !over { // the ResponseWriter has panicked: the producer must not outlive its request all the same
			end(http.ErrAbortHandler)
			p.wait()
		}
	}()
	var spare []byte
	for {
		silent := false
		select {
		case <-p.ready:
		case <-first.due():
			silent = true
		case <-beat.due():
			silent = true
		case <-idle.due():
			err = timedOut(fmt.Errorf("the stream had no item for %v", how.Idle))
			end(context.DeadlineExceeded)
		case <-gone:
			end(s.base.Err())
		case <-told:
			end(http.ErrServerClosed)
		}
		p.mu.Lock()
		batch, begun, done := p.pending, p.begun, p.done
		p.pending = spare[:0]
		p.mu.Unlock()
		wake(p.room)
		if len(batch) > 0 || silent && t.err == nil {
			if begun || silent {
				first.stop()
				if !t.collects() {
					t.begin()
				}
			}
			items := len(batch) > 0
			if !items {
				batch = append(batch, p.framing.comment...)
			}
			_, _ = t.Write(batch) // t.err has it
			if t.status != 0 {
				_ = t.Flush()
			}
			beat.reset()
			if items { // now, as it is the client that was waited for until here
				idle.reset()
			}
			if t.err != nil {
				end(t.err)
			}
		}
		spare = batch
		if done {
			break
		}
	}
	over = true
	if p.exited {
		runtime.Goexit()
	}
	if s.base.Err() != nil { // also where the producer has heard of it first, and has simply returned
		err = cmp.Or(err, s.base.Err())
	}
	return cmp.Or(err, p.failure())
}

// wait waits until the producer has returned.
func (p *outflow) wait() {
	for done := false; !done; {
		p.mu.Lock()
		done = p.done
		p.mu.Unlock()
		if !done {
			<-p.ready
		}
	}
}

// failure is why the producer failed, unless it only says that it was told to end.
func (p *outflow) failure() error {
	if p.stopped && (holds(p.err, context.Canceled) || holds(p.err, http.ErrServerClosed)) {
		return nil
	}
	return p.err
}

// pulse is due when nothing has happened for a time.
type pulse struct {
	every time.Duration
	timer *time.Timer // nil for never
}

func newPulse(every time.Duration, wanted bool) *pulse {
	if !wanted || every <= 0 {
		return &pulse{}
	}
	return &pulse{every, time.NewTimer(every)}
}

func (p *pulse) due() <-chan time.Time {
	if p.timer == nil {
		return nil
	}
	return p.timer.C
}

func (p *pulse) reset() {
	if p.timer != nil {
		p.timer.Reset(p.every)
	}
}

func (p *pulse) stop() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
