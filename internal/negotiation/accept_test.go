package negotiation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parsed(t testing.TB, mediaTypes ...string) []MediaType {
	t.Helper()
	list := make([]MediaType, len(mediaTypes))
	for i, s := range mediaTypes {
		var err error
		list[i], err = Parse(s)
		require.NoError(t, err, s)
	}
	return list
}

// chosen is the offer that is chosen, "" for none.
func chosen(t testing.TB, accept []string, offers ...string) string {
	t.Helper()
	i := Choose(accept, parsed(t, offers...))
	if i < 0 {
		return ""
	}
	return offers[i]
}

// The table of RFC 9110 section 12.5.1: what quality the field gives to each media type. An offer of a known
// quality is put beside it, a thousandth below and a thousandth above.
func TestTheExamplesOfTheRFC(t *testing.T) {
	const field = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5"
	for mediaType, quality := range map[string]string{
		"text/plain;format=flowed": "1",
		"text/plain":               "0.7",
		"text/html":                "0.3",
		"image/jpeg":               "0.5",
		"text/plain;format=fixed":  "0.4",
		"text/html;level=3":        "0.3", // as RFC 7231 had it
	} {
		thousandths := qualityOf(t, quality)
		assert.Equal(t, mediaType, chosen(t, []string{field + ", x/below;q=" + asQuality(thousandths-1)}, "x/below", mediaType))
		if thousandths < 1000 {
			assert.Equal(t, "x/above", chosen(t, []string{field + ", x/above;q=" + asQuality(thousandths+1)}, mediaType, "x/above"))
		}
	}

	// "I prefer audio/basic, but send me any audio type if it is the best available after an 80% markdown in quality."
	assert.Equal(t, "audio/basic", chosen(t, []string{"audio/*; q=0.2, audio/basic"}, "audio/ogg", "audio/basic"))
	assert.Equal(t, "audio/ogg", chosen(t, []string{"audio/*; q=0.2, audio/basic"}, "audio/ogg"))
	// "text/html and text/x-c are the equally preferred media types, but if they do not exist, then send the
	// text/x-dvi representation, or, if that does not exist, send the text/plain representation."
	elaborate := []string{"text/plain; q=0.5, text/html,", "text/x-dvi; q=0.8, text/x-c"}
	assert.Equal(t, "text/x-c", chosen(t, elaborate, "text/plain", "text/x-dvi", "text/x-c"))
	assert.Equal(t, "text/html", chosen(t, elaborate, "text/plain", "text/html", "text/x-c"))
	assert.Equal(t, "text/x-dvi", chosen(t, elaborate, "text/plain", "text/x-dvi"))
	assert.Equal(t, "text/plain", chosen(t, elaborate, "text/plain"))
	// The precedence of "text/*, text/plain, text/plain;format=flowed, */*", each with a quality that shows which one counted.
	precedence := []string{"text/*;q=0.2, text/plain;q=0.3, text/plain;format=flowed;q=0.4, */*;q=0.1"}
	all := []string{"image/png", "text/html", "text/plain", "text/plain;format=flowed"}
	for n := len(all); n > 0; n-- {
		assert.Equal(t, all[n-1], chosen(t, precedence, all[:n]...))
	}
}

func qualityOf(t *testing.T, s string) int {
	t.Helper()
	q, ok := quality(s)
	require.True(t, ok, s)
	return q
}

func asQuality(thousandths int) string {
	return fmt.Sprintf("%d.%03d", thousandths/1000, thousandths%1000)
}

