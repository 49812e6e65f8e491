package weft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

var saved = time.Date(2026, time.March, 1, 12, 0, 0, 500, time.UTC)

const (
	savedAt     = "Sun, 01 Mar 2026 12:00:00 GMT"
	beforeItWas = "Sun, 01 Mar 2026 11:59:59 GMT"
	afterItWas  = "Sun, 01 Mar 2026 12:00:01 GMT"
	noteAsJSON  = `{"text":"buy tea","version":7}`
	currentNote = `"v7"`
	anotherNote = `"v6"`
	weakNote    = `W/"v7"`
)

func buyTea() Note { return Note{"buy tea", 7, saved} }

// A Resp tells its state in any of these ways.
type (
	pointed      Note
	tagOnly      struct{ Text string }
	dateOnly     struct{ Text string }
	noteAndMore  struct{ Note } // by embedding
	NoteInFields struct {
		Cache    string       `header:"Cache-Control"`
		At       string       `header:"Content-Location"`
		Until    string       `header:"Expires"`
		Language string       `header:"Content-Language"`
		Seen     *http.Cookie `cookie:"seen"`
		Status   int          `status:""`
		Note     Note         `body:"json"`
	}
	fieldsWithTag struct {
		Trace string `header:"X-Trace"`
		Text  string `body:"text"`
	}
)

func (p *pointed) ETag() string            { return Note(*p).ETag() }
func (p *pointed) LastModified() time.Time { return p.Saved }
func (tagOnly) ETag() string               { return "v7" } // without quotes
func (dateOnly) LastModified() time.Time   { return saved }
func (*fieldsWithTag) ETag() string        { return currentNote }
func withTag(text string) *fieldsWithTag   { return &fieldsWithTag{"t", text} }

func getting[Resp any](r Resp) *weft.Handler[struct{}, Resp] {
	return weft.Handle(func(context.Context, struct{}) (Resp, error) { return r, nil })
}

func noteInFields(status int) NoteInFields {
	return NoteInFields{
		Cache: "max-age=60", At: "/note/7", Until: savedAt, Language: "en",
		Seen: &http.Cookie{Name: "seen", Value: "1"}, Status: status, Note: buyTea(),
	}
}

func TestAValueThatTellsItsStateIsAnsweredConditionally(t *testing.T) {
	const ok, not, failed = 200, 304, 412
	app, log := newApp()
	app.Handle("/value", getting(buyTea()))
	app.Handle("/pointer", getting(&Note{"buy tea", 7, saved}))
	app.Handle("/pointed", getting(&pointed{"buy tea", 7, saved}))
	app.Handle("/addressed", getting(pointed{"buy tea", 7, saved}))
	app.Handle("/embedded", getting(noteAndMore{buyTea()}))
	app.Handle("/fields", getting(noteInFields(0)))
	site := serve(t, app)
	for _, path := range []string{"/value", "/pointer", "/pointed", "/addressed", "/embedded", "/fields"} {
		for _, row := range []struct {
			get, post int // without a body to read: only safe methods are conditional by themselves
			headers   []string
		}{
			{ok, ok, nil},
			{not, ok, []string{"If-None-Match: " + currentNote}},
			{not, ok, []string{"If-None-Match: " + weakNote}},
			{not, ok, []string{`If-None-Match: "a", ,` + currentNote}},
			{not, ok, []string{"If-None-Match: *"}},
			{ok, ok, []string{"If-None-Match: " + anotherNote}},
			{ok, ok, []string{"If-None-Match: v7"}},
			{ok, ok, []string{"If-Match: " + currentNote}},
			{ok, ok, []string{"If-Match: *"}},
			{failed, ok, []string{"If-Match: " + anotherNote}},
			{failed, ok, []string{"If-Match: " + weakNote}},
			{not, ok, []string{"If-Match: " + currentNote, "If-None-Match: " + currentNote}},
			{failed, ok, []string{"If-Match: " + anotherNote, "If-None-Match: " + currentNote}},
			{not, ok, []string{"If-Modified-Since: " + savedAt}},
			{not, ok, []string{"If-Modified-Since: " + afterItWas}},
			{ok, ok, []string{"If-Modified-Since: " + beforeItWas}},
			{ok, ok, []string{"If-Modified-Since: yesterday"}},
			{ok, ok, []string{"If-Modified-Since: " + savedAt, "If-None-Match: " + anotherNote}},
			{ok, ok, []string{"If-Unmodified-Since: " + savedAt}},
			{failed, ok, []string{"If-Unmodified-Since: " + beforeItWas}},
			{ok, ok, []string{"If-Unmodified-Since: " + beforeItWas, "If-Match: *"}},
		} {
			t.Run(fmt.Sprint(path, row.headers), func(t *testing.T) {
				for _, method := range []string{"GET", "HEAD", "POST"} {
					want := row.get
					if method == "POST" {
						want = row.post
					}
					got := site.send(method, path, "", row.headers...)
					require.Equal(t, want, got.status, "%s: %s", method, got.body)
					if want == failed {
						assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
						continue
					}
					assert.Equal(t, currentNote, got.header.Get("ETag"), method)
					assert.NotEmpty(t, got.header.Get("Date"))
					if want == not {
						assert.Empty(t, got.body)
						assert.Empty(t, got.header["Content-Type"])
						assert.Empty(t, got.header["Content-Length"])
						assert.Empty(t, got.header["Last-Modified"], "there is a tag")
						continue
					}
					assert.Equal(t, savedAt, got.header.Get("Last-Modified"))
					assert.Equal(t, "application/json", got.header.Get("Content-Type"))
					if method != "HEAD" {
						assert.Equal(t, noteAsJSON, got.body)
					}
				}
			})
		}
	}
	assert.True(t, site.send("GET", "/value", "").reused, "no byte too many was sent with a 304")
	assert.Empty(t, log.errors())
}

