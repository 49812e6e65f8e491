package guards_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/weft-go/weft"
)

// One tree serves the requests of two apps, and calls beside them, at the same
// time. Each gets its own answer, and sees its own values alone.
func TestATreeServesManyRequestsAtOnce(t *testing.T) {
	already := goleak.IgnoreCurrent()
	defer goleak.VerifyNone(t, already, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
	const clients, each = 50, 200

	l := func(number int) *tree { return newLeaf(number, sets) }
	tr := combined(all,
		newLeaf(0, values),
		combined(oneOf, l(1), combined(all, l(2), newLeaf(3, values)), combined(not, l(4)), l(5)),
		combined(unless, l(6), combined(oneOf, l(7), combined(not, combined(not, l(8))))),
	)
	g := tr.guard()
	served := listen(t)
	defer served.server.Close()
	served.server.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = clients
	for host, at := range map[string]level{"one.test": "app", "two.test": "route"} {
		served.served[host] = newSite(t, map[level][]weft.Guard{at: {g}})
	}

	var logged, mustLog, passed, wrong atomic.Int64
	complain := func(format string, args ...any) {
		if wrong.Add(1) < 10 {
			t.Errorf(format, args...)
		}
	}
	var clientsDone sync.WaitGroup
	for client := range clients {
		clientsDone.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(client)))
			does := make([]*kind, 9)
			for n := range each {
				for i := range does {
					does[i] = allows
					switch random.IntN(16) {
					case 0, 1, 2, 3, 4, 5:
						does[i] = noes[random.IntN(len(noes))]
					case 6:
						does[i] = failures[random.IntN(len(failures))]
					}
				}
				want, asked := whether([]*tree{tr}, does)
				got, err := served.send(t.Context(), []string{"one.test", "two.test"}[random.IntN(2)], fmt.Sprintf("%d.%d ", client, n), does)
				if err != nil {
					complain("%v", err)
					return
				}
				logged.Add(int64(len(got.logged)))
				if want.verdict == weft.VerdictFailed && want.status >= 500 {
					mustLog.Add(1)
				}
				if want.verdict == weft.VerdictAllowed {
					passed.Add(1)
				}
				if differs := got.differs(want, asked); differs != "" {
					complain("%v, where the leaves %v: %s", tr, does, differs)
				}
				if n%4 == 0 {
					if differs := judged(g, does, want.parts[0], asked); differs != "" {
						complain("%v, called where the leaves %v: %s", tr, does, differs)
					}
				}
			}
		})
	}
	clientsDone.Wait()
	for _, s := range served.served {
		logged.Add(int64(len(s.log.take())))
	}
	assert.Equal(t, mustLog.Load(), logged.Load(), "each failure is logged once")
	assert.Positive(t, passed.Load())
	t.Logf("%d requests, %d of them let through, %d failures", clients*each, passed.Load(), mustLog.Load())
}
