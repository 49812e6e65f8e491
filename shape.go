package weft

import (
	"encoding"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// What Req and Resp may be, decided at Build.

var (
	typeRequest  = reflect.TypeFor[*Request]()
	typeResponse = reflect.TypeFor[Response]()
)

// empty reports whether a type holds nothing: struct{} and types made from it.
func empty(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 0 && !codesItself(t) && !bindingTypes.Itself(t)
}

// reads reports whether a Req of type t is read from the request.
func reads(t reflect.Type) bool { return !empty(t) && t != typeRequest }

// unwritable says why no Resp of type t can be answered with, and what to do.
func unwritable(t reflect.Type) (problem, remedy string) {
	if t == typeResponse || empty(t) {
		return "", ""
	}
	if t == reflect.TypeFor[*Response]() {
		return "the handler returns a *weft.Response", "return a weft.Response, which is a value"
	}
	if t == typeError {
		return "the handler returns an error as its response", "return it as the second result, where it is mapped"
	}
	return uncodable(fmt.Sprintf("the response type %v", t), t, false, map[reflect.Type]bool{})
}

// uncodable walks all that JSON would reach from t and reports the first type that has no JSON form.
func uncodable(root string, t reflect.Type, decode bool, seen map[reflect.Type]bool) (problem, remedy string) {
	if elem, isOpt := unwrapOpt(t); isOpt {
		t = elem
	}
	if seen[t] || codesItself(t) {
		return "", ""
	}
	if t == reflect.TypeFor[time.Duration]() {
		return fmt.Sprintf("%s has a time.Duration, which has no JSON form of its own", root),
			"use a type made from it that has MarshalText and UnmarshalText, or a number of seconds"
	}
	if t == typeUpload {
		return fmt.Sprintf("%s has a weft.Upload, which has no JSON form", root), "take it from a form, by a file tag"
	}
	if t == reflect.TypeFor[http.Request]() || t == typeRequest.Elem() {
		return fmt.Sprintf("%s has a %v, which is no JSON", root, t), "take a *weft.Request, whose method HTTP returns net/http's"
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
		if !nameable(t.Key()) {
			return fmt.Sprintf("%s has a part of type %v, whose keys are no names of JSON", root, t), "use strings or numbers as keys, or a type with MarshalText and UnmarshalText"
		}
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
			if decode && !field.IsExported() && field.Type.Kind() == reflect.Pointer {
				return fmt.Sprintf("%s embeds the %v %s, which is not exported and so cannot be set", root, field.Type, field.Name), "embed the struct itself, or export its type"
			}
			if problem, remedy := uncodable(root, field.Type, decode, seen); problem != "" {
				return problem, remedy
			}
		}
	}
	return "", ""
}

// nameable reports whether keys of type t are names of JSON members.
func nameable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Struct, reflect.Array, reflect.Interface, reflect.Pointer, reflect.Chan:
		return codesItself(t) || t.Kind() == reflect.Interface
	}
	return true
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