// RFC 9110 section 15.4.5: what a 304 carries is what guides a cache, and nothing that describes a body.
func TestA304CarriesWhatA200WouldOfTheState(t *testing.T) {
	app, _ := newApp(weft.WithFormats(inFormats(false)))
	app.Use(weft.After("stamp", func(_ *weft.Request, resp weft.Response) weft.Response {
		return resp.WithHeader("X-Status", fmt.Sprint(resp.Status()))
	}))
	app.Handle("GET /fields", getting(noteInFields(0)))
	app.Handle("GET /dated", getting(dateOnly{"x"}))
	app.Handle("GET /any", getting(buyTea()))
	site := serve(t, app)
	full, got := site.send("GET", "/fields", ""), site.send("GET", "/fields", "", "If-None-Match: "+currentNote)
	require.Equal(t, []int{200, 304}, []int{full.status, got.status})
	for _, name := range []string{"Cache-Control", "Content-Location", "Expires", "Etag", "Set-Cookie"} {
		assert.Equal(t, full.header[name], got.header[name], name)
		assert.NotEmpty(t, got.header[name])
	}
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Language", "Last-Modified"} {
		assert.NotEmpty(t, full.header[name], name)
		assert.Empty(t, got.header[name], name)
	}
	assert.Equal(t, "304", got.header.Get("X-Status"), "middleware sees it")
	dated := site.send("GET", "/dated", "", "If-Modified-Since: "+savedAt)
	assert.Equal(t, []any{304, savedAt}, []any{dated.status, dated.header.Get("Last-Modified")}, "nothing else tells the state")
	varied := site.send("GET", "/any", "", "If-None-Match: "+currentNote)
	assert.Equal(t, []any{304, []string{"Accept"}}, []any{varied.status, varied.header["Vary"]})
}