func TestChoose(t *testing.T) {
	const json, xml, cbor = "application/json", "application/xml", "application/cbor"
	for _, row := range []struct {
		what   string
		accept []string
		offers []string
		want   string
	}{
		{"nothing said", nil, []string{json, xml}, json},
		{"an empty line", []string{""}, []string{json, xml}, json},
		{"empty elements only", []string{" , ,\t,"}, []string{json, xml}, json},
		{"one named", []string{xml}, []string{json, xml}, xml},
		{"the case of letters", []string{"APPLICATION/Xml"}, []string{json, xml}, xml},
		{"none of them", []string{"image/png"}, []string{json, xml}, ""},
		{"everything", []string{"*/*"}, []string{json, xml}, json},
		{"equal, the server's order counts", []string{xml + "," + json}, []string{json, xml}, json},
		{"a higher quality", []string{json + ";q=0.5," + xml + ";q=0.501"}, []string{json, xml}, xml},
		{"of equal quality what is named comes before a wildcard", []string{xml + ", */*"}, []string{json, xml}, xml},
		{"and before a narrower wildcard", []string{"text/*, " + xml}, []string{"text/html", xml}, xml},
		{"a narrower wildcard before a wider", []string{"*/*, text/*"}, []string{json, "text/html"}, "text/html"},
		{"an exclusion", []string{"*/*, " + json + ";q=0"}, []string{json, xml}, xml},
		{"an exclusion of all there is", []string{"application/*;q=0.0, */*"}, []string{json, xml}, ""},
		{"only an exclusion", []string{json + ";q=0"}, []string{json, xml}, ""},
		{"an exclusion is lifted by what is more specific", []string{"*/*;q=0, " + xml + ";q=0.001"}, []string{json, xml}, xml},
		{"several lines", []string{"image/png;q=1", xml + ";q=0.2", json + ";q=0.1"}, []string{json, xml}, xml},
		{"space wherever it may be", []string{" \t" + json + " \t; \tq=0.1 ,\t" + xml + " ; q=0.2\t"}, []string{json, xml}, xml},
		{"empty parameters", []string{json + ";;q=0.1;, " + xml + ";"}, []string{json, xml}, xml},
		{"Q", []string{json + ";Q=0.1, " + xml + ";q=0.2"}, []string{json, xml}, xml},
		{"a browser", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}, []string{json, cbor}, json},
		{"a browser where there is XML", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, []string{json, xml}, xml},

		{"a parameter that the offer has", []string{json + ";v=2"}, []string{json, json + ";v=2"}, json + ";v=2"},
		{"in another order", []string{"a/b;y=2;x=1"}, []string{"a/b", "a/b;x=1;y=2"}, "a/b;x=1;y=2"},
		{"a parameter that it has not", []string{json + ";v=3"}, []string{json, json + ";v=2"}, ""},
		{"fewer than it has", []string{json}, []string{json + ";v=2"}, json + ";v=2"},
		{"values in quotes", []string{json + `;v="2"`}, []string{json, json + ";v=2"}, json + ";v=2"},
		{"with escapes", []string{`a/b;v="\2\""`}, []string{"a/b", `a/b;v="2\""`}, `a/b;v="2\""`},
		{"a comma and a semicolon in quotes", []string{`a/b;v=",;q=0", ` + xml + ";q=0.1"}, []string{json, xml}, xml},
		{"values have letters of a case", []string{"a/b;v=X"}, []string{"a/b;v=x"}, ""},
		{"a value that goes on", []string{"a/b;v=22"}, []string{"a/b;v=2"}, ""},
		{"names have not", []string{"a/b;V=x"}, []string{"a/b;v=x"}, "a/b;v=x"},
		{"parameters behind the weight", []string{"a/b;q=0.5;v=x"}, []string{"a/b", "a/b;v=x"}, "a/b;v=x"},
		{"a parameter of everything", []string{"*/*;v=1"}, []string{json}, ""},

		{"UTF-8 is what is said where nothing is", []string{json + "; charset=UTF-8"}, []string{json, xml}, json},
		{"in quotes", []string{json + `; charset="utf-8"`}, []string{xml, json}, json},
		{"of any type", []string{"*/*; charset=utf-8"}, []string{json, xml}, json},
		{"another charset", []string{json + "; charset=iso-8859-1"}, []string{json}, ""},
		{"offered as said", []string{"text/xml; charset=ISO-8859-1"}, []string{"text/xml", "text/xml; charset=iso-8859-1"}, "text/xml; charset=iso-8859-1"},

		{"a vendor's JSON is JSON", []string{"application/vnd.api+json"}, []string{xml, json}, json},
		{"after what is named", []string{"application/vnd.api+json, " + xml}, []string{json, xml}, xml},
		{"before a wildcard", []string{"application/vnd.api+json, */*"}, []string{xml, json}, json},
		{"who asks for JSON takes a vendor's", []string{json}, []string{xml, "application/vnd.acme+json"}, "application/vnd.acme+json"},
		{"one vendor's is not another's", []string{"application/vnd.a+json"}, []string{"application/vnd.b+json"}, ""},
		{"all that is JSON", []string{"application/*+json"}, []string{xml, "application/vnd.acme+json"}, "application/vnd.acme+json"},
		{"JSON itself too", []string{"application/*+json"}, []string{xml, json}, json},
		{"no vendor's JSON is JSON still", []string{"application/vnd.api+json;q=0, */*"}, []string{json}, json},
		{"of one type", []string{"text/vnd.api+json"}, []string{json}, ""},

		{"malformed, so nothing is said: no slash", []string{"json, " + xml}, []string{json, xml}, json},
		{"as Java sends it", []string{"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"}, []string{json, xml}, json},
		{"no subtype", []string{"application/, " + xml}, []string{json, xml}, json},
		{"a type of any kind", []string{"*/xml, " + xml}, []string{json, xml}, json},
		{"a weight above one", []string{xml + ";q=1.1"}, []string{json, xml}, json},
		{"a negative one", []string{xml + ";q=-1"}, []string{json, xml}, json},
		{"one too exact", []string{xml + ";q=0.0001"}, []string{json, xml}, json},
		{"one that is empty", []string{xml + ";q="}, []string{json, xml}, json},
		{"one that is no number", []string{xml + ";q=high"}, []string{json, xml}, json},
		{"two of them", []string{xml + ";q=1;q=1"}, []string{json, xml}, json},
		{"a parameter without a value", []string{xml + ";v"}, []string{json, xml}, json},
		{"space around the equals sign", []string{xml + ";v =2"}, []string{json, xml}, json},
		{"quotes that do not end", []string{xml + `;v="`}, []string{json, xml}, json},
		{"behind a backslash", []string{xml + `;v="\`}, []string{json, xml}, json},
		{"something behind the quotes", []string{xml + `;v="a"b`}, []string{json, xml}, json},
		{"no comma", []string{xml + " " + json}, []string{json, xml}, json},
		{"the last of several lines", []string{xml, "/"}, []string{json, xml}, json},
		{"a control character", []string{xml + "\x00"}, []string{json, xml}, json},
	} {
		t.Run(row.what, func(t *testing.T) {
			assert.Equal(t, row.want, chosen(t, row.accept, row.offers...))
		})
	}
}

func TestManyOffers(t *testing.T) {
	var offers []string
	for i := range 20 {
		offers = append(offers, fmt.Sprintf("a/b%d", i))
	}
	assert.Equal(t, "a/b19", chosen(t, []string{"a/b18;q=0.5, a/b19;q=0.6"}, offers...))
}

func TestParse(t *testing.T) {
	for _, s := range []string{"", "json", "a/", "/b", "a/*", "*/*", "a/b/c", "a b/c", "a/b;q=1", "a/b;v", "a/b;=1", "a/b; v=\"\x01\"", "a/b, c/d"} {
		_, err := Parse(s)
		assert.Error(t, err, "%q", s)
	}
	m, err := Parse(`Application/Vnd.Acme+JSON; Version="2"; charset=UTF-8`)
	require.NoError(t, err)
	assert.Equal(t, MediaType{"application", "vnd.acme+json", []Param{{"version", "2"}}, "json"}, m)
	assert.Equal(t, "application/vnd.acme+json; version=2", m.String())
	assert.True(t, m.Equal(parsed(t, "application/vnd.acme+json;version=2")[0]))
	assert.False(t, m.Equal(parsed(t, "application/vnd.acme+json")[0]))
}

func TestReads(t *testing.T) {
	known := parsed(t, "application/json", "application/xml", "text/xml", "a/b;v=1", "a/b;v=2", "c/d", "c/d;v=1")
	for declared, want := range map[string]int{
		"application/json":                   0,
		"application/json;anything=1":        0,
		"text/xml; charset=iso-8859-1":       2,
		"application/atom+xml":               1,
		"image/svg+xml":                      1,
		"application/vnd.api+json;version=1": 0,
		"application/x+cbor":                 -1,
		"text/json":                          -1,
		"a/b":                                -1,
		"a/b;v=2":                            4,
		"a/b;v=3":                            -1,
		"c/d;v=1":                            6,
		"c/d;v=2":                            5,
	} {
		assert.Equal(t, want, Reads(known, parsed(t, declared)[0]), declared)
	}
}

func TestChoosingDoesNotAllocate(t *testing.T) {
	offers := parsed(t, "application/json", "application/xml", "application/cbor")
	for _, accept := range [][]string{
		nil, {"application/json"}, {"*/*"}, {"application/xml;q=0.9, application/*+json, text/html;level=1, */*;q=0.1"},
		{`application/json; charset="utf-8"`, "application/xml;q=0"}, {"not well formed"},
	} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { Choose(accept, offers) }), accept)
	}
}

// A quadratic parser would take hours for these.
func TestAHostileFieldTakesLinearTime(t *testing.T) {
	offers := parsed(t, "application/json;a=1;b=2", "application/xml", "application/cbor")
	const n = 1 << 20
	for what, field := range map[string]string{
		"elements":          strings.Repeat("a/b,", n),
		"matching elements": strings.Repeat("*/*,", n),
		"empty elements":    strings.Repeat(",", n),
		"space":             strings.Repeat(" \t", n) + "x",
		"parameters":        "application/json" + strings.Repeat(";a=1", n),
		"empty parameters":  "application/json" + strings.Repeat(" ;", n),
		"a long token":      "application/" + strings.Repeat("x", n),
		"a long quote":      `application/json;a="` + strings.Repeat("x", n),
		"escapes":           `application/json;a="` + strings.Repeat(`\"`, n) + `"`,
		"plus signs":        "application/" + strings.Repeat("+", n) + "json",
		"weights":           strings.Repeat("a/b;q=0.5,", n) + "x/y;q=2",
	} {
		begun := time.Now()
		Choose([]string{field}, offers)
		assert.Less(t, time.Since(begun), 5*time.Second, what)
	}
	lines := slices.Repeat([]string{"a/b;q=0.1"}, n)
	begun := time.Now()
	Choose(lines, offers)
	assert.Less(t, time.Since(begun), 5*time.Second, "lines")
}

func BenchmarkChoose(b *testing.B) {
	offers := parsed(b, "application/json", "application/xml", "application/cbor")
	for _, accept := range []string{"application/json", "*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"} {
		b.Run(strconv.Itoa(len(accept)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Choose([]string{accept}, offers)
			}
		})
	}
}
