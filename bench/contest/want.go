package contest

import (
	"encoding/json"
	"fmt"
	"mime"
	"reflect"
	"slices"
	"strings"
)

// Want is what a right answer has in common, whoever gives it. It asks for
// meaning and not for bytes: members may stand in any order, an error may say more than is asked for.
type Want struct {
	Status int
	// JSON is what the body means, exactly; "" is not asked for.
	JSON string
	// Members are members of a JSON object that must be there.
	Members map[string]any
	// Places are the fields that a list of errors must name, and no others, sorted, as lines/0/sku.
	Places []string
	// Header are header fields that must be there.
	Header map[string]string
	// Allow is a method that must be in Allow, which must not have the one that was refused.
	Allow string
}

// Differences says what is not right about an answer; nothing where it is right.
func (w Want) Differences(r Request, a Answer) []string {
	var wrong []string
	note := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if a.Status != w.Status {
		note("the status is %d, not %d", a.Status, w.Status)
	}
	for name, value := range w.Header {
		if got := a.Header.Get(name); got != value {
			note("%s is %q, not %q", name, got, value)
		}
	}
	if w.Allow != "" {
		allowed := methods(strings.Join(a.Header.Values("Allow"), ","))
		if !slices.Contains(allowed, w.Allow) || slices.Contains(allowed, r.Method) {
			note("Allow is %v after %s", allowed, r.Method)
		}
	}
	if w.JSON == "" && w.Members == nil && w.Places == nil {
		return wrong
	}
	if t := a.Header.Get("Content-Type"); !saysJSON(t, w.JSON == "") {
		note("Content-Type is %q", t)
	}
	var got any
	if err := json.Unmarshal(a.Body, &got); err != nil {
		note("the body is not JSON: %v", err)
		return wrong
	}
	if w.JSON != "" {
		var want any
		if err := json.Unmarshal([]byte(w.JSON), &want); err != nil {
			note("what is wanted is not JSON: %v", err)
		} else if !reflect.DeepEqual(got, want) {
			note("the body means something else: %.200s", a.Body)
		}
	}
	object, _ := got.(map[string]any)
	for name, value := range w.Members {
		if !reflect.DeepEqual(object[name], value) {
			note("%s is %v, not %v", name, object[name], value)
		}
	}
	if w.Places != nil {
		if got := places(object); !slices.Equal(got, w.Places) {
			note("it finds fault with %v, not with %v", got, w.Places)
		}
	}
	return wrong
}

func methods(allow string) []string {
	var all []string
	for method := range strings.SplitSeq(allow, ",") {
		if method = strings.TrimSpace(method); method != "" {
			all = append(all, method)
		}
	}
	return all
}

// saysJSON reports whether a media type is JSON: application/json, and for an error a +json type too.
func saysJSON(contentType string, anError bool) bool {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return media == "application/json" || anError && strings.HasSuffix(media, "+json")
}

// places are the fields that the member errors of a problem document names, however its author writes them:
// as JSON Pointer, in huma's words (body.lines[0].sku), or in the validator's (lines[0].sku).
func places(problem map[string]any) []string {
	errors, _ := problem["errors"].([]any)
	var all []string
	for _, e := range errors {
		entry, _ := e.(map[string]any)
		for _, name := range []string{"pointer", "location", "field"} {
			if place, ok := entry[name].(string); ok {
				place = strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(place)
				if name == "location" {
					place = strings.TrimPrefix(place, "body")
				}
				all = append(all, strings.TrimPrefix(place, "/"))
				break
			}
		}
	}
	slices.Sort(all)
	return all
}
