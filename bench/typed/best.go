package typed

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-playground/validator/v10"
)

// best is what an expert writes for net/http: the same strict codec and limit
// as weft, the query in one pass, validation by value, pooled buffers.
type best struct {
	validate *validator.Validate
	buffers  sync.Pool
}

// Best is the service for net/http at its best.
func Best() http.Handler {
	s := &best{validate: validator.New(validator.WithRequiredStructEnabled())}
	s.buffers.New = func() any { return new(bytes.Buffer) }
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenants/{tenant}/orders", s.post)
	mux.HandleFunc("GET /tenants/{tenant}/orders", s.get)
	return mux
}

func (s *best) post(w http.ResponseWriter, r *http.Request) {
	head := Head{Tenant: r.PathValue("tenant"), Trace: r.Header.Get("X-Trace")}
	if r.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	if !eachParameter(r.URL.RawQuery, func(name, value string) bool {
		if name != "dry_run" {
			return true
		}
		var err error
		head.DryRun, err = strconv.ParseBool(value)
		return err == nil
	}) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var order Order
	if status := s.decode(r, &order); status != 0 {
		w.WriteHeader(status)
		return
	}
	receipt := place(head, &order)
	answer(w, http.StatusCreated, &receipt)
}

// decode reads and checks the body; the status is 0 where nothing is wrong.
func (s *best) decode(r *http.Request, order *Order) (status int) {
	if r.ContentLength > limit {
		return http.StatusRequestEntityTooLarge
	}
	buffer := s.buffers.Get().(*bytes.Buffer)
	defer s.buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, limit+1)); err != nil {
		return http.StatusBadRequest
	}
	body := buffer.Bytes()
	switch trimmed := bytes.TrimSpace(body); {
	case len(body) > limit:
		return http.StatusRequestEntityTooLarge
	case len(trimmed) == 0 || string(trimmed) == "null":
		return http.StatusBadRequest
	}
	if err := json.Unmarshal(body, order, json.RejectUnknownMembers(true)); err != nil {
		return http.StatusBadRequest
	}
	if err := s.validate.StructCtx(r.Context(), *order); err != nil {
		return http.StatusUnprocessableEntity
	}
	return 0
}

func (s *best) get(w http.ResponseWriter, r *http.Request) {
	page := Page{Tenant: r.PathValue("tenant")}
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
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer(w, http.StatusOK, &page)
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
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
