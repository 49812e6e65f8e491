package validation

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
)

// crossField are the rules whose parameter names another field.
var crossField = map[string]bool{
	"eqfield": true, "nefield": true, "gtfield": true, "gtefield": true, "ltfield": true, "ltefield": true,
	"eqcsfield": true, "necsfield": true, "gtcsfield": true, "gtecsfield": true, "ltcsfield": true, "ltecsfield": true,
	"fieldcontains": true, "fieldexcludes": true,
	"required_if": true, "required_unless": true, "skip_unless": true, "excluded_if": true, "excluded_unless": true,
	"required_with": true, "required_with_all": true, "required_without": true, "required_without_all": true,
	"excluded_with": true, "excluded_with_all": true, "excluded_without": true, "excluded_without_all": true,
}

// RuleName is the name of a rule, or the names of alternatives, without parameters.
func RuleName(rule string) string {
	if !strings.Contains(rule, "|") { // as most
		name, _, _ := strings.Cut(rule, "=")
		return name
	}
	names := strings.Split(rule, "|")
	for i := range names {
		names[i], _, _ = strings.Cut(names[i], "=")
	}
	return strings.Join(names, "|")
}

// NamesGo reports whether a broken rule's parameter names a field or a method, as Go does.
func NamesGo(fe validator.FieldError) bool {
	for _, rule := range []string{fe.Tag(), fe.ActualTag()} {
		for name := range strings.SplitSeq(RuleName(rule), "|") {
			if crossField[name] || name == "validateFn" || name == "unique" {
				return true
			}
		}
	}
	return false
}

// pairs are those of them that take "Field value Field value ...".
var pairs = map[string]bool{
	"required_if": true, "required_unless": true, "skip_unless": true, "excluded_if": true, "excluded_unless": true,
}

// structural are words of a tag that are no rules, or rules without a parameter that suit every type.
var structural = map[string]bool{
	"omitempty": true, "omitnil": true, "omitzero": true, "structonly": true, "nostructlevel": true,
	"required": true, "isdefault": true, "": true,
}

// walker visits every type that can be reached and tries each of its tags. A
// wrong tag makes the validator panic, many only when a value reaches it: behind a nil
// pointer, after omitempty, or in the element of an empty list.
type walker struct {
	validate *validator.Validate
	unwrap   Unwrap
	seen     map[reflect.Type]bool
	tagged   bool
	fromTop  bool
	problems []string
}

func (w *walker) walk(t reflect.Type) {
	for {
		if elem, wrapped := w.unwrap(t); wrapped {
			t = elem
			continue
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
			continue
		}
		break
	}
	if t.Kind() != reflect.Struct || w.seen[t] || t == reflect.TypeFor[time.Time]() {
		return
	}
	w.seen[t] = true
	wrong := len(w.problems)
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		tag := f.Tag.Get("validate")
		if tag == "-" {
			continue
		}
		if tag != "" {
			w.tagged = true
			w.checkTag(t, f, tag)
		}
		w.walk(f.Type)
	}
	if len(w.problems) == wrong {
		if text := try(func() { _ = w.validate.Struct(reflect.Zero(t).Interface()) }); text != "" {
			w.problems = append(w.problems, fmt.Sprintf("%s: %s", nameOf(t), text))
		}
	}
}

// checkTag tries each rule of a tag on a value of the type that it is for.
func (w *walker) checkTag(owner reflect.Type, f reflect.StructField, tag string) {
	report := func(rule, text string) {
		w.problems = append(w.problems, fmt.Sprintf("the rule %q of the field %s of %s: %s", rule, f.Name, nameOf(owner), text))
	}
	t, values := f.Type, []reflect.Type(nil) // values are the types outside a keys section
	for _, rule := range strings.Split(tag, ",") {
		switch rule {
		case "dive":
			inner := w.strip(t)
			switch inner.Kind() {
			case reflect.Slice, reflect.Array, reflect.Map:
				t, values = inner.Elem(), []reflect.Type{inner}
			default:
				report(rule, fmt.Sprintf("%v has no elements to dive into", t))
				return
			}
			continue
		case "keys":
			if len(values) == 0 || values[0].Kind() != reflect.Map {
				report(rule, "keys follows the dive into a map")
				return
			}
			values = append(values, t)
			t = values[0].Key()
			continue
		case "endkeys":
			if len(values) != 2 {
				report(rule, "there are no keys to end")
				return
			}
			t, values = values[1], nil
			continue
		}
		for alternative := range strings.SplitSeq(rule, "|") {
			if text := w.checkRule(owner, t, alternative); text != "" {
				report(alternative, text)
			}
		}
	}
}

