package validation

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Step is one step into a value.
type Step struct {
	Field reflect.StructField // of a struct; its Name is "" for an element
	Key   string              // of an element: its index, or its key as text
}

// descend takes further steps from where base leads. It follows a path in the validator's notation, "Items[0].Tags[a.b].Name",
// through the value that it speaks of; owner is the last struct on the way. Keys
// of maps are the client's and may hold any character, so they are not looked
// for in the path: the path is compared with the keys that are there.
func (e *explanation) descend(base []Step, v reflect.Value, path string) (steps []Step, at, owner reflect.Value) {
	steps = append(make([]Step, 0, len(base)+1+strings.Count(path, ".")+strings.Count(path, "[")), base...)
	for path != "" {
		v = e.inside(v)
		var step Step
		var next reflect.Value
		var rest string
		switch {
		case !v.IsValid():
			return steps, v, owner
		case strings.HasPrefix(path, "["):
			step.Key, next, rest = e.element(v, path)
		case v.Kind() == reflect.Struct:
			name := path[:nameLength(path)]
			field, found := v.Type().FieldByName(name)
			if found {
				owner = v
				step.Field, next, rest = field, v.FieldByIndex(field.Index), path[len(name):]
			}
		}
		if !next.IsValid() {
			return steps, next, owner
		}
		steps, v, path = append(steps, step), next, strings.TrimPrefix(rest, ".")
	}
	return steps, v, owner
}

// inside follows pointers, interfaces and wrappers, however many.
func (r *Rules) inside(v reflect.Value) reflect.Value {
	for v = behind(v); v.IsValid() && v.CanInterface(); {
		if _, wrapped := r.unwrap(v.Type()); !wrapped {
			break
		}
		v = behind(reflect.ValueOf(v.Interface().(validator.Valuer).ValidatorValue()))
	}
	return v
}

// nameLength is how much of the path a Go name takes.
func nameLength(path string) int {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return i
	}
	return len(path)
}

// entry is an element of a map, and its key as JSON writes it.
type entry struct {
	key  string
	elem reflect.Value
}

// element finds the element of a list or map whose index or key the path begins with.
func (e *explanation) element(v reflect.Value, path string) (key string, elem reflect.Value, rest string) {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		digits, after, _ := strings.Cut(path[1:], "]")
		if i, err := strconv.Atoi(digits); err == nil && i >= 0 && i < v.Len() {
			return digits, v.Index(i), after
		}
	case reflect.Map:
		entries := e.entries(v)
		for end := len(path) - 1; end > 0; end-- { // the longest key first
			after := path[end+1:]
			if path[end] != ']' || after != "" && after[0] != '.' && after[0] != '[' {
				continue
			}
			if found, ok := entries[path[1:end]]; ok {
				return found.key, found.elem, after
			}
		}
	}
	return "", reflect.Value{}, ""
}

// entries are the elements of a map by their keys as the validator writes them.
// They are listed once: a map may be large, and each of its elements wrong.
func (e *explanation) entries(v reflect.Value) map[string]entry {
	if known, ok := e.keys[v.Pointer()]; ok {
		return known
	}
	entries := make(map[string]entry, v.Len())
	for it := v.MapRange(); it.Next(); {
		text := fmt.Sprint(it.Key().Interface())
		entries[text] = entry{keyName(it.Key().Interface(), text), it.Value()}
	}
	e.keys[v.Pointer()] = entries
	return entries
}

// keyName is how JSON names a key.
func keyName(key any, otherwise string) string {
	if m, ok := key.(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	return otherwise
}

// tagOf is the tag that rules the last of the steps, and how many dives lead there.
func tagOf(steps []Step) (rules []string, dives int) {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Field.Name != "" {
			return strings.Split(steps[i].Field.Tag.Get("validate"), ","), dives
		}
		dives++
	}
	return nil, dives
}

// keysDemandPresence reports whether the last step is a map's key that is
// itself required: the validator does not say whether it or its value failed.
func keysDemandPresence(steps []Step) bool {
	rules, dives := tagOf(steps)
	from, to := slices.Index(rules, "keys"), slices.Index(rules, "endkeys")
	return dives > 0 && from >= 0 && to > from && slices.Contains(rules[from:to], "required")
}

// otherRules are the rules beside the one that demands presence, at the last of the steps.
func otherRules(steps []Step, required string) string {
	rules, dives := tagOf(steps)
	return without(rules, dives, required)
}

// without leaves out the rules before the given number of dives, those of map
// keys, and the one that demands presence.
func without(rules []string, dives int, required string) string {
	var rest []string
	inKeys, level := false, 0
	for _, rule := range rules {
		switch {
		case rule == "keys":
			inKeys = level == dives
			if !inKeys && level > dives {
				rest = append(rest, rule)
			}
		case rule == "endkeys":
			if inKeys {
				inKeys = false
			} else if level > dives {
				rest = append(rest, rule)
			}
		case inKeys || level < dives && rule != "dive":
		case rule == "dive":
			if level++; level > dives {
				rest = append(rest, rule)
			}
		case rule != required || level > dives:
			rest = append(rest, rule)
		}
	}
	kept := rest[:0]
	for _, rule := range rest {
		if !strings.Contains(rule, "csfield") { // they begin at the outermost struct, which is not at hand here
			kept = append(kept, rule)
		}
	}
	return strings.Join(kept, ",")
}
