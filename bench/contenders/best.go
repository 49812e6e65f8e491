package contenders

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/scopes"
	"github.com/weft-go/weft/bench/service"
)

// best is net/http as an expert writes it: the same strict codec and limit as
// weft, the query in one pass, validation by value, pooled buffers.
var best = contest.Contender{
	Slug: "best", Name: "net/http at its best",
	About:      "ServeMux, the codec, strictness, limit and validator of weft, the query in one pass, validation by value, pooled buffers, guards in one loop",
	Shop:       func() contest.App { return contest.HTTP(bestShop()) },
	Middleware: usual.Middleware,
	Guards:     func(n int) contest.App { return contest.HTTP(bestGuards(n)) },
	Streams:    func(n int) contest.App { return contest.HTTP(bestStream(n)) },
	Services:   func(n int) contest.App { return contest.HTTP(paidMux(scopes.WorkByHand(n))) },
	Routes: func(n int) contest.App {
		mux := http.NewServeMux()
		for i := range n {
			mux.HandleFunc(fmt.Sprintf("GET /r%d/{id}", i), func(w http.ResponseWriter, r *http.Request) {
				bestReply(w, http.StatusOK, &service.Report{ID: r.PathValue("id")})
			})
		}
		return contest.HTTP(mux)
	},
	Without: map[string]string{"arounds": "it has no typed stages", "plan": "it has no plan, and no services of a request"},
}

func bestShop() http.Handler {
	s := &bestService{validate: validator.New(validator.WithRequiredStructEnabled())}
	s.buffers.New = func() any { return new(bytes.Buffer) }
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenants/{tenant}/orders", s.placeOrder)
	mux.HandleFunc("GET /tenants/{tenant}/orders", s.listOrders)
	mux.HandleFunc("GET /stock/{sku}", s.reserve)
	mux.HandleFunc("GET /items", s.items)
	mux.HandleFunc("POST /imports", s.imports)
	mux.HandleFunc("GET /reports/{id}", s.report)
	return mux
}

type bestService struct {
	validate *validator.Validate
	buffers  sync.Pool
}

func (s *bestService) placeOrder(w http.ResponseWriter, r *http.Request) {
	var dryRun bool
	if !eachParameter(r.URL.RawQuery, func(name, value string) bool {
		if name != "dry_run" {
			return true
		}
		var err error
		dryRun, err = strconv.ParseBool(value)
		return err == nil
	}) {
		bestProblem(w, badParameter("dry_run"))
		return
	}
	var order service.Order
	if p := s.decode(r, &order); p != nil {
		bestProblem(w, p)
		return
	}
	if err := s.validate.StructCtx(r.Context(), order); err != nil {
		bestProblem(w, bestInvalid(err))
		return
	}
	receipt := service.Place(r.PathValue("tenant"), dryRun, r.Header.Get("X-Trace"), &order)
	bestReply(w, http.StatusCreated, &receipt)
}

// decode reads the body; it returns nil where nothing is wrong.
func (s *bestService) decode(r *http.Request, into any) *problem {
	if r.Header.Get("Content-Type") != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Send application/json.")
	}
	tooLarge := func() *problem { return bodyProblem(&http.MaxBytesError{Limit: service.Limit}) }
	if r.ContentLength > service.Limit {
		return tooLarge()
	}
	buffer := s.buffers.Get().(*bytes.Buffer)
	defer s.buffers.Put(buffer)
	buffer.Reset()
	if size := int(r.ContentLength); size > 0 {
		buffer.Grow(size + bytes.MinRead) // or ReadFrom grows once more to see the end
	}
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, service.Limit+1)); err != nil {
		return bodyProblem(err)
	}
	body := buffer.Bytes()
	switch trimmed := bytes.TrimSpace(body); {
	case len(body) > service.Limit:
		return tooLarge()
	case len(trimmed) == 0 || string(trimmed) == "null":
		return bodyProblem(io.ErrUnexpectedEOF)
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return bodyProblem(err)
	}
	return nil
}

func (s *bestService) listOrders(w http.ResponseWriter, r *http.Request) {
	page := service.Page{Tenant: r.PathValue("tenant")}
	if !eachParameter(r.URL.RawQuery, func(name, value string) bool {
		switch name {
		case "limit":
			var err error
			page.Limit, err = strconv.Atoi(value)
			return err == nil
		case "cursor":
			page.Cursor = value
		}
		return true
	}) {
		bestProblem(w, badParameter("limit"))
		return
	}
	bestReply(w, http.StatusOK, &page)
}

func (s *bestService) reserve(w http.ResponseWriter, r *http.Request) {
	stock, err := service.Reserve(r.Context(), r.PathValue("sku"))
	if err != nil {
		if empty, ok := service.IsOutOfStock(err); ok {
			bestProblem(w, outOfStock(empty))
		} else {
			bestProblem(w, newProblem(http.StatusInternalServerError, "internal", ""))
		}
		return
	}
	bestReply(w, http.StatusOK, &stock)
}

