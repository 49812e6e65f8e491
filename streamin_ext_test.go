package weft_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type importedLine struct {
	Name string `json:"name" validate:"required,min=2"`
	Age  int8   `json:"age"`
}

type imported struct {
	Good []importedLine `json:"good"`
	Bad  []string       `json:"bad"`
}

// importing takes what is good, and tells what is not.
func importing(_ context.Context, in weft.Stream[importedLine]) (imported, error) {
	got := imported{Good: []importedLine{}, Bad: []string{}}
	for item, err := range in {
		var bad *weft.ItemError
		switch {
		case errors.As(err, &bad):
			text := fmt.Sprintf("%d/%d", bad.Index, bad.Line)
			var invalid *weft.InvalidRequest
			if errors.As(err, &invalid) {
				for _, f := range invalid.Fields {
					text += fmt.Sprintf(" %d %s %s", invalid.Status, f.Pointer, f.Code)
				}
			}
			got.Bad = append(got.Bad, text)
		case err != nil:
			return got, err
		default:
			got.Good = append(got.Good, item)
		}
	}
	return got, nil
}

const (
	lineBody  = "Content-Type: application/x-ndjson"
	arrayBody = "Content-Type: application/json"
)

func TestAStreamOfLinesLosesNone(t *testing.T) {
	app, j := newApp(weft.WithStreams(weft.Streams{ItemLimit: 100}))
	app.Handle("POST /whole", weft.Handle(importing))
	app.Handle("POST /field/{id}", weft.Handle(func(ctx context.Context, in struct {
		ID   int                       `path:"id"`
		Body weft.Stream[importedLine] `body:"stream"`
	}) (imported, error) {
		assert.Equal(t, 7, in.ID)
		return importing(ctx, in.Body)
	}))
	s := serve(t, app)
	body := "{\"name\":\"tea\",\"age\":1}\r\n" + // 0
		"\n  \n" +
		"{\"name\":\"x\"}\n" + // 1, line 4
		"{\"name\":\n" + // 2
		"{\"name\":\"tea\",\"age\":300}\n" + // 3
		"{\"name\":\"" + strings.Repeat("x", 10_000) + "\"}\n" + // 4, line 7
		"{\"nome\":\"tea\"}\n" + // 5
		"{\"name\":\"a\",\"name\":\"tea\"}\n" + // 6
		"null\n" + // 7
		"{\"age\":2}\n" + // 8
		"{\"name\":\"\xff\"}\n" + // 9
		"{\"name\":\"ten\"} {}\n" + // 10
		"{\"name\":\"coffee\"}" // 11, no end
	want := `{"good":[{"name":"tea","age":1},{"name":"coffee","age":0}],"bad":[` +
		`"1/4 422 /1/name min","2/5 400 /2/name invalid_json","3/6 400 /3/age out_of_range","4/7 413 /4 body_too_large","5/8 400 /5/nome unknown_field",` +
		`"6/9 400 /6/name duplicate_field","7/10 400 /7 required","8/11 422 /8/name required","9/12 400 /9/name invalid_utf8","10/13 400 /10 trailing_data"]}`
	for _, path := range []string{"/whole", "/field/7"} {
		got := s.send("POST", path, body, lineBody)
		assert.Equal(t, 200, got.status)
		assert.JSONEq(t, want, got.body)
	}
	for _, mediaType := range []string{"application/x-ndjson; charset=utf-8", "application/ndjson", "application/jsonl"} {
		assert.Equal(t, `{"good":[{"name":"tea","age":0}],"bad":[]}`, s.send("POST", "/whole", `{"name":"tea"}`, "Content-Type: "+mediaType).body)
	}
	assert.Equal(t, `{"good":[],"bad":[]}`, s.send("POST", "/whole", "", lineBody).body)
	got := s.send("POST", "/whole", "x", "Content-Type: text/csv")
	assert.Equal(t, 415, got.status)
	assert.Contains(t, got.body, "application/x-ndjson")
	assert.Equal(t, 413, s.send("POST", "/whole", strings.Repeat(`{"name":"tea"}`+"\n", 100_000), lineBody).status)
	assert.Empty(t, j.errors())
}

