package binding

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Misspelt finds tags that were meant for weft and are none, of which reflection says nothing: `Path:"id"`, `path: "id"`. A struct
// without any other tag would be taken for the JSON body.
func Misspelt(t reflect.Type) []Problem {
	if t.Kind() != reflect.Struct {
		return nil
	}
	var found []Problem
	for f := range t.Fields() {
		if body := f.Tag.Get("body"); f.Type.Kind() == reflect.Struct && (f.Anonymous || body == "form" || body == "multipart") {
			found = append(found, Misspelt(f.Type)...)
		}
		rest := string(f.Tag)
		for rest = strings.TrimLeft(rest, " "); rest != ""; rest = strings.TrimLeft(rest, " ") {
			name, after, ok := nextTag(rest)
			if !ok {
				if source := meant(rest); source != "" {
					found = append(found, Problem{fmt.Sprintf("the field %s has the tag %s, which is malformed", f.Name, rest), fmt.Sprintf("write it as `%s:\"name\"`, without a space behind the colon", source)})
				}
				break
			}
			if source := strings.ToLower(name); source != name && known(source) {
				found = append(found, Problem{fmt.Sprintf("the field %s has the tag %s, which means nothing", f.Name, name), "write it as " + source})
			}
			rest = after
		}
	}
	return found
}

// nextTag takes the first tag off, as reflect.StructTag.Lookup does.
func nextTag(s string) (name, rest string, ok bool) {
	name, value, found := strings.Cut(s, ":")
	if !found || name == "" || strings.ContainsAny(name, " \"") || !strings.HasPrefix(value, `"`) {
		return "", s, false
	}
	quoted, err := strconv.QuotedPrefix(value)
	if err != nil {
		return "", s, false
	}
	return name, value[len(quoted):], true
}

// meant is the source that a malformed tag begins with, or "".
func meant(s string) string {
	name, _, _ := strings.Cut(s, ":")
	name, _, _ = strings.Cut(name, "=")
	if name = strings.ToLower(strings.TrimSpace(name)); known(name) {
		return name
	}
	return ""
}

func known(name string) bool {
	return slices.Contains(tags, name) || name == "status"
}
