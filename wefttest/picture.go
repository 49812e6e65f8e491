package wefttest

import (
	"fmt"
	"reflect"
	"strings"
)

// pictureOf is a text of all data that v leads to, so that a change of it can be
// told. What changes by itself or belongs to others is left out: locks, channels, functions, contexts.
func pictureOf(v any) string {
	var text strings.Builder
	draw(&text, reflect.ValueOf(v), map[uintptr]bool{}, 0)
	return text.String()
}

const maxDepth = 12

func draw(w *strings.Builder, v reflect.Value, seen map[uintptr]bool, depth int) {
	if !v.IsValid() || depth > maxDepth {
		w.WriteString("_")
		return
	}
	switch pkg := v.Type().PkgPath(); {
	case pkg == "sync", pkg == "sync/atomic", pkg == "context":
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			w.WriteString("_")
			return
		}
		seen[v.Pointer()] = true
		w.WriteString("&")
		draw(w, v.Elem(), seen, depth+1)
		delete(seen, v.Pointer())
	case reflect.Interface:
		draw(w, v.Elem(), seen, depth+1)
	case reflect.Struct:
		w.WriteString("{")
		for i := range v.NumField() {
			draw(w, v.Field(i), seen, depth+1)
			w.WriteString(" ")
		}
		w.WriteString("}")
	case reflect.Slice, reflect.Array:
		w.WriteString("[")
		for i := range v.Len() {
			draw(w, v.Index(i), seen, depth+1)
			w.WriteString(" ")
		}
		w.WriteString("]")
	case reflect.Map:
		drawMap(w, v, seen, depth)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
	default:
		fmt.Fprintf(w, "%#v", v)
	}
}

// drawMap draws the entries in an order that their own texts give.
func drawMap(w *strings.Builder, v reflect.Value, seen map[uintptr]bool, depth int) {
	entries := map[string]string{}
	for it := v.MapRange(); it.Next(); {
		var name, value strings.Builder
		draw(&name, it.Key(), seen, depth+1)
		draw(&value, it.Value(), seen, depth+1)
		entries[name.String()] += value.String()
	}
	fmt.Fprint(w, entries) // sorted by name
}