func TestAStreamOfAnArrayLosesNone(t *testing.T) {
	app, j := newApp(weft.WithStreams(weft.Streams{ItemLimit: 200_000}), weft.WithLimit(1<<20))
	app.Handle("POST /", weft.Handle(importing))
	s := serve(t, app)
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`[]`, 200, `{"good":[],"bad":[]}`},
		{` [ {"name":"tea","age":1} , {"name":"x"}, {"nome":"x"}, {"name":"a","name":"b"}, null, 7, {"name":"ten"} ] `, 200,
			`{"good":[{"name":"tea","age":1},{"name":"ten","age":0}],"bad":["1/0 422 /1/name min","2/0 400 /2/nome unknown_field","3/0 400 /3/name duplicate_field","4/0 400 /4 required","5/0 400 /5 invalid_type"]}`},
		{``, 400, `body_required`},
		{`  `, 400, `body_required`},
		{`null`, 400, `invalid_type`},
		{`{}`, 400, `"type":"array"`},
		{`[{"name":"tea"}`, 400, `invalid_json`},
		{`[{"name":"tea"},]`, 400, `invalid_json`},
		{`[{"name":"tea"}] x`, 400, `trailing_data`},
		{`[{"name":"tea"}] []`, 400, `trailing_data`},
		{`[{"name":"tea" "age":1}]`, 400, `invalid_json`},
		{`[{"name":"` + strings.Repeat("x", 300_000) + `"}, {"name":"tea"}]`, 200, `{"good":[],"bad":["0/0 413 /0 body_too_large"]}`},
		{`[{"name":"` + strings.Repeat("x", 2<<20) + `"}]`, 413, `body_too_large`},
	} {
		got := s.send("POST", "/", c.body, arrayBody)
		require.Equal(t, c.status, got.status, "%.100s: %s", c.body, got.body)
		if c.status == 200 {
			assert.JSONEq(t, c.want, got.body)
		} else {
			assert.Contains(t, got.body, c.want, c.body)
		}
	}
	assert.Empty(t, j.errors())
}

// An error of an item that a handler returns is the client's, with its place.
func TestAnErrorOfAnItemIsAnAnswer(t *testing.T) {
	app, j := newApp()
	app.Handle("POST /", weft.Handle(func(_ context.Context, in weft.Stream[importedLine]) (int, error) {
		n := 0
		for _, err := range in {
			if err != nil {
				return 0, err
			}
			n++
		}
		return n, nil
	}))
	s := serve(t, app)
	assert.Equal(t, "2", s.send("POST", "/", "{\"name\":\"tea\"}\n{\"name\":\"tea\"}\n", lineBody).body)
	got := s.send("POST", "/", "{\"name\":\"tea\"}\n{\"name\":\"x\"}\n", lineBody)
	assert.Equal(t, 422, got.status)
	assert.Contains(t, got.body, `"pointer":"/1/name"`)
	assert.Empty(t, j.errors())
}

// Items are handled while the client still sends, and answered while it does, over one connection.
func TestAStreamGoesInAndOutAtOnce(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /", weft.Handle(func(_ context.Context, in weft.Stream[importedLine]) (weft.Stream[string], error) {
		return func(yield func(string, error) bool) {
			for item, err := range in {
				if !yield("hello "+item.Name, err) {
					return
				}
			}
		}, nil
	}))
	s := serve(t, app)
	body, to := io.Pipe()
	go func() { _, _ = io.WriteString(to, "{\"name\":\"tea\"}\n") }()
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url, body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := s.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	assert.Equal(t, `"hello tea"`, lines.Text())
	for i := range 100 {
		_, err := fmt.Fprintf(to, "{\"name\":\"n%d\"}\n", i)
		require.NoError(t, err)
		require.True(t, lines.Scan(), i)
		assert.Equal(t, fmt.Sprintf(`"hello n%d"`, i), lines.Text())
	}
	to.Close()
	assert.False(t, lines.Scan())
	assert.NoError(t, lines.Err())
}

