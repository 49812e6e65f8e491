package negotiation_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft"
)

// item has the same members in every format.
type item struct {
	XMLName xml.Name `json:"-" cbor:"-" xml:"item"`
	Name    string   `json:"name" cbor:"name" xml:"name" validate:"min=2"`
	Count   int16    `json:"count" cbor:"count" xml:"count" validate:"required"`
	Ratio   float64  `json:"ratio" cbor:"ratio" xml:"ratio"`
	Tags    []string `json:"tags" cbor:"tags" xml:"tags" validate:"dive,min=2"`
}

type (
	putItem struct {
		Name string `path:"name"`
		Item item   `body:""`
	}
	gotItem struct {
		At   string `header:"Location"`
		Item item   `body:""`
	}
)

func echoing(strict bool) func(*weft.App) {
	return func(app *weft.App) {
		group := app.Group("/items")
		group.Formats(inAll(strict))
		group.Handle("POST /plain", weft.Handle(func(_ context.Context, in item) (item, error) { return in, nil }))
		group.Handle("PUT /fields/{name}", weft.Handle(func(_ context.Context, in putItem) (gotItem, error) {
			return gotItem{"/items/" + in.Name, in.Item}, nil
		}))
		group.Handle("POST /list", weft.Handle(func(_ context.Context, in []item) ([]item, error) { return in, nil }))
	}
}

// accepted is one element of an Accept field.
type accepted struct {
	of      string // type/subtype, type/* or */*
	quality int    // in thousandths, 1000 may be left out
}

func drawAccept(t *rapid.T) (field []accepted, lines []string) {
	pool := []string{"application/json", "application/xml", "text/xml", "application/cbor", "application/*", "text/*", "*/*", "image/png"}
	for _, of := range rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, len(pool), rapid.ID[string]).Draw(t, "ranges") {
		field = append(field, accepted{of, rapid.SampledFrom([]int{0, 1, 500, 999, 1000}).Draw(t, "quality")})
	}
	for _, a := range field {
		text := a.of
		if a.quality < 1000 || rapid.Bool().Draw(t, "says so") {
			text += fmt.Sprintf(";q=%d.%03d", a.quality/1000, a.quality%1000)
		}
		if rapid.Bool().Draw(t, "in upper case") {
			text = strings.ToUpper(text)
		}
		if len(lines) > 0 && rapid.Bool().Draw(t, "same line") {
			lines[len(lines)-1] += rapid.SampledFrom([]string{",", " ,\t", ", ,"}).Draw(t, "comma") + text
		} else {
			lines = append(lines, text)
		}
	}
	return field, lines
}

// preferred is the media type that RFC 9110 section 12.5.1 wants: of the highest quality, said the most specifically, offered first. It
// is "" where there is none.
func preferred(field []accepted, offers []wire) string {
	if len(field) == 0 {
		return offers[0].mediaType
	}
	best, bestQuality, bestSpecific := "", 0, 0
	for _, offer := range offers {
		quality, specific := 0, 0
		for _, a := range field {
			typ, _, _ := strings.Cut(offer.mediaType, "/")
			how := map[string]int{"*/*": 1, typ + "/*": 2, offer.mediaType: 3}[a.of]
			if how > specific {
				quality, specific = a.quality, how
			}
		}
		if quality > bestQuality || quality == bestQuality && quality > 0 && specific > bestSpecific {
			best, bestQuality, bestSpecific = offer.mediaType, quality, specific
		}
	}
	return best
}

var text = rapid.StringMatching(`[a-zA-ZäöÄ€ <>&"']{2,12}`)

func drawItem(t *rapid.T) item {
	return item{
		Name:  text.Draw(t, "name"),
		Count: rapid.Int16Min(1).Draw(t, "count"),
		Ratio: float64(rapid.IntRange(-1000, 1000).Draw(t, "ratio")) / 8,
		Tags:  rapid.SliceOfN(text, 1, 3).Draw(t, "tags"),
	}
}