// Over HTTP/1.1 a 304 is its head and nothing else, whatever HEAD or GET would have had; over HTTP/2 it is the same.
func TestA304OnTheWire(t *testing.T) {
	app, log := newApp(weft.WithFormats(weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}}}))
	app.Handle("GET /note", getting(buyTea()))
	srv := build(t, app)
	plain, secure := httptest.NewServer(srv), httptest.NewUnstartedServer(srv)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(func() { plain.Close(); secure.Close() })
	want := http.Header{"Etag": {currentNote}, "Vary": {"Accept"}}
	one, two := &site{t, plain.URL, plain.Client()}, &site{t, secure.URL, secure.Client()}
	for _, method := range []string{"GET", "HEAD"} {
		for _, site := range []*site{one, two} {
			got := site.send(method, "/note", "", "If-None-Match: "+currentNote, "If-Modified-Since: "+beforeItWas)
			got.header.Del("Date")
			assert.Equal(t, []any{304, want, ""}, []any{got.status, got.header, got.body}, "%s %s", method, site.url)
			full := site.send(method, "/note", "", "Accept: application/xml", "If-None-Match: "+currentNote)
			assert.Equal(t, []any{200, `"v7+xml"`, savedAt}, []any{full.status, full.header.Get("ETag"), full.header.Get("Last-Modified")})
			assert.Positive(t, full.length)
		}
		head, body, _ := strings.Cut(raw(t, one, method+" /note HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-None-Match: *\r\n\r\n"), "\r\n\r\n")
		assert.Regexp(t, `^HTTP/1.1 304 Not Modified\r\n`, head)
		assert.NotRegexp(t, `(?i)content-|transfer-encoding|last-modified`, head)
		assert.Empty(t, body)
	}
	resp, err := two.client.Get(two.url + "/note")
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, 2, resp.ProtoMajor)
	assert.Empty(t, log.errors())
}

func TestOnlyASuccessIsConditional(t *testing.T) {
	app, log := newApp()
	app.Handle("GET /accepted", getting(noteInFields(202)))
	app.Handle("GET /redirect", getting(noteInFields(303)))
	app.Handle("GET /gone", getting(noteInFields(410)))
	app.Handle("GET /fails", weft.Handle(func(context.Context, struct{}) (Note, error) {
		return buyTea(), &weft.Error{Status: 404, Code: "no_note"}
	}))
	app.Handle("GET /nil", getting[*Note](nil))
	site := serve(t, app)
	for path, status := range map[string]int{"/accepted": 304, "/redirect": 303, "/gone": 410, "/fails": 404, "/nil": 500} {
		for _, header := range []string{"If-None-Match: " + currentNote, "If-None-Match: *"} {
			assert.Equal(t, status, site.send("GET", path, "", header).status, "%s %s", path, header)
		}
	}
	assert.Equal(t, 404, site.send("GET", "/fails", "", "If-Match: "+anotherNote).status)
	assert.Empty(t, site.send("GET", "/fails", "").header["Etag"])
	assert.Len(t, log.errors(), 2, "nil")
}

func TestKindsOfTags(t *testing.T) {
	app, log := newApp()
	for path, tag := range map[string]string{"/bare": "v7", "/quoted": `"v7"`, "/weak": `W/"v7"`, "/none": "", "/wrong": "v\r\n7", "/half": `"v7`} {
		app.Handle("GET "+path, getting(tagged{tag: tag}))
	}
	app.Handle("GET /panics", getting(tagged{panics: true}))
	app.Handle("PUT /panics", weft.Handle(func(context.Context, struct{}) (tagged, error) { return tagged{panics: true}, nil }).Status(204))
	app.Handle("GET /behind", getting(&NoteInFields{Note: buyTea()}))
	app.Handle("GET /only", getting(tagOnly{}))
	app.Handle("GET /text", getting(withTag("hello")))
	app.Handle("PUT /text", weft.Handle(func(context.Context, struct{}) (*fieldsWithTag, error) { return withTag("hello"), nil }).Status(204))
	app.Handle("PUT /plain", weft.Handle(func(context.Context, struct{}) (Note, error) { return buyTea(), nil }).Status(204))
	app.Handle("PUT /nil", weft.Handle(func(context.Context, struct{}) (*Note, error) { return nil, nil }).Status(204))
	app.Handle("GET /nilbody", getting(struct {
		Note *Note `body:"json"`
	}{}))
	app.Handle("GET /future", getting(Note{"x", 7, time.Now().Add(time.Hour)}))
	site := serve(t, app)
	for path, want := range map[string]string{"/bare": `"v7"`, "/quoted": `"v7"`, "/weak": `W/"v7"`, "/none": "", "/only": `"v7"`, "/text": `"v7"`} {
		got := site.send("GET", path, "")
		assert.Equal(t, []any{200, want}, []any{got.status, got.header.Get("ETag")}, path)
		if want != "" {
			assert.Equal(t, 304, site.send("GET", path, "", `If-None-Match: "v7"`).status, path)
		}
	}
	assert.Equal(t, 412, site.send("GET", "/weak", "", `If-Match: W/"v7"`).status, "a weak tag never matches strongly")
	assert.Empty(t, log.errors())
	for _, path := range []string{"/wrong", "/half", "/panics"} {
		got := site.send("GET", path, "")
		assertProblem(t, got, 500)
		assert.Empty(t, got.header["Etag"])
	}
	assertProblem(t, site.send("PUT", "/panics", ""), 500)
	assert.Len(t, log.errors(), 4)
	assert.Equal(t, 304, site.send("GET", "/behind", "", "If-None-Match: "+currentNote).status, "of the body of a struct behind a pointer")
	assert.Equal(t, 500, site.send("GET", "/nilbody", "", "If-None-Match: *").status)
	for path, tag := range map[string]string{"/text": `"v7"`, "/plain": `"v7"`, "/nil": ""} {
		got := site.send("PUT", path, "")
		assert.Equal(t, []any{204, tag}, []any{got.status, got.header.Get("ETag")}, path)
	}
	future := site.send("GET", "/future", "")
	modified, err := http.ParseTime(future.header.Get("Last-Modified"))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), modified, time.Minute, "RFC 9110 section 8.8.2.1")
}