func TestPartsAreReadAsTheyArrive(t *testing.T) {
	app, _ := newApp(weft.WithStreams(weft.Streams{ItemLimit: 1000}))
	app.Handle("POST /", weft.Handle(func(_ context.Context, in weft.Stream[weft.Part]) ([]string, error) {
		got := []string{}
		for part, err := range in {
			if err != nil {
				return got, err
			}
			if part.Name == "skipped" {
				continue
			}
			content, err := io.ReadAll(part)
			if err != nil {
				return got, err
			}
			got = append(got, fmt.Sprintf("%s %s %s %d", part.Name, part.Filename, part.ContentType, len(content)))
		}
		return got, nil
	}))
	s := serve(t, app)
	form := func(size int) (string, string) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		_ = w.WriteField("title", "tea")
		skipped, _ := w.CreateFormFile("skipped", "x")
		_, _ = io.WriteString(skipped, strings.Repeat("x", 5000))
		file, _ := w.CreateFormFile("file", `C:\dir\menu.txt`)
		_, _ = io.WriteString(file, strings.Repeat("x", size))
		_ = w.Close()
		return body.String(), "Content-Type: " + w.FormDataContentType()
	}
	body, mediaType := form(1000)
	got := s.send("POST", "/", body, mediaType)
	assert.Equal(t, 200, got.status, got.body)
	assert.Contains(t, got.body, `title   3`)
	assert.Contains(t, got.body, `menu.txt application/octet-stream 1000`)
	assert.Equal(t, 200, s.send("POST", "/", body, strings.Replace(mediaType, "form-data", "mixed", 1)).status)
	assert.Equal(t, 400, s.send("POST", "/", body[:len(body)-100], mediaType).status)
	body, mediaType = form(1001)
	assert.Equal(t, 413, s.send("POST", "/", body, mediaType).status)
	assert.Equal(t, 415, s.send("POST", "/", "{}", arrayBody).status)
	assert.Equal(t, 400, s.send("POST", "/", body, "Content-Type: multipart/form-data").status)
}

// What a stage before has read is streamed all the same.
func TestAStreamOfABodyThatWasRead(t *testing.T) {
	app, _ := newApp()
	app.Guard(weft.NewGuard("signed", func(r *weft.Request) error {
		_, err := r.Body()
		return err
	}, weft.ReadsBody()))
	app.Handle("POST /", weft.Handle(importing))
	s := serve(t, app)
	assert.Equal(t, `{"good":[{"name":"tea","age":0}],"bad":[]}`, s.send("POST", "/", `[{"name":"tea"}]`, arrayBody).body)
}

// An Item knows its place, is decoded and checked as what it holds, and cannot be sent what only looks like one.
func TestAnItemKnowsItsPlace(t *testing.T) {
	app, j := newApp()
	app.Handle("POST /", weft.Handle(func(_ context.Context, in weft.Stream[weft.Item[importedLine]]) (imported, error) {
		got := imported{Bad: []string{}}
		for item, err := range in {
			if err != nil {
				got.Bad = append(got.Bad, err.Error())
				continue
			}
			got.Good = append(got.Good, item.Value)
			got.Bad = append(got.Bad, fmt.Sprintf("%d/%d is %s", item.Index, item.Line, item.Value.Name))
		}
		return got, nil
	}))
	s := serve(t, app)
	assert.JSONEq(t, `{"good":[{"name":"tea","age":1},{"name":"coffee","age":0}],"bad":["0/2 is tea",`+
		`"line 3: 422 invalid request: body /1/name: min","line 4: 400 invalid request: body /2/Value: unknown_field","line 5: 400 invalid request: body /3: required","4/6 is coffee"]}`,
		s.send("POST", "/", "\n{\"name\":\"tea\",\"age\":1}\n{\"name\":\"x\"}\n{\"Value\":{\"name\":\"tea\"},\"Line\":7}\nnull\n{\"name\":\"coffee\"}", lineBody).body)
	assert.JSONEq(t, `{"good":[{"name":"tea","age":0}],"bad":["item 0: 400 invalid request: body /0/age: out_of_range","1/0 is tea"]}`,
		s.send("POST", "/", `[{"name":"tea","age":300},{"name":"tea"}]`, arrayBody).body)
	assert.Empty(t, j.errors())
}

