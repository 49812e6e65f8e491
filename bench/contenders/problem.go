package contenders

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/bench/service"
)

// problem is how those who write their errors by themselves do: as RFC 9457 has it.
type problem struct {
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Code   string  `json:"code,omitempty"`
	Detail string  `json:"detail,omitempty"`
	Errors []fault `json:"errors,omitempty"`
}

// fault is one field that is wrong: a Field as the validator names it, or a Source and a JSON Pointer.
type fault struct {
	Field   string            `json:"field,omitempty"`
	Source  string            `json:"source,omitempty"`
	Pointer string            `json:"pointer,omitempty"`
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Params  map[string]string `json:"params,omitempty"`
}

const problemType = "application/problem+json"

func newProblem(status int, code, detail string) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// Error makes a problem an error; GetStatus and ContentType make it one that huma sends as it is, StatusCode one that goa does.
func (p *problem) Error() string             { return p.Detail }
func (p *problem) StatusCode() int           { return p.Status }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return problemType }

// outOfStock is the answer to the error of the domain.
func outOfStock(err *service.OutOfStock) *problem {
	return newProblem(http.StatusConflict, "out_of_stock", err.Error())
}

// invalid lists the fields that the validator found wrong, as its documentation does.
func invalid(err error) *problem {
	p := newProblem(http.StatusUnprocessableEntity, "validation_failed", "The request is not valid: see errors.")
	if broken, ok := errors.AsType[validator.ValidationErrors](err); ok {
		for _, f := range broken {
			_, field, _ := strings.Cut(f.Namespace(), ".") // after the name of the struct
			p.Errors = append(p.Errors, fault{Field: field, Code: f.Tag(), Message: "must satisfy " + f.Tag() + "=" + f.Param()})
		}
	}
	return p
}

// bodyProblem is the answer to a body that cannot be read.
func bodyProblem(err error) *problem {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return newProblem(http.StatusRequestEntityTooLarge, "body_too_large", "The body is too large.")
	}
	return newProblem(http.StatusBadRequest, "invalid_request", "The body is not valid JSON.")
}

func badParameter(name string) *problem {
	return newProblem(http.StatusBadRequest, "invalid_request", name+" is not valid.")
}

func unauthorized() *problem {
	return newProblem(http.StatusUnauthorized, "unauthenticated", "Send a key.")
}

// newValidator is the validator as its documentation sets it up for JSON: fields have their names on the wire.
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(jsonName)
	return v
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