type tagged struct {
	Text   string
	tag    string
	panics bool
}

func (v tagged) ETag() string {
	if v.panics {
		panic("no tag")
	}
	return v.tag
}

// Representations of one state in several formats have tags of their own (RFC 9110 section 8.8.3), and each stands for the state.
func TestEachFormatHasATagOfItsOwn(t *testing.T) {
	app, _ := newApp(weft.WithFormats(weft.Formats{Codecs: []weft.MediaCodec{xmlCodec{}, &lineCodec{}}}))
	app.Handle("GET /note", getting(buyTea()))
	app.Handle("PUT /note", weft.Handle(func(_ context.Context, in ReviseNote) (Note, error) {
		return in.Note, in.If.Check(currentNote, time.Time{})
	}))
	site := serve(t, app)
	tags := map[string]string{"application/json": `"v7"`, "application/xml": `"v7+xml"`, "text/xml": `"v7+xml"`}
	for accept, tag := range tags {
		assert.Equal(t, tag, site.send("GET", "/note", "", "Accept: "+accept).header.Get("ETag"), accept)
		for other, named := range tags {
			want := 200
			if named == tag {
				want = 304
			}
			assert.Equal(t, want, site.send("GET", "/note", "", "Accept: "+accept, "If-None-Match: "+named).status, "%s, and the client has %s", accept, other)
		}
		assert.Equal(t, 200, site.send("PUT", "/note", noteAsJSON, "If-Match: "+tag).status, tag)
		assert.Equal(t, 412, site.send("PUT", "/note", noteAsJSON, "If-None-Match: "+tag).status, tag)
	}
	for _, tag := range []string{`"v6"`, `"v7+yaml"`, `"v7+"`, `W/"v7"`} {
		assert.Equal(t, 412, site.send("PUT", "/note", noteAsJSON, "If-Match: "+tag).status, tag)
	}
}

// The variant is the subtype, and more where two formats have the same.
func TestTagsOfFormatsWithTheSameSubtype(t *testing.T) {
	codecs := []weft.MediaCodec{&oddCodec{types: []string{"application/x"}}, &oddCodec{types: []string{"text/x"}}, &oddCodec{types: []string{"text/x;v=2"}}}
	app, _ := newApp(weft.WithFormats(weft.Formats{Codecs: codecs}))
	app.Handle("GET /note", getting(buyTea()))
	site := serve(t, app)
	for accept, tag := range map[string]string{"application/x": `"v7+x"`, "text/x;v=1, text/x;q=0.5": `"v7+x.text"`, "text/x;v=2": `"v7+x.text.text"`} {
		got := site.send("GET", "/note", "", "Accept: "+accept)
		assert.Equal(t, []any{200, tag}, []any{got.status, got.header.Get("ETag")}, "%s %s", accept, got.header.Get("Content-Type"))
	}
}

// notes are kept by name; a PUT creates or replaces one.
type notes struct {
	mu    sync.Mutex
	kept  map[string]Note
	calls int
}

type putNote struct {
	Name string `path:"name"`
	If   weft.Preconditions
	Note Note `body:"json"`
}

