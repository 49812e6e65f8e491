package contest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/weft-go/weft/bench/scopes"
	"github.com/weft-go/weft/bench/service"
)

// Workload is something that contenders do, and what is a right answer.
type Workload struct {
	// ID is its name in commands; what stands before a dash is its kind.
	ID, Title string
	// App makes the application that does it, nil where the contender has none.
	App func(Contender) func() App
	// Request and Want are nil and zero for a workload that makes applications.
	Request Request
	Want    Want
	// Parallel is whether all processors send at once.
	Parallel bool
	// Starts is whether making the application is what is measured.
	Starts bool
	// Long is whether a quick run leaves it out.
	Long bool
}

// Kind is what stands before the first dash of the ID.
func (w *Workload) Kind() string {
	kind, _, _ := strings.Cut(w.ID, "-")
	return kind
}

// Reason is why c does not do the workload; "" where it does.
func (w *Workload) Reason(c *Contender) string {
	if reason, given := c.Without[w.ID]; given {
		return reason
	}
	if w.App(*c) != nil {
		return ""
	}
	for _, name := range []string{w.Kind(), ""} {
		if reason, given := c.Without[name]; given {
			return reason
		}
	}
	return "not written"
}

const good = `{"customer":"alice","email":"alice@example.com","note":"ring twice","priority":3,"express":true,` +
	`"lines":[{"sku":"tea","quantity":2},{"sku":"cake","quantity":1}]}`

// GoodOrder is the typed POST that is answered with a receipt.
func GoodOrder() Request {
	return Request{Method: http.MethodPost, Target: "/tenants/acme/orders?dry_run=true", Body: good}.With("X-Trace", "t-1")
}

// badOrder breaks five rules, in the body's own fields and in two elements of its list.
func badOrder() Request {
	bad := strings.NewReplacer(
		`"alice"`, `"al"`,
		"alice@example.com", strings.Repeat("a", 95)+"@b.com",
		`"priority":3`, `"priority":12`,
		`"quantity":2`, `"quantity":200`,
		`"cake"`, `"`+strings.Repeat("cake", 6)+`"`,
	).Replace(good)
	r := GoodOrder()
	r.Body = bad
	return r
}

// GoodPage is the typed GET.
func GoodPage() Request {
	return Request{Method: http.MethodGet, Target: "/tenants/acme/orders?limit=20&cursor=abc"}
}

// Mebibyte is an import whose body is close to a mebibyte.
var Mebibyte = sync.OnceValue(func() Request {
	in := service.Import{Source: "warehouse"}
	const entry = 52 // bytes, with its comma
	for i := range service.Limit/entry - 200 {
		in.Entries = append(in.Entries, service.Entry{SKU: fmt.Sprintf("sku-%06d", i), Quantity: i%9 + 1, Place: "shelf 4"})
	}
	body, err := json.Marshal(in)
	if err != nil {
		panic(err) // the type is the one above
	}
	return Request{Method: http.MethodPost, Target: "/imports", Body: string(body)}
})

func shop(c Contender) func() App { return c.Shop }

// counted is an application with n of something, nil where the contender has none.
func counted(of func(Contender) func(int) App, n int) func(Contender) func() App {
	return func(c Contender) func() App {
		make := of(c)
		if make == nil {
			return nil
		}
		return func() App { return make(n) }
	}
}

