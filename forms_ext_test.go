package weft_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// part is one part of a multipart form; with a file name it is a file.
type part struct {
	name, filename, contentType, content string
}

const boundary = "----a-boundary"

// parted is a multipart body, and the header that declares it.
func parted(parts ...part) (body, contentType string) {
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	_ = w.SetBoundary(boundary)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {multipart.FileContentDisposition(p.name, p.filename)}}
		if p.filename == "" {
			h.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q", p.name))
		}
		if p.contentType != "" {
			h.Set("Content-Type", p.contentType)
		}
		to, _ := w.CreatePart(h)
		_, _ = io.WriteString(to, p.content)
	}
	_ = w.Close()
	return text.String(), "Content-Type: " + w.FormDataContentType()
}

const urlencoded = "Content-Type: application/x-www-form-urlencoded"

// sendParts posts a multipart form.
func (s *site) sendParts(path string, parts ...part) reply {
	s.t.Helper()
	body, contentType := parted(parts...)
	return s.send("POST", path, body, contentType)
}

type formPaging struct {
	Limit  int    `form:"limit" default:"20"`
	Cursor string `form:"cursor"`
}

type formSearch struct {
	ID       int             `path:"id"`
	Text     string          `form:"text"`
	Exact    bool            `form:"exact"`
	Level    level           `form:"level"`
	Levels   []level         `form:"levels,csv"`
	Tags     []string        `form:"tag"`
	Since    time.Time       `form:"since"`
	Day      time.Time       `form:"day" layout:"DateOnly"`
	At       time.Time       `form:"at" layout:"unix"`
	Within   time.Duration   `form:"within" default:"1h"`
	Color    color           `form:"color"`
	Colors   []color         `form:"colors,csv"`
	MaxPrice *float64        `form:"max"`
	Paint    *color          `form:"paint"`
	Owner    weft.Opt[int]   `form:"owner"`
	Groups   weft.Opt[[]int] `form:"groups,csv"`
	Sizes    []uint16        `form:"size" default:"1,2"`
	Q        string          `query:"text"`
	formPaging
}

func asForm(text string) []string {
	return []string{text, "Content-Type: application/x-www-form-urlencoded"}
}

// asParts is an urlencoded text as a multipart form.
func asParts(t *testing.T, text string) []string {
	var parts []part
	for pair := range strings.SplitSeq(text, "&") {
		key, value, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(key)
		value, err2 := url.QueryUnescape(value)
		require.NoError(t, err1)
		require.NoError(t, err2)
		parts = append(parts, part{name: key, content: value})
	}
	body, contentType := parted(parts...)
	return []string{body, contentType}
}