// What is sent in one format comes back in the one that Accept prefers, the same as it was.
func TestEveryFormatInAndOut(t *testing.T) {
	for _, strict := range []bool{false, true} {
		overBoth(t, echoing(strict), func(t *testing.T, site *site) {
			rapid.Check(t, func(t *rapid.T) {
				sent, in := drawItem(t), rapid.SampledFrom(wires).Draw(t, "in")
				field, lines := drawAccept(t)
				body, err := in.write(sent)
				require.NoError(t, err)
				method, path, location := "POST", "/items/plain", ""
				if rapid.Bool().Draw(t, "field by field") {
					method, path, location = "PUT", "/items/fields/x", "/items/x"
				}
				got := site.send(t, method, path, body, http.Header{"Content-Type": {in.mediaType}, "Accept": lines})
				assert.Equal(t, []string{"Accept"}, got.header["Vary"])
				want := preferred(field, wires)
				if want == "" && strict {
					assert.Equal(t, 406, got.status)
					assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
					return
				} else if want == "" {
					want = wires[0].mediaType
				}
				require.Equal(t, 200, got.status, "%s", got.body)
				require.Equal(t, want, got.header.Get("Content-Type"), "%q", lines)
				assert.Equal(t, location, got.header.Get("Location"))
				assert.Equal(t, int64(len(got.body)), got.length)
				out, _ := wireOf(want)
				var back item
				require.NoError(t, out.read(got.body, &back))
				back.XMLName = xml.Name{}
				assert.Equal(t, sent, back)
			})
		})
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	const all = `"accepted":["application/json","application/xml","text/xml","application/cbor"]`
	hexed := func(s string) string {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		require.NoError(t, err)
		return string(b)
	}
	// {"name": "tea", "count": 1} and so on, as RFC 8949 has them.
	tea := hexed("a2 64 6e616d65 63 746561 65 636f756e74 01")
	overBoth(t, echoing(false), func(t *testing.T, site *site) {
		for _, row := range []struct {
			what, contentType, body string
			status                  int
			says                    string
		}{
			{"CBOR", "application/cbor", tea, 200, ""},
			{"of a type with its syntax", "application/senml+cbor", tea, 200, ""},
			{"in maps without a length", "application/cbor", hexed("bf 64 6e616d65 63 746561 65 636f756e74 01 ff"), 200, ""},
			{"an explicit 0 is there", "application/cbor", hexed("a2 64 6e616d65 63 746561 65 636f756e74 00"), 200, ""},
			{"no count", "application/cbor", hexed("a1 64 6e616d65 63 746561"), 422, `"pointer":"/count","code":"required"`},
			{"null is not there", "application/cbor", hexed("a2 64 6e616d65 63 746561 65 636f756e74 f6"), 422, `"pointer":"/count","code":"required"`},
			{"a rule in a list", "application/cbor", hexed("a3 64 6e616d65 63 746561 65 636f756e74 01 64 74616773 82 62 6162 61 61"), 422, `"pointer":"/tags/1","code":"min"`},
			{"an unknown name", "application/cbor", hexed("a1 61 78 01"), 400, `"code":"invalid_body"`},
			{"a name in other letters", "application/cbor", hexed("a1 64 4e616d65 63 746561"), 400, `"code":"invalid_body"`},
			{"a name twice", "application/cbor", hexed("a2 64 6e616d65 63 746561 64 6e616d65 63 746561"), 400, `"code":"invalid_body"`},
			{"something behind it", "application/cbor", tea + "\x00", 400, `"code":"invalid_body"`},
			{"half of it", "application/cbor", tea[:7], 400, `"code":"invalid_body"`},
			{"too large a number", "application/cbor", hexed("a1 65 636f756e74 1a 00 01 00 00"), 400, `"code":"invalid_body"`},
			{"text that is not UTF-8", "application/cbor", hexed("a1 64 6e616d65 62 ff ff"), 400, `"code":"invalid_body"`},
			{"a length beyond all bounds", "application/cbor", hexed("9b ff ff ff ff ff ff ff ff"), 400, `"code":"invalid_body"`},
			{"a hundred thousand levels", "application/cbor", strings.Repeat("\x81", 100_000), 400, `"code":"invalid_body"`},
			{"another charset", "application/cbor; charset=utf-16", tea, 415, `"charsets":["UTF-8"]`},
			{"nothing", "application/cbor", "", 400, `"code":"body_required"`},
			{"more than the limit", "application/cbor", hexed("5a 00 10 00 00") + strings.Repeat("x", 1<<20), 413, `"max":1048576`},

			{"XML", "application/xml", "<item><name>tea</name><count>1</count></item>", 200, ""},
			{"no count in XML", "text/xml", "<item><name>tea</name></item>", 422, `"pointer":"/count","code":"required"`},
			{"another element", "application/xml", "<order/>", 400, `"code":"invalid_body"`},
			{"what the codec says itself", "application/xml", "<item>\n<name>", 400, `"errors":[{"source":"body","pointer":"","code":"broken_xml","message":"must be well-formed","params":{"line":2}}]`},
			{"JSON as CBOR", "application/cbor", `{"name":"tea","count":1}`, 400, `"code":"invalid_body"`},
			{"CBOR as JSON", "application/json", tea, 400, `"code":"invalid_`},
			{"another type", "application/yaml", "name: tea", 415, all},
			{"no type", "", tea, 415, all},
			{"compressed", "application/cbor", tea, 415, `"encodings":["identity"]`},
		} {
			t.Run(row.what, func(t *testing.T) {
				header := http.Header{"Accept": {"application/cbor"}}
				if row.contentType != "" {
					header.Set("Content-Type", row.contentType)
				}
				if row.what == "compressed" {
					header.Set("Content-Encoding", "gzip")
				}
				got := site.send(t, "POST", "/items/plain", []byte(row.body), header)
				require.Equal(t, row.status, got.status, "%s", got.body)
				if row.status == 200 {
					assert.Equal(t, "application/cbor", got.header.Get("Content-Type"))
					return
				}
				assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"), "whatever Accept says")
				assert.Contains(t, string(got.body), row.says)
				assert.Less(t, len(got.body), 1000)
			})
		}
		list := site.send(t, "POST", "/items/list", []byte("[]"), http.Header{"Content-Type": {"application/json"}, "Accept": {"application/xml, application/cbor;q=0.1"}})
		assert.Equal(t, []any{200, "application/cbor", []byte{0x80}}, []any{list.status, list.header.Get("Content-Type"), list.body}, "XML has no lists")
		refused := site.send(t, "POST", "/items/list", []byte("<a/>"), http.Header{"Content-Type": {"text/xml"}})
		assert.Equal(t, 415, refused.status)
		assert.True(t, bytes.Contains(refused.body, []byte(`sent as application/json or application/cbor"`)), "%s", refused.body)
	})
}