// Workloads are all that is measured in process, in the order in which they are reported.
func Workloads() []Workload {
	receipt := `{"tenant":"acme","dry_run":true,"trace":"t-1","customer":"alice","items":3,` +
		`"lines":[{"sku":"tea","quantity":2},{"sku":"cake","quantity":1}]}`
	page := `{"tenant":"acme","limit":20,"cursor":"abc"}`
	all := []Workload{
		{ID: "post", Title: "typed POST", App: shop, Request: GoodOrder(), Want: Want{Status: 201, JSON: receipt}},
		{ID: "get", Title: "typed GET", App: shop, Request: GoodPage(), Want: Want{Status: 200, JSON: page}},
		{ID: "invalid", Title: "invalid body, 5 fields", App: shop, Request: badOrder(), Want: Want{
			Status: 422, Places: []string{"customer", "email", "lines/0/quantity", "lines/1/sku", "priority"},
		}},
		{
			ID: "denied", Title: "denied by a guard", App: shop, Request: Request{Method: http.MethodGet, Target: "/reports/7"},
			Want: Want{Status: 401, Members: map[string]any{"status": 401.0}, Header: map[string]string{"WWW-Authenticate": service.Challenge}},
		},
		{
			ID: "mapped", Title: "mapped domain error", App: shop, Request: Request{Method: http.MethodGet, Target: "/stock/tea"},
			Want: Want{Status: 409, Members: map[string]any{"code": "out_of_stock", "detail": "tea is out of stock", "status": 409.0}},
		},
		{ID: "404", Title: "404", App: shop, Request: Request{Method: http.MethodGet, Target: "/nowhere"}, Want: Want{Status: 404}},
		{ID: "405", Title: "405", App: shop, Request: Request{Method: http.MethodDelete, Target: "/items"}, Want: Want{Status: 405, Allow: "GET"}},
		{ID: "list", Title: "JSON list of 10,000", App: shop, Request: Request{Method: http.MethodGet, Target: "/items"}, Want: Want{Status: 200, JSON: list()}},
		{ID: "body", Title: "body of 1 MiB", App: shop, Request: Mebibyte(), Want: Want{Status: 200, JSON: imported()}},
	}
	greeting := Want{Status: 200, JSON: string(service.Greeting)}
	hello := Request{Method: http.MethodGet, Target: "/greeting"}.With(service.KeyHeader, service.Key)
	for _, n := range []int{0, 1, 5, 20} {
		all = append(all, Workload{
			ID: fmt.Sprintf("middleware-%d", n), Title: fmt.Sprintf("%d middleware", n),
			App:     counted(func(c Contender) func(int) App { return c.Middleware }, n),
			Request: hello, Want: greeting,
		})
	}
	for _, n := range []int{0, 20} {
		all = append(all, Workload{
			ID: fmt.Sprintf("guards-%d", n), Title: fmt.Sprintf("%d guards", n),
			App:     counted(func(c Contender) func(int) App { return c.Guards }, n),
			Request: hello, Want: greeting,
		})
	}
	for _, n := range []int{0, 20} {
		all = append(all, Workload{
			ID: fmt.Sprintf("arounds-%d", n), Title: fmt.Sprintf("%d arounds", n),
			App:     counted(func(c Contender) func(int) App { return c.Arounds }, n),
			Request: GoodPage(), Want: Want{Status: 200, JSON: page},
		})
	}
	for _, n := range []int{0, 10_000} {
		all = append(all, Workload{
			ID: fmt.Sprintf("stream-%d", n), Title: fmt.Sprintf("stream of %d items", n),
			App:     counted(func(c Contender) func(int) App { return c.Streams }, n),
			Request: Request{Method: http.MethodGet, Target: "/items"}, Want: Want{Status: 200, JSON: streamed(n)},
		})
	}
	for _, n := range []int{0, 1, 3, 10} {
		all = append(all, Workload{
			ID: fmt.Sprintf("services-%d", n), Title: plural(n, "service", "services") + " of a request",
			App:     counted(func(c Contender) func(int) App { return c.Services }, n),
			Request: Request{Method: http.MethodGet, Target: "/paid"}, Want: Want{Status: 200, JSON: string(scopes.Answer())},
		})
	}
	for _, id := range []string{"post", "get"} {
		for _, w := range all {
			if w.ID == id {
				w.ID, w.Title, w.Parallel = "parallel-"+id, w.Title+", all processors", true
				all = append(all, w)
				break
			}
		}
	}
	starts := func(id, title string, of func(Contender) func(int) App, n int) {
		all = append(all, Workload{
			ID: fmt.Sprintf("%s-%d", id, n), Title: fmt.Sprintf(title, n), App: counted(of, n), Starts: true,
			Request: Request{Method: http.MethodGet, Target: fmt.Sprintf("/r%d/7", n-1)}, Want: Want{Status: 200, JSON: `{"id":"7"}`},
		})
	}
	for _, n := range []int{10, 100, 1000} {
		starts("start", "start with %d routes", func(c Contender) func(int) App { return c.Routes }, n)
	}
	starts("plan", "plan %d routes, 200 services", func(c Contender) func(int) App { return c.Plan }, 1000)
	for i := range all {
		all[i].Long = slices.Contains([]string{"body", "middleware-1", "services-3", "start-100", "start-1000"}, all[i].ID)
	}
	return all
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func list() string {
	body, err := json.Marshal(service.Items())
	if err != nil {
		panic(err) // the type is this module's
	}
	return string(body)
}

func streamed(n int) string {
	body, err := json.Marshal(service.Items()[:n])
	if err != nil {
		panic(err) // the type is this module's
	}
	return string(body)
}

func imported() string {
	var in service.Import
	if err := json.Unmarshal([]byte(Mebibyte().Body), &in); err != nil {
		panic(err) // Mebibyte made it
	}
	body, err := json.Marshal(service.Take(&in))
	if err != nil {
		panic(err) // the type is this module's
	}
	return string(body)
}