func TestAFormReadsEveryKindOfField(t *testing.T) {
	const text = "text=a+b&exact=true&level=-3&levels=1,+2,3&tag=x&tag=y,z" +
		"&since=2026-01-02T03:04:05Z&day=2026-01-02&at=60&within=90s&color=00ff10&colors=000000,ffffff&max=1.5&paint=010203&owner=0&groups=1,2&groups=3&limit=5"
	price := 1.5
	want := formSearch{
		ID: 7, Text: "a b", Exact: true, Level: -3, Levels: []level{1, 2, 3}, Tags: []string{"x", "y,z"},
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Day: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), At: time.Unix(60, 0).UTC(),
		Within: 90 * time.Second, Color: color{0, 255, 16}, Colors: []color{{}, {255, 255, 255}}, MaxPrice: &price, Paint: &color{1, 2, 3},
		Owner: weft.Some(0), Groups: weft.Some([]int{1, 2, 3}), Sizes: []uint16{1, 2}, Q: "of the query", formPaging: formPaging{Limit: 5},
	}
	for _, sent := range [][]string{asForm(text), asParts(t, text)} {
		got, err := weft.Struct[formSearch]().Extract(ask("POST", "/items/7?text=of+the+query", sent[0], sent[1]))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// Whatever a query may say, a form may say: it is read as the same, or refused for the same.
func TestAFormIsReadAsAQueryIs(t *testing.T) {
	type fields struct {
		I8   int8             `query:"i8" form:"i8"`
		U    uint16           `query:"u" form:"u"`
		F    float32          `query:"f" form:"f"`
		B    bool             `query:"b" form:"b"`
		S    string           `query:"s" form:"s"`
		L    []int            `query:"l" form:"l"`
		C    []uint8          `query:"c,csv" form:"c,csv"`
		P    *int             `query:"p" form:"p"`
		O    weft.Opt[int]    `query:"o" form:"o"`
		T    weft.Opt[string] `query:"t" form:"t"`
		R    string           `query:"r,required" form:"r,required"`
		D    int              `query:"d" form:"d" default:"9"`
		At   time.Time        `query:"at" form:"at" layout:"DateOnly"`
		Wait time.Duration    `query:"wait" form:"wait"`
		Text color            `query:"color" form:"color"`
	}
	type query struct {
		I8   int8             `query:"i8"`
		U    uint16           `query:"u"`
		F    float32          `query:"f"`
		B    bool             `query:"b"`
		S    string           `query:"s"`
		L    []int            `query:"l"`
		C    []uint8          `query:"c,csv"`
		P    *int             `query:"p"`
		O    weft.Opt[int]    `query:"o"`
		T    weft.Opt[string] `query:"t"`
		R    string           `query:"r,required"`
		D    int              `query:"d" default:"9"`
		At   time.Time        `query:"at" layout:"DateOnly"`
		Wait time.Duration    `query:"wait"`
		Text color            `query:"color"`
	}
	type form struct {
		I8   int8             `form:"i8"`
		U    uint16           `form:"u"`
		F    float32          `form:"f"`
		B    bool             `form:"b"`
		S    string           `form:"s"`
		L    []int            `form:"l"`
		C    []uint8          `form:"c,csv"`
		P    *int             `form:"p"`
		O    weft.Opt[int]    `form:"o"`
		T    weft.Opt[string] `form:"t"`
		R    string           `form:"r,required"`
		D    int              `form:"d" default:"9"`
		At   time.Time        `form:"at" layout:"DateOnly"`
		Wait time.Duration    `form:"wait"`
		Text color            `form:"color"`
	}
	for _, text := range []string{
		"r=x", "r=", "", "s=a", "r=x&i8=127", "r=x&i8=128", "r=x&i8=-129", "r=x&i8=", "r=x&i8=a&i8=1", "r=x&i8=1&i8=1", "r=x&u=-1", "r=x&u=65536", "r=x&u=%2B1",
		"r=x&f=1e39", "r=x&f=NaN", "r=x&f=0x1p1", "r=x&b=yes", "r=x&b=1", "r=x&s=%ff", "r=x&s=%00", "r=x&s=", "r=x&l=1&l=2&l=3", "r=x&l=1&l=&l=x", "r=x&c=1,2&c=3", "r=x&c=", "r=x&c=1,,2", "r=x&c=256",
		"r=x&p=", "r=x&p=5", "r=x&o=", "r=x&o=0", "r=x&t=", "r=x&d=", "r=x&d=1", "r=x&at=2026-02-30", "r=x&at=2026-02-28", "r=x&wait=1h", "r=x&wait=1", "r=x&color=ff", "r=x&color=010203",
		"r=x&unknown=1", "R=x", "r=x&r=x", "i8=300&u=x&f=y&b=z&l=w&c=v&color=u", "r=a+b%26c",
	} {
		want, wantErr := weft.Struct[query]().Extract(ask("GET", "/?"+text, ""))
		for _, sent := range [][]string{asForm(text), asParts(t, text)} {
			got, err := weft.Struct[form]().Extract(ask("POST", "/", sent[0], sent[1]))
			if wantErr != nil {
				assert.Equal(t, strings.ReplaceAll(rejection(t, wantErr), "query", "form"), rejection(t, err), "%s", text)
				continue
			}
			require.NoError(t, err, "%s", text)
			assert.Equal(t, fields(want), fields(got), "%s", text)
		}
	}
	for _, text := range []string{"r=%zz", "r=x;i8=1", "%=1"} {
		sent := asForm(text)
		_, err := weft.Struct[form]().Extract(ask("POST", "/", sent[0], sent[1]))
		assert.Equal(t, "400 invalid request: form: malformed", rejection(t, err), text)
	}
}

// photos are what most tests upload.
type photos struct {
	Title string                  `form:"title"`
	Main  weft.Upload             `file:"main,required"`
	Small *weft.Upload            `file:"small"`
	Extra weft.Opt[weft.Upload]   `file:"extra"`
	More  []weft.Upload           `file:"more"`
	Rest  weft.Opt[[]weft.Upload] `file:"rest"`
}

// described is an upload in one line.
func described(t assert.TestingT, u weft.Upload) string {
	content, err := u.Bytes()
	assert.NoError(t, err)
	assert.Len(t, content, int(u.Size))
	return fmt.Sprintf("%s(%s)=%s", u.Filename, u.ContentType, content)
}

func TestUploads(t *testing.T) {
	app, log := newApp()
	app.Handle("POST /photos", weft.Handle(func(_ context.Context, in photos) ([]string, error) {
		got := []string{in.Title, described(t, in.Main)}
		if in.Small != nil {
			got = append(got, "small "+described(t, *in.Small))
		}
		if extra, ok := in.Extra.Get(); ok {
			got = append(got, "extra "+described(t, extra))
		}
		for _, u := range in.More {
			got = append(got, "more "+described(t, u))
		}
		for _, u := range in.Rest.Or(nil) {
			got = append(got, "rest "+described(t, u))
		}
		return got, nil
	}))
	site := serve(t, app)
	one := part{"main", "a.png", "image/png", "PNG"}
	for _, row := range []struct {
		name   string
		parts  []part
		status int
		want   string // the answer's JSON, or the field errors
	}{
		{"one", []part{{name: "title", content: "x"}, one}, 200, `["x","a.png(image/png)=PNG"]`},
		{"of each shape", []part{one, {"small", "s", "", "S"}, {"extra", "e", "text/plain", ""}, {"more", "1", "", "a"}, {"more", "2", "", "b"}, {"rest", "3", "", "c"}}, 200,
			`["","a.png(image/png)=PNG","small s()=S","extra e(text/plain)=","more 1()=a","more 2()=b","rest 3()=c"]`},
		{"none", []part{{name: "title", content: "x"}}, 400, "file main required"},
		{"two where one is expected", []part{one, one}, 400, "file main repeated"},
		{"a file that was not chosen", []part{{name: "title"}, {name: "main"}}, 400, "file main required"},
		{"another file that was not chosen", []part{one, {name: "small", contentType: "application/octet-stream"}, {name: "more"}}, 200, `["","a.png(image/png)=PNG"]`},
		{"text in its place", []part{{name: "main", content: "PNG"}}, 400, "file main invalid_type"},
		{"a file in the place of text", []part{one, {"title", "t.txt", "text/plain", "x"}}, 400, "form title invalid_type"},
		{"text and a file in the place of text", []part{one, {name: "title", content: "x"}, {"title", "t.txt", "text/plain", "x"}}, 400, "form title invalid_type"},
		{"under an unknown name", []part{one, {"other", "o", "", "o"}}, 200, `["","a.png(image/png)=PNG"]`},
		{"several things at once", []part{{name: "title", content: "\xff"}, {"small", "s", "", ""}, {"small", "s", "", ""}, {name: "more", content: "x"}}, 400,
			"form title invalid_utf8, file main required, file small repeated, file more invalid_type"},
		{"a name with a path", []part{{"main", "../../etc/passwd", "", "x"}}, 200, `["","passwd()=x"]`},
		{"a name with a path of another system", []part{{"main", `C:\fakepath\a.txt`, "", "x"}}, 200, `["","a.txt()=x"]`},
		{"a name that is nothing but a path", []part{{"main", "/..", "", "x"}}, 200, `["","()=x"]`},
		{"a name in another alphabet", []part{{"main", "фото.png", "", "x"}}, 200, `["","фото.png()=x"]`},
		{"a name that is not UTF-8", []part{{"main", "\xff", "", "x"}}, 400, "file main invalid_utf8"},
		{"text in another charset", []part{one, {name: "title", contentType: "text/plain; charset=latin1", content: "x"}}, 400, "form title invalid_utf8"},
		{"text in UTF-8", []part{one, {name: "title", contentType: "text/plain; charset=UTF-8", content: "ü"}}, 200, `["ü","a.png(image/png)=PNG"]`},
		{"text that is JSON", []part{one, {name: "title", contentType: "application/json", content: "{}"}}, 200, `["{}","a.png(image/png)=PNG"]`},
		{"other text in another charset", []part{one, {name: "else", contentType: "text/plain; charset=latin1", content: "x"}}, 200, `["","a.png(image/png)=PNG"]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := site.sendParts("/photos", row.parts...)
			assert.Equal(t, row.status, got.status, got.body)
			if row.status == 200 {
				assert.JSONEq(t, row.want, got.body)
			} else {
				assert.Equal(t, row.want, fieldErrors(t, got))
			}
			assert.Empty(t, log.errors())
		})
	}
	got := site.send("POST", "/photos", "title=x", urlencoded)
	assertProblem(t, got, 415)
	assert.Equal(t, "multipart/form-data", got.header.Get("Accept"), "a file cannot be urlencoded")
	assert.Equal(t, "400 invalid request: file main: required", mustReject(t, weft.Struct[photos](), ask("POST", "/", "")))
}

func mustReject[T any](t *testing.T, x weft.Extractor[T], r *weft.Request) string {
	t.Helper()
	_, err := x.Extract(r)
	return rejection(t, err)
}

func TestAnUpload(t *testing.T) {
	u := weft.NewUpload("a.txt", "text/plain", []byte("hello"))
	assert.Equal(t, "a.txt", u.Filename)
	assert.Equal(t, "text/plain", u.ContentType)
	assert.Equal(t, "text/plain", u.Header.Get("Content-Type"))
	assert.EqualValues(t, 5, u.Size)
	assert.False(t, u.IsZero())
	assert.Equal(t, u, weft.NewUpload("a.txt", "text/plain", []byte("hello")), "tests can compare them")
	first, err := u.Open()
	require.NoError(t, err)
	second, err := u.Open()
	require.NoError(t, err)
	head := make([]byte, 2)
	_, err = io.ReadFull(first, head)
	require.NoError(t, err)
	all, err := io.ReadAll(second)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(all), "each reader begins at the beginning")
	_, err = first.Seek(-1, io.SeekEnd)
	require.NoError(t, err)
	_, err = first.ReadAt(head, 1)
	require.NoError(t, err)
	assert.Equal(t, "el", string(head))
	rest, err := io.ReadAll(first)
	require.NoError(t, err)
	assert.Equal(t, "o", string(rest))
	require.NoError(t, first.Close())
	var to strings.Builder
	n, err := u.WriteTo(&to)
	require.NoError(t, err)
	assert.EqualValues(t, 5, n)
	assert.Equal(t, "hello", to.String())

	var none weft.Upload
	assert.True(t, none.IsZero())
	_, err = none.Bytes()
	require.ErrorIs(t, err, weft.ErrNoUpload)
	_, err = none.Open()
	require.ErrorIs(t, err, weft.ErrNoUpload)
}

func TestFormExtractors(t *testing.T) {
	body, contentType := parted(part{name: "n", content: "5"}, part{"doc", "d.txt", "", "D"}, part{"doc", "e.txt", "", "E"}, part{"one", "o", "", "O"})
	r := ask("POST", "/", body, contentType)
	for range 2 { // as often as one likes
		n, err := weft.FormValue[int8]("n").Extract(r)
		require.NoError(t, err)
		assert.EqualValues(t, 5, n)
		one, err := weft.FormFile("one").Extract(r)
		require.NoError(t, err)
		assert.Equal(t, "o()=O", described(t, one))
		docs, err := weft.FormFiles("doc").Extract(r)
		require.NoError(t, err)
		require.Len(t, docs, 2)
		assert.Equal(t, "e.txt()=E", described(t, docs[1]))
	}
	assert.Equal(t, "400 invalid request: form none: required", mustReject(t, weft.FormValue[int]("none"), r))
	assert.Equal(t, "400 invalid request: file none: required", mustReject(t, weft.FormFile("none"), r))
	assert.Equal(t, "400 invalid request: file doc: repeated", mustReject(t, weft.FormFile("doc"), r))
	absent, err := weft.Optional(weft.FormFile("none")).Extract(r)
	require.NoError(t, err)
	assert.True(t, absent.IsAbsent())
	none, err := weft.FormFiles("none").Extract(r)
	require.NoError(t, err)
	assert.Empty(t, none)
	fallback, err := weft.Default(weft.FormValue[int]("none"), 3).Extract(r)
	require.NoError(t, err)
	assert.Equal(t, 3, fallback)
	assert.Equal(t, []weft.ReadInfo{{Source: weft.SourceForm, Name: "n", Form: "integer", Required: true}}, weft.ReadsOf(weft.FormValue[int]("n")))
	assert.Equal(t, []weft.ReadInfo{{Source: weft.SourceFile, Name: "f", Form: "file", Required: true}}, weft.ReadsOf(weft.FormFile("f")))
	assert.Equal(t, []weft.ReadInfo{{Source: weft.SourceFile, Name: "f", Form: "files"}}, weft.ReadsOf(weft.FormFiles("f")))

	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(echo[int]).Extract(weft.FormValue[int]("n")))
	assert.Equal(t, "5", serve(t, app).send("POST", "/x", "n=5", urlencoded).body)
}

func TestAFormAsAStructOfItsOwn(t *testing.T) {
	type login struct {
		Name     string `form:"name,required" validate:"min=2"`
		Password string `form:"password"`
	}
	type request struct {
		Next  string `query:"next"`
		Login login  `body:"form"`
	}
	type strict struct {
		Login login `body:"multipart"`
	}
	app, _ := newApp()
	app.Handle("POST /login", weft.Handle(func(_ context.Context, in request) (string, error) { return in.Login.Name + in.Next, nil }))
	app.Handle("POST /parts", weft.Handle(func(_ context.Context, in strict) (string, error) { return in.Login.Name, nil }))
	site := serve(t, app)
	assert.Equal(t, `"ada/x"`, site.send("POST", "/login?next=/x", "name=ada", urlencoded).body)
	assert.Equal(t, `"ada"`, site.sendParts("/login", part{name: "name", content: "ada"}).body)
	assert.Equal(t, "form name required", fieldErrors(t, site.send("POST", "/login", "password=x", urlencoded)))
	got := site.send("POST", "/login", "name=a", urlencoded)
	assertProblem(t, got, 422)
	assert.Equal(t, "form name min", fieldErrors(t, got))
	assert.Equal(t, `"ada"`, site.sendParts("/parts", part{name: "name", content: "ada"}).body)
	got = site.send("POST", "/parts", "name=ada", urlencoded)
	assertProblem(t, got, 415)
	assert.Equal(t, "multipart/form-data", got.header.Get("Accept"))
}

func TestRulesOfForms(t *testing.T) {
	type entry struct {
		Name  string        `form:"name" validate:"required,min=3"`
		Age   int           `form:"age" validate:"required,gte=0"`
		Agree bool          `form:"agree" validate:"required"`
		Photo weft.Upload   `file:"photo" validate:"required"`
		Docs  []weft.Upload `file:"docs" validate:"max=1"`
	}
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in entry) (string, error) { return in.Name, nil }))
	site := serve(t, app)
	photo := part{"photo", "p", "", ""}
	zero := []part{{name: "age", content: "0"}, {name: "agree", content: "false"}}
	assert.Equal(t, 200, site.sendParts("/x", append(zero, photo, part{name: "name", content: "ada"})...).status, "required means sent")
	assert.Equal(t, "form name required, form age required, form agree required, file photo required", fieldErrors(t, site.sendParts("/x", part{name: "x"})))
	got := site.sendParts("/x", append(zero, photo, part{name: "name", content: "a"}, part{"docs", "1", "", ""}, part{"docs", "2", "", ""})...)
	assertProblem(t, got, 422)
	assert.Equal(t, "form name min, file docs max", fieldErrors(t, got))
}

func TestStrictFormsRefuseWhatTheyDoNotKnow(t *testing.T) {
	type in struct {
		A string      `form:"a"`
		F weft.Upload `file:"f"`
	}
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(func(context.Context, in) (string, error) { return "", nil }).StrictQuery())
	app.Handle("POST /y", weft.Handle(func(context.Context, struct {
		A string `form:"a"`
	}) (string, error) {
		return "", nil
	}).StrictQuery())
	site := serve(t, app)
	got := site.sendParts("/x", part{name: "a", content: "1"}, part{name: "b", content: "1"}, part{"f", "f", "", ""}, part{"g", "g", "", ""})
	assertProblem(t, got, 400)
	assert.Equal(t, "form b unknown_field, file g unknown_field", fieldErrors(t, got))
	assert.Equal(t, "form b unknown_field", fieldErrors(t, site.send("POST", "/y", "a=1&b=2", urlencoded)))
}
