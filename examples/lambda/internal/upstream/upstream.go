// Package upstream calls the HTTP service that a function depends on.
package upstream

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// longest is how much of an answer is read.
const longest = 1 << 20

// Service is one by its address. It may be called concurrently.
type Service struct {
	URL    string // without a slash at the end
	Client *http.Client
}

// New is the service at an address, or where the variable UPSTREAM_URL says.
func New(address string) *Service {
	return &Service{cmp.Or(os.Getenv("UPSTREAM_URL"), address), &http.Client{Timeout: 4 * time.Second}}
}

// Get reads a resource of JSON.
func (s *Service) Get(ctx context.Context, path string) (json.RawMessage, error) {
	return s.do(ctx, http.MethodGet, path, nil)
}

// Post sends a form, and reads what comes back as JSON.
func (s *Service) Post(ctx context.Context, path string, form url.Values) (json.RawMessage, error) {
	return s.do(ctx, http.MethodPost, path, form)
}

func (s *Service) do(ctx context.Context, method, path string, form url.Values) (json.RawMessage, error) {
	var content io.Reader
	if form != nil {
		content = strings.NewReader(form.Encode())
	}
	hr, err := http.NewRequestWithContext(ctx, method, s.URL+path, content)
	if err != nil {
		return nil, err
	}
	if form != nil {
		hr.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := s.Client.Do(hr)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, longest+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	case len(text) > longest:
		return nil, fmt.Errorf("%s %s: an answer of more than %d bytes", method, path, longest)
	case !json.Valid(text):
		return nil, fmt.Errorf("%s %s: an answer that is no JSON", method, path)
	}
	return text, nil
}
