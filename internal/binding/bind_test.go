package binding

import (
	"encoding"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type small int8

type word string

type hexText struct{ n uint64 }

func (h *hexText) UnmarshalText(text []byte) (err error) {
	h.n, err = strconv.ParseUint(string(text), 16, 64)
	return err
}

type inner struct {
	Deep  *uint32 `query:"deep"`
	Deeps []bool  `query:"deeps"`
}

// every has a field of every kind, shape and option.
type every struct {
	B   bool          `query:"b"`
	I   int           `query:"i"`
	I8  small         `query:"i8"`
	I16 int16         `query:"i16" default:"-7"`
	I32 *int32        `query:"i32"`
	I64 []int64       `query:"i64"`
	U   uint          `query:"u,required"`
	U8  []uint8       `query:"u8,csv" default:"1,2"`
	F32 float32       `query:"f32"`
	F64 *float64      `query:"f64"`
	S   string        `query:"s"`
	W   word          `query:"w" default:"word"`
	PW  *word         `query:"pw"`
	SS  []string      `query:"ss,csv"`
	T   time.Time     `query:"t" layout:"DateOnly"`
	D   time.Duration `query:"d"`
	X   hexText       `query:"x"`
	PX  *hexText      `query:"px"`
	XS  []hexText     `query:"xs,csv"`
	inner
	H  int8     `header:"X-H"`
	HS []uint16 `header:"X-Hs,csv"`
	C  string   `cookie:"c"`
	CI *int     `cookie:"ci"`
}

var noTypes = Types{
	Wrapper: func(reflect.Type) (Wrapper, bool) { return Wrapper{}, false },
	Itself:  func(reflect.Type) bool { return false },
}

func compiled(t testing.TB) *Plan {
	t.Helper()
	plan, problems := Compile(reflect.TypeFor[every](), noTypes)
	require.Empty(t, problems)
	return plan
}

// reference binds by reflection alone, a field at a time, as simply as the
// rules allow: what FuzzBind holds the compiled plan against. It returns the
// failures as "source name code".
func reference(v reflect.Value, hr *http.Request) []string {
	query, malformed := parseQuery(hr.URL.RawQuery)
	var failures []string
	for _, source := range []string{"query", "header", "cookie"} {
		for f, field := range fieldsOf(v) {
			tag, found := f.Tag.Lookup(source)
			if !found {
				continue
			}
			options := strings.Split(tag, ",")
			var values []string
			switch source {
			case "query":
				values = query[options[0]]
			case "header":
				values = hr.Header[options[0]]
			case "cookie":
				for _, c := range hr.CookiesNamed(options[0]) {
					values = append(values, c.Value)
				}
			}
			if code := referenceField(field, f, options, values); code != "" {
				failures = append(failures, source+" "+options[0]+" "+code)
			}
		}
	}
	if malformed {
		failures = append(failures, "query  malformed")
	}
	return failures
}

func fieldsOf(v reflect.Value) func(func(reflect.StructField, reflect.Value) bool) {
	return func(yield func(reflect.StructField, reflect.Value) bool) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Anonymous {
				for g, w := range fieldsOf(reflect.NewAt(f.Type, v.Field(i).Addr().UnsafePointer()).Elem()) {
					if !yield(g, w) {
						return
					}
				}
				continue
			}
			if !yield(f, v.Field(i)) {
				return
			}
		}
	}
}

func parseQuery(raw string) (values map[string][]string, malformed bool) {
	values = map[string][]string{}
	for _, pair := range strings.Split(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(key)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || strings.Contains(pair, ";") {
			return values, true
		}
		values[key] = append(values[key], value)
	}
	return values, false
}