func (n *notes) put(_ context.Context, in putNote) (Note, error) {
	n.mu.Lock() // the transaction
	defer n.mu.Unlock()
	old, there := n.kept[in.Name]
	if there {
		if err := in.If.Check(old.ETag(), old.Saved); err != nil {
			return Note{}, err
		}
	} else if err := in.If.CheckAbsent(); err != nil {
		return Note{}, err
	}
	n.calls++
	n.kept[in.Name] = Note{in.Note.Text, old.Version + 1, saved}
	return n.kept[in.Name], nil
}

func TestPreconditionsAreCheckedBeforeAnythingChanges(t *testing.T) {
	const made, failed = 200, 412
	for _, row := range []struct {
		there, absent int
		headers       []string
	}{
		{made, made, nil},
		{made, failed, []string{`If-Match: "v1"`}},
		{made, failed, []string{"If-Match: *"}},
		{failed, failed, []string{`If-Match: "v2"`}},
		{failed, failed, []string{`If-Match: W/"v1"`}},
		{failed, made, []string{"If-None-Match: *"}},
		{failed, made, []string{`If-None-Match: "v1"`}},
		{failed, made, []string{`If-None-Match: W/"v1"`}},
		{made, made, []string{`If-None-Match: "v2"`}},
		{made, made, []string{"If-Unmodified-Since: " + savedAt}},
		{failed, made, []string{"If-Unmodified-Since: " + beforeItWas}},
		{made, failed, []string{"If-Unmodified-Since: " + beforeItWas, `If-Match: "v1"`}},
		{failed, failed, []string{`If-Match: "v1"`, "If-None-Match: *"}},
		{made, made, []string{"If-Modified-Since: " + afterItWas}},
		{400, 400, []string{"If-Match: v1"}},
		{400, 400, []string{`If-None-Match: "v1", *`}},
	} {
		t.Run(fmt.Sprint(row.headers), func(t *testing.T) {
			store := &notes{kept: map[string]Note{"there": {"old", 1, saved}}}
			app, log := newApp()
			app.Handle("PUT /notes/{name}", weft.Handle(store.put))
			site := serve(t, app)
			for name, want := range map[string]int{"there": row.there, "absent": row.absent} {
				before := store.kept[name]
				got := site.send("PUT", "/notes/"+name, `{"text":"new","version":0}`, row.headers...)
				assert.Equal(t, want, got.status, "%s: %s", name, got.body)
				if want != made {
					assert.Equal(t, before, store.kept[name], "nothing changed")
					assert.Empty(t, got.header["Etag"])
					continue
				}
				assert.Equal(t, store.kept[name].ETag(), got.header.Get("ETag"))
			}
			assert.Empty(t, log.errors())
		})
	}
}

func TestMalformedPreconditionsAreToldTogether(t *testing.T) {
	app, _ := newApp()
	app.Handle("PUT /notes/{name}", weft.Handle((&notes{}).put))
	got := serve(t, app).send("PUT", "/notes/x", `{"txt":""}`, "If-Match: 7", "If-None-Match: 8")
	assertProblem(t, got, 400)
	assert.Contains(t, got.body, `{"source":"header","name":"If-Match","code":"malformed","message":"is malformed"}`)
	assert.Contains(t, got.body, `{"source":"header","name":"If-None-Match","code":"malformed","message":"is malformed"}`)
	assert.Contains(t, got.body, `"/txt"`)
}

// One of several clients that have seen the same version wins; no update is lost.
func TestNoUpdateIsLost(t *testing.T) {
	store := &notes{kept: map[string]Note{"x": {"old", 1, saved}}}
	app, _ := newApp()
	app.Handle("PUT /notes/{name}", weft.Handle(store.put))
	site := serve(t, app)
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 16 {
		all.Go(func() {
			got, err := site.try("PUT", "/notes/x", `{"text":"mine","version":0}`, `If-Match: "v1"`)
			mu.Lock()
			defer mu.Unlock()
			assert.NoError(t, err)
			statuses[got.status]++
		})
	}
	all.Wait()
	assert.Equal(t, map[int]int{200: 1, 412: 15}, statuses)
	assert.Equal(t, 1, store.calls)
}

