package validation

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Step is one step into a value.
type Step struct {
	Field reflect.StructField // of a struct; its Name is "" for an element
	Key   string              // of an element: its index, or its key as text
}

// descend follows a path in the validator's notation, "Items[0].Tags[a.b].Name",
// through the value that it speaks of. Keys of maps are the client's and may
// hold any character, so they are not looked for in the path: the path is
// compared with the keys that are there.
func (r *Rules) descend(v reflect.Value, path string) (steps []Step, at reflect.Value) {
	for path != "" {
		v = r.inside(v)
		var step Step
		var next reflect.Value
		var rest string
		switch {
		case !v.IsValid():
			return steps, v
		case strings.HasPrefix(path, "["):
			step.Key, next, rest = element(v, path)
		case v.Kind() == reflect.Struct:
			name := path[:nameLength(path)]
			field, found := v.Type().FieldByName(name)
			if found {
				step.Field, next, rest = field, v.FieldByIndex(field.Index), path[len(name):]
			}
		}
		if !next.IsValid() {
			return steps, next
		}
		steps, v, path = append(steps, step), next, strings.TrimPrefix(rest, ".")
	}
	return steps, v
}

// inside follows pointers, interfaces and wrappers.
func (r *Rules) inside(v reflect.Value) reflect.Value {
	v = behind(v)
	if v.IsValid() {
		if _, wrapped := r.unwrap(v.Type()); wrapped {
			return behind(reflect.ValueOf(v.Interface().(validator.Valuer).ValidatorValue()))
		}
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

// element finds the element of a list or map whose index or key the path begins with.
func element(v reflect.Value, path string) (key string, elem reflect.Value, rest string) {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		digits, after, _ := strings.Cut(path[1:], "]")
		if i, err := strconv.Atoi(digits); err == nil && i >= 0 && i < v.Len() {
			return digits, v.Index(i), after
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			candidate := fmt.Sprint(it.Key().Interface())
			after, matches := strings.CutPrefix(path, "["+candidate+"]")
			if matches && (after == "" || after[0] == '.' || after[0] == '[') && (!elem.IsValid() || len(candidate) > len(key)) {
				key, elem, rest = candidate, it.Value(), after
			}
		}
	}
	return key, elem, rest
}

// otherRules are the rules beside required, at the last of the steps.
func otherRules(steps []Step) string {
	depth := 0 // how many dives lead there
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Field.Name != "" {
			return without(strings.Split(steps[i].Field.Tag.Get("validate"), ","), depth)
		}
		depth++
	}
	return ""
}

// without leaves out the rules before the given number of dives, those of map keys, and required.
func without(rules []string, dives int) string {
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
		case rule != "required" || level > dives:
			rest = append(rest, rule)
		}
	}
	kept := rest[:0]
	for _, rule := range rest {
		name, _, _ := strings.Cut(rule, "=")
		if !crossField[name] { // they need the struct, which is not at hand here
			kept = append(kept, rule)
		}
	}
	return strings.Join(kept, ",")
}
