// Package languages shows answers in the language of the client, with the
// translations that come with go-playground/validator.
package languages

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/en"
	ut "github.com/go-playground/universal-translator"
	"github.com/go-playground/validator/v10"
	detexts "github.com/go-playground/validator/v10/translations/de"
	entexts "github.com/go-playground/validator/v10/translations/en"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type line struct {
	SKU      string `json:"sku" validate:"required,uppercase"`
	Quantity int    `json:"quantity" validate:"required"`
}

func TestMessagesInTwoLanguages(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { name, _, _ := strings.Cut(f.Tag.Get("json"), ","); return name })
	languages := ut.New(en.New(), en.New(), de.New())
	english, _ := languages.GetTranslator("en")
	german, _ := languages.GetTranslator("de")
	require.NoError(t, entexts.RegisterDefaultTranslations(v, english))
	require.NoError(t, detexts.RegisterDefaultTranslations(v, german))
	own := map[string]string{weft.CodeUnknownField: "ist hier nicht bekannt"}

	app := weft.New(weft.WithValidator(v), weft.WithMessages(func(r *weft.Request, f weft.FieldError) string {
		language, _ := languages.FindTranslator(strings.Split(r.Header().Get("Accept-Language"), ",")...)
		if rule, ok := f.Cause.(validator.FieldError); ok {
			return rule.Translate(language)
		}
		if language == german {
			return own[f.Code]
		}
		return ""
	}))
	app.Handle("POST /line", weft.Handle(func(context.Context, line) (string, error) { return "", nil }))
	srv, err := app.Build(t.Context())
	require.NoError(t, err)
	site := httptest.NewServer(srv)
	defer site.Close()
	message := func(body, language string) string {
		req, err := http.NewRequestWithContext(t.Context(), "POST", site.URL+"/line", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept-Language", language)
		resp, err := site.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var problem struct{ Errors []struct{ Message string } }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&problem))
		require.Len(t, problem.Errors, 1)
		return problem.Errors[0].Message
	}
	assert.Equal(t, "sku must be an uppercase string", message(`{"sku":"x","quantity":1}`, "en"))
	assert.Equal(t, "sku darf nur Großbuchstaben enthalten", message(`{"sku":"x","quantity":1}`, "de"))
	assert.Equal(t, "is not known here", message(`{"more":1}`, "en"))
	assert.Equal(t, "ist hier nicht bekannt", message(`{"more":1}`, "de"))
	assert.Equal(t, "must be of type string", message(`{"sku":1}`, "de"), "the fallback is English")
}
