package weft

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/weft-go/weft/internal/binding"
)

// Source is the part of a request that a value comes from.
type Source string

// The sources.
const (
	SourcePath   Source = Source(binding.Path)
	SourceQuery  Source = Source(binding.Query)
	SourceHeader Source = Source(binding.Header)
	SourceCookie Source = Source(binding.Cookie)
	SourceBody   Source = Source(binding.Body)
	// SourceForm is a field of a form, or with no name the form, and SourceFile a file in one.
	SourceForm Source = Source(binding.FormField)
	SourceFile Source = Source(binding.File)
	// SourceValue is what a stage found out: the value of a [Key].
	SourceValue Source = Source(binding.Value)
	// SourceService is a service of the container.
	SourceService Source = Source(binding.Service)
	// SourceRequest is the whole request: of a value that is made of several parts of it.
	SourceRequest Source = "request"
)

// FieldError is one thing that is wrong with a request. It never holds the
// value that the client sent.
type FieldError struct {
	// Source is where in the request, Name which parameter; for the body, Pointer
	// which part of it, as a JSON Pointer (RFC 6901), "" for the whole.
	Source  Source
	Name    string
	Pointer string
	// Code is what is wrong: a stable name. Those of validation are the names of its rules.
	Code string
	// Params are what the code speaks of: the bounds of a range, the parameter of a rule.
	Params map[string]any
	// Text is what to tell a person, where the code has no text of its own; see [FieldError.Message].
	Text string
	// Cause is for logs and for translating; it is never sent. For a broken rule
	// it is a validator.FieldError.
	Cause error
}

// The codes of what can be wrong before any rule is asked. They are stable.
const (
	CodeRequired         = binding.CodeRequired     // not there
	CodeRepeated         = binding.CodeRepeated     // there more than once where one is expected
	CodeInvalidType      = binding.CodeType         // of another type or form; "type" says which is expected
	CodeOutOfRange       = binding.CodeRange        // a number beyond its type; "min" and "max"
	CodeMalformed        = binding.CodeMalformed    // broken escapes or syntax
	CodeInvalidUTF8      = binding.CodeUTF8         // text that is not UTF-8
	CodeUnknownField     = binding.CodeUnknown      // a name that the operation does not know
	CodeDuplicateField   = "duplicate_field"        // a member of the JSON body that is there twice
	CodeInvalidJSON      = "invalid_json"           // a body that is not JSON
	CodeInvalidBody      = "invalid_body"           // a body that its codec cannot read
	CodeTrailingData     = "trailing_data"          // something after the JSON value
	CodeBodyRequired     = "body_required"          // no body
	CodeBodyTooLarge     = "body_too_large"         // more than the limit, which is "max" bytes
	CodeFileTooLarge     = binding.CodeFileSize     // a file with more than "max" bytes
	CodeTooManyFields    = "too_many_fields"        // a form with more than "max" values and files
	CodeBodyUnreadable   = "body_unreadable"        // the body broke off
	CodeUnsupportedMedia = "unsupported_media_type" // a body of a type, charset or coding that is not read; "accepted" are the types that are, "charsets" or "encodings"
)

// String is for logs: place and code, as in "body /quantity: min".
func (f FieldError) String() string {
	place := string(f.Source)
	if f.Name != "" {
		place += " " + f.Name
	}
	if f.Pointer != "" {
		place += " " + f.Pointer
	}
	return place + ": " + f.Code
}

// InvalidRequest is everything that is wrong with one request. Extraction and
// validation make it; a handler or a stage may return one too. It is rendered as problem details with a member "errors".
type InvalidRequest struct {
	// Status is 400 where something cannot be read, 413 or 415 where that is the
	// body's size or type, and 422 where all was read and a rule is broken. 0 is 400.
	Status int
	// Fields has at least one element. Extraction tells the path first, then the query as
	// it was sent and what is missing in it, the header and the cookies, each in the order of
	// declaration, then fields that extract themselves, the body last.
	// An answer lists the first hundred.
	Fields []FieldError
}

// Error is for logs: the status and everything that is wrong, without values.
func (e *InvalidRequest) Error() string {
	texts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		texts[i] = f.String()
	}
	return fmt.Sprintf("%d invalid request: %s", cmp.Or(e.Status, http.StatusBadRequest), strings.Join(texts, ", "))
}

// Missing reports whether nothing is wrong but that values are not there.
func (e *InvalidRequest) Missing() bool {
	return !slices.ContainsFunc(e.Fields, func(f FieldError) bool { return f.Code != CodeRequired && f.Code != CodeBodyRequired })
}

