// Package typed measures a typed POST and a typed GET on weft beside handlers
// written by hand for net/http that decode as strictly and encode with the same codec.
package typed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/internal/sidebyside"
)

// Order is what a client sends: six fields, one of them a list.
type Order struct {
	Customer string `json:"customer"`
	Currency string `json:"currency"`
	Note     string `json:"note"`
	Express  bool   `json:"express"`
	Discount int    `json:"discount"`
	Lines    []Line `json:"lines"`
}

// Line is one item of an Order.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Cents    int64  `json:"cents"`
}

// Receipt is the answer to an Order.
type Receipt struct {
	ID    string `json:"id"`
	Total int64  `json:"total"`
	Items int    `json:"items"`
}

// place is the work itself, the same for all.
func place(_ context.Context, o Order) (Receipt, error) {
	receipt := Receipt{ID: o.Customer}
	for _, line := range o.Lines {
		receipt.Items += line.Quantity
		receipt.Total += int64(line.Quantity) * line.Cents
	}
	receipt.Total -= receipt.Total * int64(o.Discount) / 100
	return receipt, nil
}

// Page is the answer to a GET.
type Page struct {
	Tenant string `json:"tenant"`
	Limit  int    `json:"limit"`
	Cursor string `json:"cursor"`
}

const limit = 1 << 20

// Post is the POST that all answer with a Receipt.
func Post() *sidebyside.Call {
	return sidebyside.NewCall(http.MethodPost, "/orders", `{"customer":"c-4711","currency":"EUR","note":"ring twice","express":true,"discount":10,`+
		`"lines":[{"sku":"A-1","quantity":2,"cents":1999},{"sku":"B-2","quantity":1,"cents":25000},{"sku":"C-3","quantity":12,"cents":99}]}`)
}

// Get is the GET that all answer with a Page.
func Get() *sidebyside.Call {
	return sidebyside.NewCall(http.MethodGet, "/tenants/t-1/orders?limit=20&cursor=abc", "")
}

// Refusals are requests that all must refuse with the same status: the proof that none decodes less strictly.
func Refusals() map[int][]*sidebyside.Call {
	post := func(body string) *sidebyside.Call { return sidebyside.NewCall(http.MethodPost, "/orders", body) }
	return map[int][]*sidebyside.Call{
		http.StatusBadRequest: {
			post(`{"customer":"c","unknown":1}`),
			post(`{"customer":"c","customer":"d"}`),
			post(`{"customer":"c"}{}`),
			post(`{"customer":"` + "\xff" + `"}`),
			post(`{"customer":`),
			post(`null`),
			post(` `),
			sidebyside.NewCall(http.MethodGet, "/tenants/t-1/orders?limit=many", ""),
		},
		http.StatusRequestEntityTooLarge: {post(`"` + string(bytes.Repeat([]byte("x"), limit)) + `"`)},
		http.StatusUnsupportedMediaType:  {post(`{}`).WithHeader("Content-Type", "text/plain")},
	}
}

// Weft is the service on weft.
func Weft() http.Handler {
	app := weft.New()
	app.Handle("POST /orders", weft.Handle(place).Status(http.StatusCreated))
	app.Handle("GET /tenants/{tenant}/orders", weft.Handle(func(_ context.Context, r *weft.Request) (Page, error) {
		query := r.Query()
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil {
			return Page{}, &weft.Error{Status: http.StatusBadRequest, Cause: err}
		}
		return Page{r.PathValue("tenant"), n, query.Get("cursor")}, nil
	}))
	srv, err := app.Build(context.Background())
	if err != nil {
		panic(err) // the declarations are the ones above
	}
	return srv
}

// byHand is the service for net/http. Pooled buffers save it a slice for the
// body and one for the answer; without them it reads into a slice of the body's length.
type byHand struct {
	buffers *sync.Pool // of *bytes.Buffer, or nil
}

// Exact is the service by hand, with a slice of the right length for each body.
func Exact() http.Handler { return byHand{}.routes() }

// Pooled is the service by hand, with pooled buffers for bodies and answers.
func Pooled() http.Handler {
	return byHand{&sync.Pool{New: func() any { return new(bytes.Buffer) }}}.routes()
}

func (s byHand) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", s.post)
	mux.HandleFunc("GET /tenants/{tenant}/orders", s.get)
	return mux
}

func (s byHand) get(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	n, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	s.answer(w, http.StatusOK, &Page{r.PathValue("tenant"), n, query.Get("cursor")})
}

func (s byHand) post(w http.ResponseWriter, r *http.Request) {
	if !declaresJSON(r) {
		refuse(w, http.StatusUnsupportedMediaType)
		return
	}
	var order Order
	if status := s.decode(w, r, &order); status != http.StatusOK {
		refuse(w, status)
		return
	}
	receipt, err := place(r.Context(), order)
	if err != nil {
		refuse(w, http.StatusInternalServerError)
		return
	}
	s.answer(w, http.StatusCreated, &receipt)
}

// decode returns the status that the body deserves.
func (s byHand) decode(w http.ResponseWriter, r *http.Request, order *Order) int {
	if s.buffers == nil {
		body, err := readExactly(r)
		if err != nil {
			return http.StatusRequestEntityTooLarge
		}
		return decodeStrictly(body, order)
	}
	buffer := s.buffers.Get().(*bytes.Buffer)
	defer s.buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, limit)); err != nil {
		return http.StatusRequestEntityTooLarge
	}
	return decodeStrictly(buffer.Bytes(), order)
}

func (s byHand) answer(w http.ResponseWriter, status int, v any) {
	var body []byte
	var err error
	if s.buffers == nil {
		body, err = json.Marshal(v, json.Deterministic(true))
	} else {
		buffer := s.buffers.Get().(*bytes.Buffer)
		defer s.buffers.Put(buffer)
		buffer.Reset()
		err = json.MarshalWrite(buffer, v, json.Deterministic(true))
		body = buffer.Bytes()
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func declaresJSON(r *http.Request) bool {
	declared := r.Header.Get("Content-Type")
	if declared == "application/json" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(declared)
	return err == nil && mediaType == "application/json"
}

var errTooLarge = errors.New("the body is too large")

// readExactly needs no room to grow where the client says how long its body is.
func readExactly(r *http.Request) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if len(body) > limit {
		return nil, errTooLarge
	}
	return body, err
}

// decodeStrictly is as strict as weft: no duplicate and no unknown names, valid
// UTF-8, one value, and that not null. It returns the status that the body deserves.
func decodeStrictly(body []byte, order *Order) int {
	if string(bytes.TrimSpace(body)) == "null" {
		return http.StatusBadRequest
	}
	if err := json.Unmarshal(body, order, json.RejectUnknownMembers(true)); err != nil {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

// Contenders are the services, those by hand first.
func Contenders() []sidebyside.Contender {
	return []sidebyside.Contender{
		{Name: "net/http, pooled buffers", Handler: Pooled()},
		{Name: "net/http, exact slices", Handler: Exact()},
		{Name: "weft", Handler: Weft()},
	}
}

// Compare says in its error where the services differ.
func Compare() error {
	contenders := Contenders()
	for _, call := range []*sidebyside.Call{Post(), Get()} {
		if err := sidebyside.Same(call, contenders); err != nil {
			return err
		}
	}
	for status, calls := range Refusals() {
		for i, call := range calls {
			if err := sidebyside.SameStatus(call, status, contenders); err != nil {
				return fmt.Errorf("refusal %d with %d: %w", i, status, err)
			}
		}
	}
	return nil
}
