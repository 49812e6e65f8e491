package graph_test

import (
	"fmt"
	"io"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/internal/graph"
)

type (
	pool   struct{}
	tx     struct{}
	repo   struct{}
	orders struct{}
	clock  struct{}
)

func (*repo) Read([]byte) (int, error) { return 0, nil }

func key[T any](name ...string) graph.Key {
	k := graph.Key{Type: reflect.TypeFor[T]()}
	if len(name) > 0 {
		k.Name = name[0]
	}
	return k
}

func node[T any](at string, life graph.Lifetime, needs ...graph.Key) *graph.Node {
	return &graph.Node{Key: key[T](), Label: fmt.Sprint(reflect.TypeFor[T]()), At: at, Declared: life, Needs: needs}
}

func texts(problems []graph.Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, p.At+": "+p.Text+"; "+p.Remedy)
	}
	return all
}

func TestWhatNeedsSomethingOfARequestIsPromoted(t *testing.T) {
	p, x := node[*pool]("1", graph.Singleton), node[*tx]("2", graph.Request, key[*pool]())
	r, o := node[*repo]("3", graph.Auto, key[*tx](), key[*pool]()), node[*orders]("4", graph.Auto, key[io.Reader]())
	c := node[*clock]("5", graph.Auto, key[*pool]())
	stage := &graph.Node{Label: `the middleware "audit"`, At: "6", Needs: []graph.Key{key[*orders](), key[*clock]()}}
	g := &graph.Graph{
		Nodes:    []*graph.Node{stage, o, c, r, x, p},
		Bindings: []graph.Binding{{Interface: key[io.Reader](), Service: key[*repo](), At: "7"}},
	}
	order, problems := g.Solve()
	require.Empty(t, texts(problems))
	for n, want := range map[*graph.Node]graph.Lifetime{p: graph.Singleton, c: graph.Singleton, x: graph.Request, r: graph.Request, o: graph.Request, stage: graph.Request} {
		assert.Equal(t, want, n.Lifetime, n.Label)
	}
	assert.False(t, x.Promoted(), "it was declared so")
	assert.Equal(t, `the middleware "audit" (6) needs *graph_test.orders (4) needs *graph_test.repo (3) needs *graph_test.tx (2), which is made per request`, stage.Chain())
	place := map[*graph.Node]int{}
	for i, n := range order {
		place[n] = i
	}
	for _, n := range order {
		for _, d := range n.Deps {
			assert.Less(t, place[d], place[n], "%s comes behind %s", n.Label, d.Label)
		}
	}
}

func TestTheShortestReasonIsKept(t *testing.T) {
	x := node[*tx]("1", graph.Request)
	r := node[*repo]("2", graph.Auto, key[*tx]())
	o := node[*orders]("3", graph.Auto, key[*repo](), key[*tx]())
	_, problems := (&graph.Graph{Nodes: []*graph.Node{o, r, x}}).Solve()
	require.Empty(t, problems)
	assert.Equal(t, []*graph.Node{x}, o.Reason)
}

func TestAGroupIsPromotedByOneOfItsMembers(t *testing.T) {
	x := node[*tx]("1", graph.Request)
	a, b := node[io.Reader]("2", graph.Auto), node[io.Reader]("3", graph.Auto, key[*tx]())
	a.Member, b.Member = true, true
	o := node[*orders]("4", graph.Auto, key[[]io.Reader]())
	_, problems := (&graph.Graph{Nodes: []*graph.Node{o, a, b, x}}).Solve()
	require.Empty(t, texts(problems))
	assert.Equal(t, graph.Singleton, a.Lifetime)
	assert.Equal(t, graph.Request, b.Lifetime)
	group := o.Deps[0]
	assert.Equal(t, []*graph.Node{a, b}, group.Members)
	assert.Equal(t, []*graph.Node{group, b, x}, o.Reason)
	assert.Equal(t, "*graph_test.orders (4) needs []io.Reader needs io.Reader (3) needs *graph_test.tx (1), which is made per request", o.Chain())
}

func TestEverythingThatIsWrongIsFoundAtOnce(t *testing.T) {
	x := node[*tx]("1", graph.Request)
	captive := node[*repo]("2", graph.Singleton, key[*tx]())
	pinned := node[*orders]("3", graph.Auto, key[*tx]())
	pinned.Pinned = true
	twice := node[*tx]("4", graph.Request)
	missing := node[*clock]("5", graph.Auto, key[io.Reader](), key[pool](), key[*tx]("main"), key[io.Closer]())
	cycleA, cycleB := node[int]("6", graph.Auto, key[string]()), node[string]("7", graph.Auto, key[int]())
	external := node[*pool]("8", graph.Singleton)
	g := &graph.Graph{
		Nodes:    []*graph.Node{x, captive, pinned, twice, missing, cycleA, cycleB, external},
		External: func(k graph.Key) bool { return k == key[*pool]() },
		Bindings: []graph.Binding{
			{Interface: key[fmt.Stringer](), Service: key[*repo](), At: "9"}, {Interface: key[fmt.Stringer](), Service: key[*tx](), At: "10"},
			{Interface: key[*tx](), Service: key[*repo](), At: "11"},
		},
	}
	_, problems := g.Solve()
	assert.Equal(t, []string{
		"4: *graph_test.tx is provided twice, first at 1; keep one of them, or give them names",
		"8: *graph_test.pool is also provided with do.Provide in the injector; keep one of them, or give one a name",
		"10: fmt.Stringer is bound twice, first at 9; keep one of them",
		"11: *graph_test.tx is bound and also provided, at 1; keep one of the two",
		"2: *graph_test.repo is a singleton and would keep what belongs to one request: *graph_test.repo (2) needs *graph_test.tx (1), which is made per request; declare it with Auto or PerRequest, or take what it needs as an argument of a method",
		"3: *graph_test.orders is pinned, and what it needs is made per request: *graph_test.orders (3) needs *graph_test.tx (1), which is made per request; leave Pin out, or take what it needs as an argument of a method",
		"5: *graph_test.clock needs io.Reader, which nothing provides; say Implements[io.Reader, *graph_test.repo]",
		"5: *graph_test.clock needs graph_test.pool, which nothing provides; take *graph_test.pool, which is provided",
		`5: *graph_test.clock needs *graph_test.tx named "main", which nothing provides; ask for *graph_test.tx, or give it the name that is asked for`,
		"5: *graph_test.clock needs io.Closer, which nothing provides; provide it with Singleton, PerRequest or Auto, or with do.Provide",
		"6: what it needs leads back to itself: int (6) needs string (7) needs int (6); break the cycle: take what both need out of them, or pass it by a method",
	}, texts(problems))
}

func TestWhatTheApplicationProvidesItselfIsASingleton(t *testing.T) {
	o := node[*orders]("1", graph.Auto, key[*pool]())
	_, problems := (&graph.Graph{Nodes: []*graph.Node{o}, External: func(k graph.Key) bool { return k == key[*pool]() }}).Solve()
	require.Empty(t, problems)
	assert.Equal(t, graph.Singleton, o.Lifetime)
	assert.True(t, o.Deps[0].Given)
}