func referenceField(v reflect.Value, f reflect.StructField, options, values []string) string {
	isText := reflect.PointerTo(v.Type()).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) && v.Type() != reflect.TypeFor[time.Time]()
	list := v.Kind() == reflect.Slice && !isText
	csv := slices.Contains(options[1:], "csv")
	pointer := v.Kind() == reflect.Pointer
	if len(values) == 1 && values[0] == "" && pointer && v.Type().Elem().Kind() != reflect.String {
		values = nil
	}
	if len(values) == 0 {
		if slices.Contains(options[1:], "required") {
			return "required"
		}
		if def, has := f.Tag.Lookup("default"); has {
			return referenceField(v, reflect.StructField{Tag: ""}, append(slices.Clone(options[:1]), options[1:]...), []string{def})
		}
		return ""
	}
	if len(values) > 1 && !list {
		return "repeated"
	}
	for _, value := range values {
		parts := []string{value}
		if csv {
			if parts = strings.Split(value, ","); value == "" {
				parts = nil
			}
		}
		for _, part := range parts {
			if csv {
				part = strings.TrimSpace(part)
			}
			target := v
			switch {
			case pointer:
				target = reflect.New(v.Type().Elem()).Elem()
			case list:
				target = reflect.New(v.Type().Elem()).Elem()
			}
			if code := referenceScalar(target, part); code != "" {
				return code
			}
			switch {
			case pointer:
				v.Set(target.Addr())
			case list:
				v.Set(reflect.Append(v, target))
			}
		}
	}
	return ""
}