func (w *walker) checkRule(owner, t reflect.Type, rule string) string {
	name, param, _ := strings.Cut(rule, "=")
	switch {
	case structural[name]:
		return ""
	case crossField[name]:
		return w.checkCrossField(owner, name, param)
	}
	return try(func() { _ = w.validate.Var(w.sample(w.strip(t), 3).Interface(), rule) })
}

// checkCrossField finds fields that are named and do not exist; the validator
// would take the rule as broken, or as kept, for ever.
func (w *walker) checkCrossField(owner reflect.Type, name, param string) string {
	if strings.Contains(name, "csfield") {
		w.fromTop = true
		return "" // the outermost struct differs from use to use
	}
	fields := words.FindAllString(param, -1)
	if len(fields) == 0 {
		return "it names no field"
	}
	if pairs[name] {
		if len(fields)%2 != 0 {
			return "it takes pairs of a field and a value"
		}
		for i := range len(fields) / 2 {
			fields[i] = fields[2*i]
		}
		fields = fields[:len(fields)/2]
	}
	for _, field := range fields {
		if !w.hasField(owner, field) {
			return fmt.Sprintf("%s has no field %s", nameOf(owner), field)
		}
	}
	return ""
}

// words splits a parameter as the validator does: a value in quotes may hold spaces.
var words = regexp.MustCompile(`'[^']*'|\S+`)

func (w *walker) hasField(t reflect.Type, path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		name, _, _ = strings.Cut(name, "[")
		t = w.strip(t)
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Array {
			t = w.strip(t.Elem())
		}
		if t.Kind() != reflect.Struct {
			return false
		}
		f, found := t.FieldByName(name)
		if !found {
			return false
		}
		t = f.Type
	}
	return true
}

// strip leaves out pointers and wrappers, as the validator does before a rule sees a value.
func (w *walker) strip(t reflect.Type) reflect.Type {
	for {
		if elem, wrapped := w.unwrap(t); wrapped {
			t = elem
		} else if t.Kind() == reflect.Pointer {
			t = t.Elem()
		} else {
			return t
		}
	}
}

// sample is a value of t that is not zero, so that no rule passes it over.
func (w *walker) sample(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if depth == 0 {
		return v
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString("a")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Slice:
		v.Set(reflect.Append(v, w.sample(t.Elem(), depth-1)))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(w.sample(t.Key(), depth-1), w.sample(t.Elem(), depth-1))
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(w.sample(t.Elem(), depth-1))
	case reflect.Interface:
		if t.NumMethod() == 0 {
			v.Set(reflect.ValueOf("a"))
		}
	}
	return v
}

// wrongTag are how the validator's own complaints begin. A panic of a rule of
// the user's, which may expect a struct around the value, says nothing of the tag.
var wrongTag = []string{"Undefined validation", "Bad field type", "Bad param", "Invalid validation tag", "strconv.", "time: ", "reflect.MapOf", "runtime error: hash of unhashable type", "hash of unhashable type", "'keys'", "'endkeys'", "dive"}

// nameOf is a type's name in a sentence.
func nameOf(t reflect.Type) string {
	if t.Name() == "" {
		return "an anonymous struct"
	}
	return t.String()
}

// try returns the validator's complaint, if fn makes it panic.
func try(fn func()) (found string) {
	defer func() {
		if p := recover(); p != nil {
			found = complaint(p)
		}
	}()
	fn()
	return ""
}

// complaint is what the validator panicked with, or "" for a panic of a rule of the user's.
func complaint(p any) string {
	text := strings.TrimSuffix(strings.TrimSpace(fmt.Sprint(p)), " on field ''")
	for _, prefix := range wrongTag {
		if strings.HasPrefix(text, prefix) {
			return text
		}
	}
	return ""
}