func (s *bestService) items(w http.ResponseWriter, _ *http.Request) {
	buffer := s.buffers.Get().(*bytes.Buffer)
	defer s.buffers.Put(buffer)
	buffer.Reset()
	if err := json.MarshalWrite(buffer, service.Items()); err != nil {
		bestProblem(w, newProblem(http.StatusInternalServerError, "internal", ""))
		return
	}
	bestSend(w, "application/json", http.StatusOK, buffer.Bytes())
}

func (s *bestService) imports(w http.ResponseWriter, r *http.Request) {
	var in service.Import
	if p := s.decode(r, &in); p != nil {
		bestProblem(w, p)
		return
	}
	if err := s.validate.StructCtx(r.Context(), in); err != nil {
		bestProblem(w, bestInvalid(err))
		return
	}
	done := service.Take(&in)
	bestReply(w, http.StatusOK, &done)
}

func (s *bestService) report(w http.ResponseWriter, r *http.Request) {
	if !hasKey(r) {
		w.Header()["Www-Authenticate"] = []string{service.Challenge}
		bestProblem(w, unauthorized())
		return
	}
	bestReply(w, http.StatusOK, &service.Report{ID: r.PathValue("id")})
}

func hasKey(r *http.Request) bool {
	keys := r.Header[service.KeyHeader]
	return len(keys) == 1 && keys[0] == service.Key
}

// bestGuards asks n checks in a loop, which is the least that many can cost.
func bestGuards(n int) http.Handler {
	checks := make([]func(*http.Request) bool, n)
	for i := range checks {
		checks[i] = hasKey
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /greeting", func(w http.ResponseWriter, r *http.Request) {
		for _, check := range checks {
			if !check(r) {
				w.Header()["Www-Authenticate"] = []string{service.Challenge}
				bestProblem(w, unauthorized())
				return
			}
		}
		greet(w, r)
	})
	return mux
}

// bestStream encodes one item after the other into a buffer, and sends it when it is full.
func bestStream(n int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		out := bufio.NewWriterSize(w, 32<<10)
		enc := jsontext.NewEncoder(out, json.Deterministic(true))
		var item service.Item
		if enc.WriteToken(jsontext.BeginArray) != nil {
			return
		}
		for _, item = range service.Items()[:n] {
			if json.MarshalEncode(enc, &item) != nil {
				panic(http.ErrAbortHandler)
			}
		}
		if enc.WriteToken(jsontext.EndArray) != nil || out.Flush() != nil {
			return
		}
	})
	return mux
}

// bestInvalid tells of each field what weft tells of it: source, JSON Pointer, code, message and parameters.
func bestInvalid(err error) *problem {
	p := newProblem(http.StatusUnprocessableEntity, "validation_failed", "The request is not valid: see errors.")
	broken, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return p
	}
	p.Errors = make([]fault, len(broken))
	for i, f := range broken {
		p.Errors[i] = fault{
			Source: "body", Pointer: pointer(f.StructNamespace()), Code: f.Tag(), Message: message(f),
			Params: map[string]string{"param": f.Param()},
		}
	}
	return p
}

// wireNames are the names of fields on the wire. A validator that is given a function for them makes
// a string for each element of a list, also where nothing is wrong.
var wireNames = func() map[string]string {
	names := map[string]string{}
	for _, t := range []reflect.Type{reflect.TypeFor[service.Order](), reflect.TypeFor[service.Line](), reflect.TypeFor[service.Import]()} {
		for i := range t.NumField() {
			names[t.Field(i).Name] = jsonName(t.Field(i))
		}
	}
	return names
}()

// pointer makes a JSON Pointer (RFC 6901) of the validator's path, such as Order.Lines[0].SKU. No name here needs escapes.
func pointer(namespace string) string {
	var p strings.Builder
	p.Grow(len(namespace))
	_, path, _ := strings.Cut(namespace, ".")
	for step := range strings.SplitSeq(path, ".") {
		name, index, listed := strings.Cut(step, "[")
		p.WriteByte('/')
		p.WriteString(wireNames[name])
		if listed {
			p.WriteByte('/')
			p.WriteString(strings.TrimSuffix(index, "]"))
		}
	}
	return p.String()
}

func message(f validator.FieldError) string {
	bound := "at most "
	if f.Tag() == "min" || f.Tag() == "gte" {
		bound = "at least "
	}
	text := "must be " + bound + f.Param()
	if f.Kind() == reflect.String {
		text += " characters long"
	}
	return text
}

func bestReply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	bestSend(w, "application/json", status, body)
}

func bestProblem(w http.ResponseWriter, p *problem) {
	body, err := json.Marshal(p)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	bestSend(w, problemType, p.Status, body)
}

func bestSend(w http.ResponseWriter, mediaType string, status int, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// eachParameter goes through a query without making a map of it.
func eachParameter(query string, use func(name, value string) bool) bool {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		if strings.ContainsAny(pair, "%+;") {
			var err1, err2 error
			name, err1 = url.QueryUnescape(name)
			value, err2 = url.QueryUnescape(value)
			if err1 != nil || err2 != nil {
				return false
			}
		}
		if !use(name, value) {
			return false
		}
	}
	return true
}
