package typed

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/go-playground/validator/v10"
)

// Usual is the service for net/http as it is usually written: encoding/json
// through a Decoder and an Encoder, url.Values, validation by pointer.
func Usual() http.Handler {
	validate := validator.New(validator.WithRequiredStructEnabled())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenants/{tenant}/orders", func(w http.ResponseWriter, r *http.Request) {
		dryRun, err := strconv.ParseBool(r.URL.Query().Get("dry_run"))
		if err != nil {
			http.Error(w, "dry_run is no boolean", http.StatusBadRequest)
			return
		}
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
		decoder.DisallowUnknownFields()
		var order Order
		if err := decoder.Decode(&order); err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		if err := validate.Struct(&order); err != nil {
			http.Error(w, "invalid order", http.StatusUnprocessableEntity)
			return
		}
		head := Head{r.PathValue("tenant"), dryRun, r.Header.Get("X-Trace")}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(place(head, &order))
	})
	mux.HandleFunc("GET /tenants/{tenant}/orders", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get("limit"))
		if err != nil {
			http.Error(w, "limit is no number", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(Page{r.PathValue("tenant"), number, r.URL.Query().Get("cursor")})
	})
	return mux
}
