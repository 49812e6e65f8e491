package weft

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readsBody reports whether a Req of type t is the JSON body.
func readsBody(t reflect.Type) bool {
	return !empty(t) && t != typeRequest
}

// decodeJSON decodes the body of r into the value that in points to.
func decodeJSON(r *Request, in any, optional bool) error {
	undeclared := declaresJSON(r.Header())
	if undeclared != nil && r.http.ContentLength > 0 {
		return undeclared // without reading it
	}
	body, err := r.Body()
	if err != nil {
		return err
	}
	value := bytes.TrimSpace(body)
	switch absent := len(value) == 0; {
	case undeclared != nil && !absent:
		return undeclared
	case absent && optional:
		return nil
	case absent || string(value) == "null" && !optional:
		return &Error{
			Status: http.StatusBadRequest, Code: "body_required",
			Detail: "The request needs a JSON body.",
		}
	}
	if err := json.Unmarshal(body, in, json.RejectUnknownMembers(true)); err != nil {
		return invalidJSON(err)
	}
	return nil
}

// declaresJSON checks Content-Type and Content-Encoding (RFC 9110 sections 8.3 and 8.4).
func declaresJSON(h http.Header) error {
	for _, coding := range h["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return unsupportedMedia("The request body must not be compressed.")
		}
	}
	declared := h.Get(contentType)
	if declared == jsonType {
		return nil
	}
	mediaType, params, err := mime.ParseMediaType(declared)
	if err != nil || mediaType != jsonType && !strings.HasSuffix(mediaType, "+json") {
		return unsupportedMedia("The request body must be JSON and say so: Content-Type: application/json.")
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return unsupportedMedia("The JSON request body must be in UTF-8.")
	}
	return nil
}

func unsupportedMedia(detail string) error {
	return &Error{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: detail}
}

// maxPointer bounds how much of a client's own member names is repeated to it.
const maxPointer = 256

// invalidJSON says where a body is wrong without repeating its values; the decoder's text, which may, is the cause.
func invalidJSON(err error) error {
	e := &Error{
		Status: http.StatusBadRequest, Code: "invalid_json",
		Detail: "The request body is not the JSON that this operation accepts.",
		Cause:  err,
	}
	var pointer jsontext.Pointer
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		pointer = semantic.JSONPointer
	} else if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		pointer = syntactic.JSONPointer
	}
	switch {
	case errors.Is(err, json.ErrUnknownName):
		e.Code, e.Detail = "unknown_field", "The request body has a member that this operation does not know."
	case errors.Is(err, jsontext.ErrDuplicateName):
		e.Code, e.Detail = "duplicate_field", "The request body has a member twice."
	}
	if pointer != "" && len(pointer) <= maxPointer {
		e.Extensions = map[string]any{"pointer": string(pointer)}
	}
	return e
}

// sourceTags mark fields that are read from elsewhere than the body.
var sourceTags = []string{"path", "query", "header", "cookie", "form", "file", "value", "inject", "body"}

// unreadable says why no Req of type t can be read, and what to do.
func unreadable(t reflect.Type) (problem, remedy string) {
	if !readsBody(t) {
		return "", ""
	}
	base := t
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	if base.Kind() == reflect.Struct {
		for field := range base.Fields() {
			for _, tag := range sourceTags {
				if _, tagged := field.Tag.Lookup(tag); tagged {
					return fmt.Sprintf("the field %s of %v has a %s tag, which is not supported yet", field.Name, t, tag),
						"take *weft.Request and read it from there"
				}
			}
		}
	}
	return uncodable(fmt.Sprintf("the request type %v", t), t, true, map[reflect.Type]bool{})
}

// unwritable says why no Resp of type t can be answered with, and what to do.
func unwritable(t reflect.Type) (problem, remedy string) {
	if t == typeResponse || empty(t) {
		return "", ""
	}
	if t == reflect.TypeFor[*Response]() {
		return "the handler returns a *weft.Response", "return a weft.Response, which is a value"
	}
	return uncodable(fmt.Sprintf("the response type %v", t), t, false, map[reflect.Type]bool{})
}

// uncodable walks all that JSON would reach from t and reports the first type that has no JSON form.
func uncodable(root string, t reflect.Type, decode bool, seen map[reflect.Type]bool) (problem, remedy string) {
	if seen[t] || codesItself(t) {
		return "", ""
	}
	seen[t] = true
	remedy = "use another type, leave the field out with `json:\"-\"`, or give the type MarshalJSON and UnmarshalJSON"
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128, reflect.Uintptr:
		return fmt.Sprintf("%s has a part of type %v, which has no JSON form", root, t), remedy
	case reflect.Interface:
		if decode && t.NumMethod() > 0 {
			return fmt.Sprintf("%s has a part of type %v, and JSON cannot tell which implementation to decode", root, t), remedy
		}
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return uncodable(root, t.Elem(), decode, seen)
	case reflect.Map:
		return uncodable(root, t.Elem(), decode, seen)
	case reflect.Struct:
		// Decoding an empty object makes the codec analyse the struct's tags; no method of the user's runs.
		if err := json.Unmarshal([]byte("{}"), reflect.New(t).Interface()); err != nil {
			if semantic, ok := errors.AsType[*json.SemanticError](err); ok && semantic.Err != nil {
				err = semantic.Err // the words around it differ from build to build
			}
			return fmt.Sprintf("%s cannot be JSON: %v", root, err), "mend the struct's json tags"
		}
		for field := range t.Fields() {
			if !field.IsExported() && !field.Anonymous || field.Tag.Get("json") == "-" {
				continue
			}
			if problem, remedy := uncodable(root, field.Type, decode, seen); problem != "" {
				return problem, remedy
			}
		}
	}
	return "", ""
}

// codesItself reports whether t brings JSON or text methods of its own.
func codesItself(t reflect.Type) bool {
	return slices.ContainsFunc(ownCoding, reflect.PointerTo(t).Implements)
}

var ownCoding = []reflect.Type{
	reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.MarshalerTo](),
	reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](),
	reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextAppender](), reflect.TypeFor[encoding.TextUnmarshaler](),
}
