package contenders

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/scopes"
	"github.com/weft-go/weft/bench/service"
)

// usual is net/http as it is usually written: encoding/json through a Decoder
// and an Encoder, url.Values, validation by pointer.
var usual = contest.Contender{
	Slug: "usual", Name: "net/http as usual",
	About:      "ServeMux, encoding/json through Decoder (unknown fields disallowed, MaxBytesReader) and Encoder, `r.URL.Query()`, validator on a pointer; services of a request in a scope of samber/do for each",
	Shop:       func() contest.App { return contest.HTTP(usualShop()) },
	Middleware: func(n int) contest.App { return contest.HTTP(wrap(greetingMux(), n, passThrough)) },
	Guards:     func(n int) contest.App { return contest.HTTP(wrap(greetingMux(), n, keyed)) },
	Streams:    func(n int) contest.App { return contest.HTTP(usualStream(n)) },
	Services: func(n int) contest.App {
		return contest.HTTP(paidMux(scopes.WorkOfDo(n)))
	},
	Routes: func(n int) contest.App {
		mux := http.NewServeMux()
		for i := range n {
			mux.HandleFunc(fmt.Sprintf("GET /r%d/{id}", i), func(w http.ResponseWriter, r *http.Request) {
				usualReply(w, http.StatusOK, service.Report{ID: r.PathValue("id")})
			})
		}
		return contest.HTTP(mux)
	},
	Without: map[string]string{"arounds": "it has no typed stages", "plan": "it has no plan, and no services of a request"},
}

// usualStream encodes and flushes one item after the other.
func usualStream(n int) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		enc, flush := json.NewEncoder(w), http.NewResponseController(w)
		fmt.Fprint(w, "[")
		for i, item := range service.Items()[:n] {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			if err := enc.Encode(item); err != nil {
				panic(http.ErrAbortHandler)
			}
			_ = flush.Flush() // which not every ResponseWriter has
		}
		fmt.Fprint(w, "]")
	})
	return mux
}

func usualShop() http.Handler {
	s := &usualService{newValidator()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenants/{tenant}/orders", s.placeOrder)
	mux.HandleFunc("GET /tenants/{tenant}/orders", s.listOrders)
	mux.HandleFunc("GET /stock/{sku}", s.reserve)
	mux.HandleFunc("GET /items", s.items)
	mux.HandleFunc("POST /imports", s.imports)
	mux.Handle("GET /reports/{id}", keyed(http.HandlerFunc(s.report)))
	return mux
}

type usualService struct{ validate *validator.Validate }

func (s *usualService) placeOrder(w http.ResponseWriter, r *http.Request) {
	dryRun, err := strconv.ParseBool(r.URL.Query().Get("dry_run"))
	if err != nil {
		usualProblem(w, badParameter("dry_run"))
		return
	}
	var order service.Order
	if p := s.decode(w, r, &order); p != nil {
		usualProblem(w, p)
		return
	}
	usualReply(w, http.StatusCreated, service.Place(r.PathValue("tenant"), dryRun, r.Header.Get("X-Trace"), &order))
}

func (s *usualService) decode(w http.ResponseWriter, r *http.Request, into any) *problem {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, service.Limit))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return bodyProblem(err)
	}
	if err := s.validate.Struct(into); err != nil {
		return invalid(err)
	}
	return nil
}

func (s *usualService) listOrders(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		usualProblem(w, badParameter("limit"))
		return
	}
	usualReply(w, http.StatusOK, service.Page{Tenant: r.PathValue("tenant"), Limit: limit, Cursor: r.URL.Query().Get("cursor")})
}

func (s *usualService) reserve(w http.ResponseWriter, r *http.Request) {
	stock, err := service.Reserve(r.Context(), r.PathValue("sku"))
	if err != nil {
		if empty, ok := service.IsOutOfStock(err); ok {
			usualProblem(w, outOfStock(empty))
		} else {
			usualProblem(w, newProblem(http.StatusInternalServerError, "internal", ""))
		}
		return
	}
	usualReply(w, http.StatusOK, stock)
}

func (s *usualService) items(w http.ResponseWriter, _ *http.Request) {
	usualReply(w, http.StatusOK, service.Items())
}

func (s *usualService) imports(w http.ResponseWriter, r *http.Request) {
	var in service.Import
	if p := s.decode(w, r, &in); p != nil {
		usualProblem(w, p)
		return
	}
	usualReply(w, http.StatusOK, service.Take(&in))
}

func (s *usualService) report(w http.ResponseWriter, r *http.Request) {
	usualReply(w, http.StatusOK, service.Report{ID: r.PathValue("id")})
}

func usualReply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func usualProblem(w http.ResponseWriter, p *problem) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// keyed lets requests with the key pass.
func keyed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(service.KeyHeader) != service.Key {
			w.Header().Set("WWW-Authenticate", service.Challenge)
			usualProblem(w, unauthorized())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func passThrough(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func wrap(h http.Handler, n int, middleware func(http.Handler) http.Handler) http.Handler {
	for range n {
		h = middleware(h)
	}
	return h
}

func greetingMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /greeting", greet)
	return mux
}

func greet(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(service.Greeting)
}

// paidMux makes the services of a request by work.
func paidMux(work func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /paid", func(w http.ResponseWriter, _ *http.Request) {
		if err := work(); err != nil {
			usualProblem(w, newProblem(http.StatusInternalServerError, "internal", ""))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(scopes.Answer())
	})
	return mux
}
