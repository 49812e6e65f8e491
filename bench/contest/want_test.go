package contest

import (
	"net/http"
	"strings"
	"testing"
)

func TestAnAnswerIsHeldAgainstItsMeaning(t *testing.T) {
	answer := func(status int, contentType, body string) Answer {
		return Answer{status, http.Header{"Content-Type": {contentType}}, []byte(body)}
	}
	const plain, problem = "application/json", "application/problem+json"
	exact := Want{Status: 200, JSON: `{"a":1,"b":["x"]}`}
	fields := Want{Status: 422, Places: []string{"customer", "lines/0/sku"}}
	conflict := Want{Status: 409, Members: map[string]any{"code": "out_of_stock"}}
	for _, c := range []struct {
		name  string
		want  Want
		got   Answer
		wrong string // part of what is said, "" where it is right
	}{
		{"the same", exact, answer(200, plain, `{"a":1,"b":["x"]}`), ""},
		{"members in another order, spaces, a line at the end", exact, answer(200, plain+"; charset=utf-8", "{ \"b\":[\"x\"], \"a\":1.0}\n"), ""},
		{"another status", exact, answer(201, plain, exact.JSON), "status is 201"},
		{"another value", exact, answer(200, plain, `{"a":2,"b":["x"]}`), "something else"},
		{"a member more", exact, answer(200, plain, `{"a":1,"b":["x"],"c":0}`), "something else"},
		{"a member less", exact, answer(200, plain, `{"a":1}`), "something else"},
		{"no JSON", exact, answer(200, plain, `hello`), "not JSON"},
		{"nothing", exact, answer(200, plain, ``), "not JSON"},
		{"another media type", exact, answer(200, "text/plain", exact.JSON), "Content-Type"},
		{"another charset", exact, answer(200, plain+"; charset=latin1", exact.JSON), "Content-Type"},
		{"a success as a problem", exact, answer(200, problem, exact.JSON), "Content-Type"},

		{"pointers", fields, answer(422, problem, `{"errors":[{"pointer":"/lines/0/sku"},{"pointer":"/customer"}]}`), ""},
		{"huma's places", fields, answer(422, problem, `{"errors":[{"location":"body.customer"},{"location":"body.lines[0].sku"}]}`), ""},
		{"the validator's places", fields, answer(422, plain, `{"errors":[{"field":"customer"},{"field":"lines[0].sku"}]}`), ""},
		{"a field less", fields, answer(422, problem, `{"errors":[{"pointer":"/customer"}]}`), "finds fault"},
		{"a field more", fields, answer(422, problem, `{"errors":[{"pointer":"/a"},{"pointer":"/customer"},{"pointer":"/lines/0/sku"}]}`), "finds fault"},
		{"the first field twice", fields, answer(422, problem, `{"errors":[{"pointer":"/customer"},{"pointer":"/customer"}]}`), "finds fault"},
		{"no list", fields, answer(422, problem, `{"title":"no"}`), "finds fault"},

		{"a member that is asked for", conflict, answer(409, problem, `{"code":"out_of_stock","title":"Conflict"}`), ""},
		{"another code", conflict, answer(409, problem, `{"code":"conflict"}`), "code is"},
		{"no code", conflict, answer(409, problem, `{}`), "code is"},
		{"an error that is no JSON", conflict, answer(409, "text/plain", `out_of_stock`), "Content-Type"},
	} {
		check(t, c.name, c.want.Differences(Request{Method: "GET"}, c.got), c.wrong)
	}

	header := Want{Status: 401, Header: map[string]string{"WWW-Authenticate": "Key"}}
	check(t, "a header field", header.Differences(Request{}, Answer{401, http.Header{"Www-Authenticate": {"Key"}}, nil}), "")
	check(t, "no such header field", header.Differences(Request{}, Answer{401, http.Header{}, nil}), "WWW-Authenticate")

	allow := Want{Status: 405, Allow: "GET"}
	for value, wrong := range map[string]string{
		"GET": "", "OPTIONS, GET": "", "GET, HEAD": "", "": "Allow is", "POST": "Allow is", "GET, DELETE": "Allow is",
	} {
		got := Answer{405, http.Header{"Allow": {value}}, nil}
		check(t, "Allow "+value, allow.Differences(Request{Method: "DELETE"}, got), wrong)
	}
}

func check(t *testing.T, name string, differences []string, wrong string) {
	t.Helper()
	told := strings.Join(differences, "; ")
	if wrong == "" && told != "" || wrong != "" && !strings.Contains(told, wrong) {
		t.Errorf("%s: %q, where %q is expected", name, told, wrong)
	}
}

func TestAContenderThatAnswersWronglyIsFoundOut(t *testing.T) {
	fast := Contender{Name: "fast", Shop: func() App {
		return HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{}`))
		}))
	}}
	err := Check(&fast, Workloads())
	if err == nil {
		t.Fatal("it was not")
	}
	for _, said := range []string{"fast: typed POST: the body means something else", "fast: typed GET: the status is 201", "405: the status"} {
		if !strings.Contains(err.Error(), said) {
			t.Errorf("%q is not in\n%v", said, err)
		}
	}
	if got, err := Strictness(&fast, Probes()); err != nil || Refused(got[0]) {
		t.Errorf("it lets everything pass, and this is told: %v, %v", got, err)
	}
}

func TestTheBodyIsAboutAMebibyte(t *testing.T) {
	if n := len(Mebibyte().Body); n > 1<<20 || n < 1<<20*95/100 {
		t.Errorf("%d bytes", n)
	}
}

func TestEveryWorkloadHasAnIDOfItsOwn(t *testing.T) {
	seen, long := map[string]bool{}, 0
	for _, w := range Workloads() {
		if seen[w.ID] || w.Title == "" {
			t.Errorf("%q, %q", w.ID, w.Title)
		}
		seen[w.ID] = true
		if w.Long {
			long++
		}
	}
	if long != 5 {
		t.Errorf("%d workloads are left out of a quick run", long)
	}
}

// once answers rightly when it is recorded, and wrongly in the loop that is timed, from the second time on.
type once struct{ App }

func (a once) Caller(r Request) func() int {
	call, calls := a.App.Caller(r), 0
	return func() int {
		if calls++; calls > 1 {
			return http.StatusOK
		}
		return call()
	}
}

func TestTheTimedLoopIsCheckedToo(t *testing.T) {
	right := func() App {
		return HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotFound) }))
	}
	w := []Workload{{ID: "404", Title: "404", App: shop, Request: Request{Method: "GET", Target: "/"}, Want: Want{Status: 404}}}
	c := Contender{Name: "odd", Shop: right}
	if err := Check(&c, w); err != nil {
		t.Error(err)
	}
	c.Shop = func() App { return once{right()} }
	if err := Check(&c, w); err == nil || !strings.Contains(err.Error(), "in the timed loop the status is 200, not 404") {
		t.Errorf("%v", err)
	}
}
