package main

import "sync"

// bell tells who waits for news of a tenant that there are some. It says neither what nor how much: that is
// in the database. So nothing is queued for those who are slow, and nothing is lost where nobody waits.
type bell struct {
	mu   sync.Mutex
	next map[Tenant]chan struct{} // closed by the next ring
}

func newBell() *bell { return &bell{next: map[Tenant]chan struct{}{}} }

// wait returns what is closed when the bell of the tenant is rung the next time. Who asks before looking at the database
// misses nothing that is kept between looking and waiting.
func (b *bell) wait(tenant Tenant) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	rung, waited := b.next[tenant]
	if !waited {
		rung = make(chan struct{})
		b.next[tenant] = rung
	}
	return rung
}

// ring wakes all who wait for the tenant.
func (b *bell) ring(tenant Tenant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rung, waited := b.next[tenant]; waited {
		close(rung)
		delete(b.next, tenant)
	}
}
