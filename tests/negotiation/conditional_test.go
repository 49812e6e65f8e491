package negotiation_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// page is a document of a wiki, and knows which of its versions it is.
type page struct {
	XMLName xml.Name `json:"-" cbor:"-" xml:"page"`
	Text    string   `json:"text" cbor:"text" xml:"text"`
	Edits   int      `json:"edits" cbor:"edits" xml:"edits"`
	version int
}

func (p page) ETag() string            { return fmt.Sprintf(`"%d"`, p.version) }
func (p page) LastModified() time.Time { return savedAt(p.version) }

// savedAt is a time of its own for each version, within a second.
func savedAt(version int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 10*version, 123_456_789, time.UTC)
}

var errNoPage = &weft.Error{Status: http.StatusNotFound, Code: "no_page"}

// wiki is a store that overwrites nothing that a client has not seen.
type wiki struct {
	mu     sync.Mutex
	pages  map[string]page
	edits  int // ever
	strict bool
}

type (
	named struct {
		Name string `path:"name"`
	}
	edit struct {
		Name string `path:"name"`
		If   weft.Preconditions
		Page page `body:""`
	}
	removal struct {
		Name string `path:"name"`
		If   weft.Preconditions
	}
	saved struct {
		Location string `header:"Content-Location"`
		Page     page   `body:""`
	}
)

func (w *wiki) declare(app *weft.App) {
	group := app.Group("/wiki")
	group.Formats(inAll(false))
	group.Handle("GET /{name}", weft.Handle(w.get))
	group.Handle("PUT /{name}", weft.Handle(w.put))
	group.Handle("DELETE /{name}", weft.Handle(w.remove))
}

func (w *wiki) get(_ context.Context, in named) (*page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, there := w.pages[in.Name]
	if !there {
		return nil, errNoPage
	}
	return &p, nil
}

func (w *wiki) put(_ context.Context, in edit) (saved, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.strict {
		if err := in.If.Require(); err != nil {
			return saved{}, err
		}
	}
	err := in.If.CheckAbsent()
	if old, there := w.pages[in.Name]; there {
		err = in.If.Check(old.ETag(), old.LastModified())
	}
	if err != nil {
		return saved{}, err
	}
	w.edits++
	in.Page.version = w.edits
	w.pages[in.Name] = in.Page
	return saved{"/wiki/" + in.Name, in.Page}, nil
}

func (w *wiki) remove(_ context.Context, in removal) (struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old, there := w.pages[in.Name]
	if !there {
		return struct{}{}, errNoPage
	}
	if err := in.If.Check(old.ETag(), old.LastModified()); err != nil {
		return struct{}{}, err
	}
	delete(w.pages, in.Name)
	return struct{}{}, nil
}

// tagged is an entity tag that a client names: of a version, in a format.
type tagged struct {
	version int
	variant string // "" for JSON
	weak    bool
}

func (t tagged) String() string {
	text := fmt.Sprintf(`"%d"`, t.version)
	if t.variant != "" {
		text = fmt.Sprintf(`"%d+%s"`, t.version, t.variant)
	}
	if t.weak {
		return "W/" + text
	}
	return text
}

// tags is what If-Match or If-None-Match says.
type tags struct {
	said, star bool
	of         []tagged
}

// names is about one representation, or, of "any", about a state.
func (l tags) names(version int, variant string, strong bool) bool {
	for _, t := range l.of {
		if t.version == version && (variant == "any" || t.variant == variant) && !(strong && t.weak) {
			return true
		}
	}
	return l.star
}

func (l tags) add(t *rapid.T, h http.Header, name string) {
	if l.star {
		h[name] = []string{"*"}
	}
	for i, tag := range l.of {
		if i > 0 && rapid.Bool().Draw(t, "same line") {
			h[name][len(h[name])-1] += ", " + tag.String()
		} else {
			h[name] = append(h[name], tag.String())
		}
	}
}

func drawTags(t *rapid.T, current int) tags {
	switch rapid.IntRange(0, 5).Draw(t, "tags") {
	case 0:
		return tags{said: true, star: true}
	case 1, 2:
		draw := rapid.Custom(func(t *rapid.T) tagged {
			return tagged{
				version: rapid.SampledFrom([]int{current, current, current - 1, current + 1}).Draw(t, "version"),
				variant: rapid.SampledFrom([]string{"", "xml", "cbor"}).Draw(t, "variant"),
				weak:    rapid.Bool().Draw(t, "weak"),
			}
		})
		return tags{said: true, of: rapid.SliceOfN(draw, 1, 3).Draw(t, "list")}
	}
	return tags{}
}

// date is what If-Modified-Since or If-Unmodified-Since says.
type date struct {
	said bool
	at   time.Time
}

func (d date) add(h http.Header, name string) {
	if d.said {
		h.Set(name, d.at.Format(http.TimeFormat))
	}
}

func drawDate(t *rapid.T, current int) date {
	if rapid.IntRange(0, 2).Draw(t, "date") > 0 {
		return date{}
	}
	seconds := rapid.IntRange(-1, 1).Draw(t, "seconds")
	return date{true, savedAt(current).Truncate(time.Second).Add(time.Duration(seconds) * time.Second)}
}

// conditions are those of a request, as the steps of RFC 9110 section 13.2.2 ask about them.
type conditions struct {
	match, none         tags
	modified, unchanged date
}