// Invalid is the error of a field that a handler or a stage finds wrong, by
// rules of its own: a 422 with a JSON Pointer into the body, a stable code, and a text for a
// person. Several joined by errors.Join are told together.
func Invalid(pointer, code, message string) error {
	return invalid(http.StatusUnprocessableEntity, FieldError{Source: SourceBody, Pointer: pointer, Code: code, Text: message})
}

// allInvalid joins the InvalidRequests in an error's tree, or returns nil.
func allInvalid(err error) *InvalidRequest {
	var all *InvalidRequest
	walk(err, func(inner error) bool {
		if e, ok := inner.(*InvalidRequest); ok && e != nil {
			if all == nil {
				all = &InvalidRequest{e.Status, slices.Clone(e.Fields)}
			} else {
				all.add(e)
			}
		}
		return false
	})
	return all
}

// invalid is an InvalidRequest for one field.
func invalid(status int, f FieldError) *InvalidRequest {
	return &InvalidRequest{Status: status, Fields: []FieldError{f}}
}

// public is the request's failure as a client sees it. Text is made last, by
// the app's hook, which knows the request's language.
func (e *InvalidRequest) public(r *Request) *Error {
	e = &InvalidRequest{cmp.Or(e.Status, http.StatusBadRequest), e.Fields[:min(len(e.Fields), maxFields)]}
	listed := make(publicFields, len(e.Fields))
	for i := range e.Fields {
		f := &e.Fields[i]
		listed[i] = publicField{string(f.Source), f.Name, f.pointer(), f.Code, r.message(*f), f.Params}
	}
	face := &Error{
		Status: e.Status, Code: "invalid_request", Detail: "The request is not valid: see errors.",
		Extensions: map[string]any{"errors": listed},
	}
	for _, f := range e.Fields {
		if refused, ok := errorAs[*unsupportedMedia](f.Cause); ok {
			face.Header = refused.header(r)
		}
	}
	switch e.Status {
	case http.StatusUnprocessableEntity:
		face.Code = "validation_failed"
	case http.StatusRequestEntityTooLarge:
		face.Code = e.tooMuch()
	case http.StatusUnsupportedMediaType:
		face.Code = CodeUnsupportedMedia
	}
	return face
}

// tooMuch is the code of what is too large: the body, unless it is but a part of it.
func (e *InvalidRequest) tooMuch() string {
	for _, f := range e.Fields {
		if f.Code == CodeFileTooLarge || f.Code == CodeTooManyFields {
			return f.Code
		}
	}
	return CodeBodyTooLarge
}

// publicFields is what an answer lists.
type publicFields []publicField

// publicField is what a client may know of a FieldError: it has no cause, whoever encodes it.
type publicField struct {
	Source  string
	Name    string
	Pointer *string
	Code    string
	Message string
	Params  map[string]any
}

// MarshalJSON implements json.Marshaler, of encoding/json as well.
func (list publicFields) MarshalJSON() ([]byte, error) { return list.append(nil) }

// append is written by hand, as that of [problemDocument] is.
func (list publicFields) append(to []byte) ([]byte, error) {
	to = append(to, '[')
	for i, f := range list {
		if i > 0 {
			to = append(to, ',')
		}
		to = appendText(append(to, `{"source":`...), f.Source)
		if f.Name != "" {
			to = appendText(append(to, `,"name":`...), f.Name)
		}
		if f.Pointer != nil {
			to = appendText(append(to, `,"pointer":`...), *f.Pointer)
		}
		to = appendText(append(to, `,"code":`...), f.Code)
		to = appendText(append(to, `,"message":`...), f.Message)
		if len(f.Params) > 0 {
			var err error
			if to, err = appendMembers(append(to, `,"params":{`...), f.Params); err != nil {
				return nil, err
			}
			to = append(to, '}')
		}
		to = append(to, '}')
	}
	return append(to, ']'), nil
}

// maxFields bounds how many fields an answer lists.
const maxFields = 100

// maxPointer bounds how much of a client's own member names is repeated to it.
const maxPointer = 256

// pointer is the place in the body, "" for the whole of it; nil for the rest of the request.
func (f *FieldError) pointer() *string {
	if f.Source != SourceBody || len(f.Pointer) > maxPointer {
		return nil
	}
	return &f.Pointer
}

