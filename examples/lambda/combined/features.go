package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/examples/lambda/internal/upstream"
)

// features is where the extension of AWS AppConfig has the flags: application, environment and profile.
const features = "/applications/comments/environments/dev/configurations/features"

// Features are the flags of the service. They are asked of the extension, which keeps them at hand.
type Features struct{ extension *upstream.Service }

// NewFeatures finds the extension beside the function, or where the variable APPCONFIG_URL says.
func NewFeatures() *Features {
	address := cmp.Or(os.Getenv("APPCONFIG_URL"), "http://localhost:2772")
	return &Features{&upstream.Service{URL: address, Client: &http.Client{Timeout: time.Second}}}
}

// On reports whether a feature is on. One that nobody can tell is off.
func (f *Features) On(ctx context.Context, name string) bool {
	text, err := f.extension.Get(ctx, features)
	var flags map[string]struct {
		Default bool `json:"default"`
	}
	if err == nil {
		err = json.Unmarshal(text, &flags)
	}
	if err != nil {
		weft.Logger(ctx).WarnContext(ctx, "the feature flags could not be read", slog.Any("error", err))
	}
	return flags[name].Default
}