// evaluate follows the steps; 0 is to perform the method.
func (c conditions) evaluate(method string, there bool, version int, variant string) int {
	reads := method == "GET" || method == "HEAD"
	last := savedAt(version).Truncate(time.Second)
	// 1. When recipient is the origin server and If-Match is present
	if c.match.said {
		if !there || !c.match.names(version, variant, true) {
			return 412
		}
	} else if c.unchanged.said && there && last.After(c.unchanged.at) { // 2.
		return 412
	}
	if c.none.said { // 3.
		if there && c.none.names(version, variant, false) {
			if reads {
				return 304
			}
			return 412
		}
	} else if reads && c.modified.said && !last.After(c.modified.at) { // 4.
		return 304
	}
	return 0 // 5 is of ranges, 6 performs
}

// Clients of every kind ask for, write and remove pages, under conditions of every kind.
func TestConditionsAreThoseOfTheRFC(t *testing.T) {
	w := &wiki{}
	overBoth(t, w.declare, func(t *testing.T, site *site) {
		rapid.Check(t, func(t *rapid.T) {
			w.pages, w.edits = map[string]page{}, 0
			t.Repeat(map[string]func(*rapid.T){"request": func(t *rapid.T) {
				name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")
				method := rapid.SampledFrom([]string{"GET", "HEAD", "PUT", "PUT", "DELETE"}).Draw(t, "method")
				before, there := w.pages[name]
				c := conditions{
					drawTags(t, before.version), drawTags(t, before.version), drawDate(t, before.version), drawDate(t, before.version),
				}
				out := rapid.SampledFrom(wires).Draw(t, "out")
				header := http.Header{"Accept": {out.mediaType}, "Content-Type": {"application/json"}}
				c.match.add(t, header, "If-Match")
				c.none.add(t, header, "If-None-Match")
				c.modified.add(header, "If-Modified-Since")
				c.unchanged.add(header, "If-Unmodified-Since")

				variant := strings.TrimPrefix(strings.TrimPrefix(out.mediaType, "application/"), "text/")
				if variant == "json" {
					variant = ""
				}
				compared, body := variant, []byte(nil)
				if method == "PUT" || method == "DELETE" { // is about the state, whatever it looks like
					compared, body = "any", []byte(`{"text":"new","edits":0}`)
				}
				want := c.evaluate(method, there, before.version, compared)
				if !there && method != "PUT" {
					want = 404
				}
				got := site.send(t, method, "/wiki/"+name, body, header)
				after, still := w.pages[name]
				if want != 0 || method == "GET" || method == "HEAD" {
					require.Equal(t, []any{before, there}, []any{after, still}, "nothing has changed")
				}
				tag, modified := tagged{after.version, variant, false}.String(), savedAt(after.version).Format(http.TimeFormat)
				switch {
				case want == 304:
					require.Equal(t, 304, got.status, "%v", header)
					require.Empty(t, got.body)
					require.Equal(t, http.Header{"Etag": {tag}, "Vary": {"Accept"}, "Date": got.header["Date"]}, got.header)
				case want != 0:
					require.Equal(t, want, got.status, "%s %v of %v", method, header, before)
					require.Empty(t, got.header["Etag"])
					require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
				case method == "DELETE":
					require.Equal(t, 204, got.status)
					require.False(t, still)
				default:
					require.Equal(t, 200, got.status, "%s %v of %v: %s", method, header, before, got.body)
					require.Equal(t, []string{tag}, got.header["Etag"])
					require.Equal(t, []string{modified}, got.header["Last-Modified"])
					require.Equal(t, []string{out.mediaType}, got.header["Content-Type"])
					if method == "HEAD" {
						require.Empty(t, got.body)
						require.Positive(t, got.length)
						return
					}
					var back page
					require.NoError(t, out.read(got.body, &back))
					require.Equal(t, after.Text, back.Text)
				}
			}})
		})
	})
}

// Everybody counts on the same page, each with what they have seen: no edit is lost, and nobody who has seen nothing gets through.
func TestNoEditIsLost(t *testing.T) {
	const clients, each = 8, 10
	w := &wiki{strict: true}
	overBoth(t, w.declare, func(t *testing.T, site *site) {
		w.pages, w.edits = map[string]page{"count": {Text: "x"}}, 0
		var all sync.WaitGroup
		var lost sync.Map
		for client := range clients {
			in := wires[client%len(wires)]
			all.Go(func() {
				for done := 0; done < each && !t.Failed(); {
					seen := site.send(t, "GET", "/wiki/count", nil, http.Header{"Accept": {in.mediaType}})
					var p page
					if !assert.NoError(t, in.read(seen.body, &p)) {
						return
					}
					p.Edits++
					body, err := in.write(p)
					assert.NoError(t, err)
					header := http.Header{"Content-Type": {in.mediaType}, "If-Match": {seen.header.Get("ETag")}}
					switch got := site.send(t, "PUT", "/wiki/count", body, header); got.status {
					case 200:
						done++
					case 412: // somebody else was faster
					default:
						lost.Store(client, string(got.body))
						return
					}
				}
			})
		}
		all.Wait()
		lost.Range(func(_, body any) bool { t.Error(body); return true })
		assert.Equal(t, clients*each, w.pages["count"].Edits)
		assert.Equal(t, clients*each, w.edits)

		blind := site.send(t, "PUT", "/wiki/count", []byte(`{"text":"mine","edits":0}`), http.Header{"Content-Type": {"application/json"}})
		assert.Equal(t, 428, blind.status)
		assert.Equal(t, clients*each, w.pages["count"].Edits)
	})
}