// Message is an English sentence for f, for clients without a language of their own.
func (f FieldError) Message() string {
	if f.Text != "" {
		return validText(f.Text)
	}
	switch f.Code {
	case CodeRequired:
		return "is required"
	case CodeRepeated:
		return "must be given once"
	case CodeInvalidType:
		if layout, timed := f.Params["layout"]; timed {
			return "must be a time like " + sampleTime.Format(fmt.Sprint(layout))
		}
		return fmt.Sprintf("must be of type %v", f.Params["type"])
	case CodeOutOfRange:
		return fmt.Sprintf("must be from %v to %v", f.Params["min"], f.Params["max"])
	case CodeMalformed:
		return "is malformed"
	case CodeInvalidUTF8:
		return "must be valid UTF-8"
	case CodeUnknownField:
		return "is not known here"
	case CodeDuplicateField:
		return "must be given once"
	case CodeInvalidJSON:
		return "must be valid JSON"
	case CodeInvalidBody:
		return "must be valid in its format"
	case CodeTrailingData:
		return "must be one JSON value with nothing after it"
	case CodeBodyRequired:
		return "a body is required"
	case CodeBodyTooLarge, CodeFileTooLarge:
		return fmt.Sprintf("must be at most %v bytes", f.Params["max"])
	case CodeTooManyFields:
		return fmt.Sprintf("must have at most %v fields", f.Params["max"])
	case CodeBodyUnreadable:
		return "could not be read to its end"
	case CodeUnsupportedMedia:
		return unsupportedMessage(f.Params)
	}
	return f.ruleMessage()
}

// sampleTime is the time that package time's layouts are written with.
var sampleTime = time.Date(2006, time.January, 2, 15, 4, 5, 0, time.UTC)

// ruleMessage says which rule is broken, in words where the rule is a common one.
func (f FieldError) ruleMessage() string {
	param, has := f.Params["param"]
	if broken, ok := f.Cause.(validator.FieldError); ok && sizeRules[f.Code] {
		switch broken.Kind() {
		case reflect.String:
			return fmt.Sprintf(ruleMessages[f.Code]+" characters long", param)
		case reflect.Slice, reflect.Map, reflect.Array:
			return fmt.Sprintf(strings.Replace(ruleMessages[f.Code], "must be", "must have", 1)+" items", param)
		}
	}
	if text, known := ruleMessages[f.Code]; known {
		if strings.Contains(text, "%v") {
			return fmt.Sprintf(text, param)
		}
		return text
	}
	if has {
		return fmt.Sprintf("must satisfy %s=%v", f.Code, param)
	}
	return "must satisfy " + f.Code
}

// sizeRules are about a number, or the size of a text or a list.
var sizeRules = map[string]bool{"min": true, "max": true, "gte": true, "lte": true, "gt": true, "lt": true, "len": true}

var ruleMessages = map[string]string{
	"min":       "must be at least %v",
	"max":       "must be at most %v",
	"gte":       "must be at least %v",
	"lte":       "must be at most %v",
	"gt":        "must be greater than %v",
	"lt":        "must be less than %v",
	"len":       "must be %v",
	"eq":        "must be %v",
	"ne":        "must not be %v",
	"oneof":     "must be one of %v",
	"email":     "must be an email address",
	"url":       "must be a URL",
	"uuid":      "must be a UUID",
	"unique":    "must not hold a value twice",
	"eqfield":   "must be equal to another field",
	"nefield":   "must differ from another field",
	"gtfield":   "must be greater than another field",
	"gtefield":  "must not be less than another field",
	"ltfield":   "must be less than another field",
	"ltefield":  "must not be greater than another field",
	"alphanum":  "must consist of letters and digits",
	"numeric":   "must be numeric",
	"datetime":  "must be a time as %v",
	"e164":      "must be a phone number as E.164 has it",
	"lowercase": "must be in lower case",
	"uppercase": "must be in upper case",
}

// message is the text for f in this request, which may be nil.
func (r *Request) message(f FieldError) string {
	if r != nil && r.state.server != nil && r.state.server.messages != nil {
		if text := r.state.server.messages(r, f); text != "" {
			return text
		}
	}
	return f.Message()
}

// bound turns what binding found into FieldErrors.
func bound(failures []binding.Failure) []FieldError {
	fields := make([]FieldError, len(failures))
	for i, f := range failures {
		fields[i] = FieldError{Source: Source(f.Source), Name: f.Name, Code: f.Code, Params: maps.Clone(f.Params), Cause: f.Cause}
	}
	return fields
}