func TestPreconditionsInOtherPlaces(t *testing.T) {
	app, _ := newApp()
	current := func() (string, time.Time) { return currentNote, saved }
	app.Handle("PATCH /check", weft.Handle(func(context.Context, ReviseNote) (struct{}, error) { return struct{}{}, nil }).
		Check(func(_ context.Context, in ReviseNote) error { return in.If.Check(current()) }))
	app.Handle("DELETE /guard", weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }).
		Guard(weft.NewGuard("unchanged", func(r *weft.Request) error {
			var p weft.Preconditions
			return errors.Join(p.FromRequest(r), p.Require(), p.Check(current()))
		})))
	app.Handle("GET /by-hand", weft.Handle(func(_ context.Context, in struct{ If weft.Preconditions }) (weft.Response, error) {
		if err := in.If.Check(current()); err != nil {
			return weft.Response{}, err
		}
		answer := weft.Text("costly").WithHeader("ETag", currentNote)
		if in.If.NotModified(current()) {
			answer = weft.Empty().WithHeader("ETag", currentNote).WithStatus(http.StatusNotModified)
		}
		return answer, nil
	}))
	app.Handle("POST /wrong", weft.Handle(func(_ context.Context, in struct{ If weft.Preconditions }) (string, error) {
		return "", in.If.Check("a b", time.Time{})
	}))
	app.Handle("PUT /mapped", weft.Handle(func(_ context.Context, in struct{ If weft.Preconditions }) (string, error) {
		return "", in.If.Check(current())
	}).Catch(weft.OnIs(weft.ErrPreconditionFailed, func(*weft.Request, error) weft.Response { return weft.Text("too late").WithStatus(409) })))
	app.Handle("GET /mapped", getting(buyTea()).Catch(weft.OnIs(weft.ErrPreconditionFailed, func(*weft.Request, error) weft.Response { return weft.Text("too late").WithStatus(409) })))
	site := serve(t, app)
	assert.Equal(t, 412, site.send("PATCH", "/check", noteAsJSON, "If-Match: "+anotherNote).status)
	assert.Equal(t, 204, site.send("PATCH", "/check", noteAsJSON, "If-Match: "+currentNote).status)
	assert.Equal(t, 428, site.send("DELETE", "/guard", "").status)
	assert.Equal(t, 204, site.send("DELETE", "/guard", "", "If-Unmodified-Since: "+savedAt).status)
	assert.Equal(t, 412, site.send("DELETE", "/guard", "", "If-Match: "+anotherNote).status)
	assert.Equal(t, 304, site.send("GET", "/by-hand", "", "If-None-Match: "+currentNote).status)
	assert.Equal(t, 412, site.send("GET", "/by-hand", "", "If-None-Match: "+currentNote, "If-Match: "+anotherNote).status)
	assert.Equal(t, "costly", site.send("GET", "/by-hand", "", "If-None-Match: "+anotherNote).body)
	assert.Equal(t, 500, site.send("POST", "/wrong", "").status)
	for _, method := range []string{"GET", "PUT"} {
		got := site.send(method, "/mapped", "", "If-Match: "+anotherNote)
		assert.Equal(t, []any{409, "too late"}, []any{got.status, got.body}, method)
	}
	var none weft.Preconditions
	assert.NoError(t, errors.Join(none.Check(current()), none.CheckAbsent()))
	assert.False(t, none.NotModified(current()))
}

func TestThePlanSaysWhichAnswersAreConditional(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /both", getting(buyTea()))
	app.Handle("PUT /both", weft.Handle(func(context.Context, ReviseNote) (Note, error) { return Note{}, nil }).Status(204))
	app.Handle("GET /tag", getting(withTag("")))
	app.Handle("/date", getting(dateOnly{}))
	app.Handle("GET /none", getting(Order{}))
	plan, err := app.Plan()
	require.NoError(t, err)
	for i, want := range [][]int{{200, 304, 412, 500}, {204, 400, 412, 413, 415, 500}, {200, 304, 412, 500}, {200, 304, 412, 500}, {200, 500}} {
		assert.Equal(t, want, plan.Routes[i].Statuses, plan.Routes[i].Pattern)
	}
	text := plan.String()
	for _, says := range []string{
		"respond: 200, weft_test.Note as JSON; with ETag and Last-Modified", "respond: 204; with ETag and Last-Modified",
		"respond: 200; header X-Trace: text; body: text; with ETag", "as JSON; with Last-Modified",
	} {
		assert.Contains(t, text, says)
	}
}