func referenceScalar(v reflect.Value, s string) string {
	fail := func(err error) string {
		if err == nil {
			return ""
		}
		if n, ok := err.(*strconv.NumError); ok && n.Err == strconv.ErrRange {
			return "out_of_range"
		}
		return "invalid_type"
	}
	switch target := v.Addr().Interface().(type) {
	case *time.Time:
		parsed, err := time.Parse(time.DateOnly, s)
		if err == nil {
			*target = parsed
		}
		return fail(err)
	case *time.Duration:
		parsed, err := time.ParseDuration(s)
		if err == nil {
			*target = parsed
		} else {
			return "invalid_type"
		}
		return ""
	case encoding.TextUnmarshaler:
		if target.UnmarshalText([]byte(s)) != nil {
			return "invalid_type"
		}
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(s) {
			return "invalid_utf8"
		}
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return "invalid_type"
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return fail(err)
		}
		if s[0] == '+' {
			return "invalid_type"
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		if err != nil {
			if rest, negative := strings.CutPrefix(s, "-"); negative {
				if _, err := strconv.ParseUint(rest, 10, 64); err == nil {
					return "out_of_range"
				}
			}
			return fail(err)
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil {
			return fail(err)
		}
		if math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(s, "xX") {
			return "invalid_type"
		}
		v.SetFloat(n)
	}
	return ""
}

// compare binds one request both ways.
func compare(t *testing.T, plan *Plan, query, header, headers, cookie string) {
	t.Helper()
	hr := httptest.NewRequest("GET", "/", nil)
	hr.URL.RawQuery = query
	hr.Header["X-H"] = strings.Split(header, "\n")
	hr.Header["X-Hs"] = strings.Split(headers, "\n")
	hr.Header["Cookie"] = strings.Split(cookie, "\n")
	if header == "" {
		delete(hr.Header, "X-H")
	}
	if headers == "" {
		delete(hr.Header, "X-Hs")
	}

	var ours, theirs every
	var got []string
	for _, f := range plan.Bind(TargetOf(&ours), hr, false) {
		got = append(got, strings.Join([]string{string(f.Source), f.Name, f.Code}, " "))
	}
	want := reference(reflect.ValueOf(&theirs).Elem(), hr)
	if slices.Contains(want, "query  malformed") { // the rest of the query is not looked at, and what came before it is
		if !slices.Contains(got, "query  malformed") {
			t.Fatalf("%q: got %q, want malformed", query, got)
		}
		return
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%q %q %q %q:\ngot  %q\nwant %q", query, header, headers, cookie, got, want)
	}
	if len(want) == 0 && !reflect.DeepEqual(ours, theirs) {
		t.Fatalf("%q:\ngot  %+v\nwant %+v", query, ours, theirs)
	}
}

var seeds = [][4]string{
	{"u=1", "", "", ""},
	{"u=1&b=true&i=-5&i8=127&i16=1&i32=3&i64=1&i64=-2&u8=3,4&f32=1.5&f64=2e3&s=a+b&w=x&pw=&ss=a,b&t=2026-01-02&d=1h&x=ff&px=1&xs=a,b&deep=7&deeps=true&deeps=false", "5", "1, 2\n3", "c=v; ci=4"},
	{"u=-1&b=x&i8=300&i32=&f64=NaN&t=x&d=x&x=zz&ss=%ff", "300", "x", "c=a; c=b; ci=x"},
	{"u=1&u=2&s=%zz", "1\n2", "", ""},
	{"u=1;i=2", "", "", ""},
	{"&&u=1&=x&s", "", ",", "c=\"q\""},
	{"%75=1&u8=&ss=,&xs=", "", "", "c"},
	{"u=99999999999999999999&f32=1e39&i64=9223372036854775808", "-129", "65536", "ci=-"},
}

func TestBindAgreesWithReflection(t *testing.T) {
	plan := compiled(t)
	for _, s := range seeds {
		compare(t, plan, s[0], s[1], s[2], s[3])
	}
}

func FuzzBind(f *testing.F) {
	for _, s := range seeds {
		f.Add(s[0], s[1], s[2], s[3])
	}
	plan := compiled(f)
	f.Fuzz(func(t *testing.T, query, header, headers, cookie string) {
		compare(t, plan, query, header, headers, cookie)
	})
}

func TestBindAllocatesNothingForValues(t *testing.T) {
	type plain struct {
		ID     int     `path:"id"`
		Limit  int8    `query:"limit"`
		Exact  bool    `query:"exact"`
		Price  float64 `query:"price"`
		Tenant string  `header:"X-Tenant"`
	}
	plan, problems := Compile(reflect.TypeFor[plain](), noTypes)
	require.Empty(t, problems)
	hr := httptest.NewRequest("GET", "/?limit=5&exact=true&price=1.5&x=y", nil)
	hr.SetPathValue("id", "7")
	hr.Header.Set("X-Tenant", "acme")
	var v plain
	assert.Zero(t, testing.AllocsPerRun(100, func() { plan.Bind(TargetOf(&v), hr, false) }))
	assert.Equal(t, plain{7, 5, true, 1.5, "acme"}, v)
}

func TestBoxedSharesMemoryWhereItMay(t *testing.T) {
	type two struct{ a, b int }
	type one struct{ p *int }
	n := 5
	for _, v := range []any{&two{1, 2}, &one{&n}, new(int), &[]int{1}, &map[string]int{"a": 1}, new(*int), new(any), &struct{}{}, &[1]*int{&n}, &[2]int{1, 2}, new(string)} {
		t.Run(fmt.Sprintf("%T", v), func(t *testing.T) {
			box := Boxed(reflect.TypeOf(v).Elem())
			assert.Equal(t, reflect.ValueOf(v).Elem().Interface(), box(v))
		})
	}
	v := &two{1, 2}
	box := Boxed(reflect.TypeFor[two]())
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = box(v) }))
}

func TestAStructNamesUpTo64QueryParameters(t *testing.T) {
	wide := func(n int) reflect.Type {
		fields := make([]reflect.StructField, n)
		for i := range fields {
			fields[i] = reflect.StructField{
				Name: fmt.Sprintf("F%d", i), Type: reflect.TypeFor[int](),
				Tag: reflect.StructTag(fmt.Sprintf(`query:"f%d"`, i)),
			}
		}
		return reflect.StructOf(fields)
	}

	plan, problems := Compile(wide(64), noTypes)
	require.Empty(t, problems)
	v := reflect.New(wide(64))
	failures := plan.Bind(TargetOf(v.Interface()), httptest.NewRequest("GET", "/?f63=5&f0=6&f62=1&f62=2", nil), false)
	require.Len(t, failures, 1)
	assert.Equal(t, "f62", failures[0].Name)
	assert.EqualValues(t, 6, v.Elem().Field(0).Int())
	assert.EqualValues(t, 5, v.Elem().Field(63).Int())

	_, problems = Compile(wide(66), noTypes)
	require.Len(t, problems, 1)
	assert.Equal(t, "there are more than 64 query parameters", problems[0].Text)
}