// The rule required means of an item what it means of a body: the value was sent.
func TestWhatAnItemHasIsNotMissing(t *testing.T) {
	type part struct {
		Count int `json:"count" validate:"required,max=3"`
	}
	type whole struct {
		Name  string `json:"name" validate:"required,max=3"`
		Parts []part `json:"parts" validate:"dive"`
	}
	app, j := newApp()
	app.Handle("POST /", weft.Handle(func(_ context.Context, in weft.Stream[whole]) (told []string, _ error) {
		for _, err := range in {
			told = append(told, fmt.Sprint(err))
		}
		return told, nil
	}))
	s := serve(t, app)
	assert.JSONEq(t, `["<nil>","item 1: 422 invalid request: body /1/name: required, body /1/parts/1/count: required"]`,
		s.send("POST", "/", `[{"name":"","parts":[{"count":0}]},{"name":null,"parts":[{"count":0},{}]}]`, arrayBody).body)
	assert.JSONEq(t, `["<nil>","line 2: 422 invalid request: body /1/name: max, body /1/parts/0/count: required"]`,
		s.send("POST", "/", "{\"name\":\"\"}\n{\"name\":\"long\",\"parts\":[{}]}", lineBody).body)
	assert.Empty(t, j.errors())
}

func TestALineOfExactlyTheLimitIsAnItem(t *testing.T) {
	app, _ := newApp(weft.WithStreams(weft.Streams{ItemLimit: int64(len(`{"name":"tea"}`))}))
	app.Handle("POST /", weft.Handle(importing))
	s := serve(t, app)
	for _, end := range []string{"", "\n", "\r\n"} {
		assert.Equal(t, `{"good":[{"name":"tea","age":0}],"bad":[]}`, s.send("POST", "/", `{"name":"tea"}`+end, lineBody).body)
		assert.Contains(t, s.send("POST", "/", `{"name":"teas"}`+end, lineBody).body, "body_too_large")
	}
}

// A body that ends behind a delimiter that is not the last has been broken off.
func TestPartsThatAreBrokenOffAreNotWhole(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /", weft.Handle(func(_ context.Context, in weft.Stream[weft.Part]) (int, error) {
		n := 0
		for _, err := range in {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}))
	s := serve(t, app)
	whole := "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--\r\n"
	assert.Equal(t, "1", s.send("POST", "/", whole, "Content-Type: multipart/form-data; boundary=b").body)
	assert.Equal(t, 400, s.send("POST", "/", strings.Replace(whole, "--b--\r\n", "--b\r\n", 1), "Content-Type: multipart/form-data; boundary=b").status)
}

// A limit that is as large as can be is none, and not one that nothing fits.
func TestTheLargestLimit(t *testing.T) {
	app, j := newApp(weft.WithLimit(math.MaxInt64), weft.WithStreams(weft.Streams{ItemLimit: math.MaxInt64}),
		weft.WithForms(weft.FormOptions{Memory: math.MaxInt64, File: math.MaxInt64}))
	app.Handle("POST /json", weft.Handle(func(_ context.Context, in importedLine) (importedLine, error) { return in, nil }))
	app.Handle("POST /lines", weft.Handle(importing))
	app.Handle("POST /form", weft.Handle(func(_ context.Context, in struct {
		File weft.Upload `file:"a"`
	}) (string, error) {
		content, err := in.File.Bytes()
		return string(content), err
	}))
	s := serve(t, app)
	assert.Equal(t, `{"name":"tea","age":0}`, s.send("POST", "/json", `{"name":"tea"}`, arrayBody).body)
	assert.Equal(t, `{"good":[{"name":"tea","age":0}],"bad":[]}`, s.send("POST", "/lines", `[{"name":"tea"}]`, arrayBody).body)
	form := "--b\r\nContent-Disposition: form-data; name=a; filename=a\r\n\r\n1\r\n--b--\r\n"
	assert.Equal(t, `"1"`, s.send("POST", "/form", form, "Content-Type: multipart/form-data; boundary=b").body)
	assert.Empty(t, j.errors())
}
