// Package typed measures a typed POST and a typed GET on weft beside the same
// work written by hand for net/http: as it is usually written, and as well as it can be.
package typed

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// Head is what a POST says beside its body.
type Head struct {
	Tenant string `path:"tenant"`
	DryRun bool   `query:"dry_run"`
	Trace  string `header:"X-Trace"`
}

// Order is the body of a POST: six fields, one of them a list.
type Order struct {
	Customer string `json:"customer" validate:"required,min=3"`
	Email    string `json:"email" validate:"required,max=100"`
	Note     string `json:"note" validate:"max=200"`
	Priority int    `json:"priority" validate:"gte=0,lte=9"`
	Express  bool   `json:"express"`
	Lines    []Line `json:"lines" validate:"required,min=1,dive"`
}

// Line is one item of an Order.
type Line struct {
	SKU      string `json:"sku" validate:"required,max=20"`
	Quantity int    `json:"quantity" validate:"min=1,max=99"`
}

// Receipt is the answer to a POST.
type Receipt struct {
	Tenant   string `json:"tenant"`
	DryRun   bool   `json:"dry_run"`
	Trace    string `json:"trace"`
	Customer string `json:"customer"`
	Items    int    `json:"items"`
	Lines    []Line `json:"lines"`
}

// place is the work of the POST, the same for all.
func place(head Head, order *Order) Receipt {
	receipt := Receipt{Tenant: head.Tenant, DryRun: head.DryRun, Trace: head.Trace, Customer: order.Customer, Lines: order.Lines}
	for _, line := range order.Lines {
		receipt.Items += line.Quantity
	}
	return receipt
}

// Page is what a GET asks for, and its answer.
type Page struct {
	Tenant string `path:"tenant" json:"tenant"`
	Limit  int    `query:"limit" json:"limit"`
	Cursor string `query:"cursor" json:"cursor"`
}

const limit = 1 << 20 // bytes of body

const good = `{"customer":"alice","email":"alice@example.com","note":"ring twice","priority":3,"express":true,` +
	`"lines":[{"sku":"tea","quantity":2},{"sku":"cake","quantity":1}]}`

func post(body string) *sidebyside.Call {
	return sidebyside.NewCall(http.MethodPost, "/tenants/acme/orders?dry_run=true", body).WithHeader("X-Trace", "t-1")
}

func get(query string) *sidebyside.Call {
	return sidebyside.NewCall(http.MethodGet, "/tenants/acme/orders?"+query, "")
}

// Post is the POST that all answer with a Receipt.
func Post() *sidebyside.Call { return post(good) }

// Get is the GET that all answer with a Page.
func Get() *sidebyside.Call { return get("limit=20&cursor=abc") }

// Contenders are the services: the best by hand first, weft last.
func Contenders() []sidebyside.Contender {
	return []sidebyside.Contender{
		{Name: "net/http at its best", Handler: Best()},
		{Name: "net/http as usual", Handler: Usual()},
		{Name: "weft", Handler: Weft()},
	}
}

// refusals are requests that weft and the best by hand refuse with the same
// status: the proof that none is fast by being less strict. The usual way is less strict.
func refusals() map[int][]*sidebyside.Call {
	changed := func(old, new string) *sidebyside.Call { return post(strings.Replace(good, old, new, 1)) }
	return map[int][]*sidebyside.Call{
		http.StatusBadRequest: {
			changed(`"note"`, `"unknown"`),
			changed(`"note"`, `"email"`), // twice
			changed("ring twice", "\xff"),
			post(good + "{}"),
			post(good[:len(good)-1]),
			post("null"),
			post(" "),
			get("limit=many"),
			get("limit=%zz"),
		},
		http.StatusUnprocessableEntity: {
			changed(`"alice"`, `"al"`),
			changed(`"quantity":1`, `"quantity":100`),
			changed(`"priority":3`, `"priority":10`),
		},
		http.StatusRequestEntityTooLarge: {changed("ring twice", strings.Repeat("x", limit))},
		http.StatusUnsupportedMediaType:  {Post().WithHeader("Content-Type", "text/plain")},
	}
}

// Compare says in its error where the services differ.
func Compare() error {
	contenders := Contenders()
	for name, call := range map[string]*sidebyside.Call{"POST": Post(), "GET": Get()} {
		if err := sidebyside.Same(call, contenders); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	strict := []sidebyside.Contender{contenders[0], contenders[2]}
	for status, calls := range refusals() {
		for i, call := range calls {
			if err := sidebyside.SameStatus(call, status, strict); err != nil {
				return fmt.Errorf("refusal %d of %d: %w", i, status, err)
			}
		}
	}
	return nil
}
