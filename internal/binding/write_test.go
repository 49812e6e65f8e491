package binding

import (
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rank has a text form by its value, and none below zero.
type rank int16

func (r rank) MarshalText() ([]byte, error) {
	if r < 0 {
		return nil, errors.New("below zero")
	}
	return []byte("rank " + strconv.Itoa(int(r))), nil
}

// pair has a text form by its pointer, and says itself when it is zero.
type pair struct{ left string }

func (p *pair) AppendText(b []byte) ([]byte, error) { return append(b, p.left...), nil }
func (p pair) IsZero() bool                         { return p.left == "zero" }

// cube is only zero where all of it is.
type cube struct {
	B  bool
	N  [2]int32
	S  string
	P  *int
	I  any
	L  []int
	C  complex64
	C2 complex128
	F  func()
	R  rank
	U  uint16
}

func (c cube) MarshalText() ([]byte, error) { return []byte("cube " + c.S), nil }

type stamp time.Time

type label string

// maybe is a wrapper as Opt is one.
type maybe[T any] struct {
	Value T
	There uint8
}

func (maybe[T]) wrapped() reflect.Type { return reflect.TypeFor[T]() }

var maybeTypes = Types{
	Wrapper: func(t reflect.Type) (Wrapper, bool) {
		m, ok := reflect.Zero(t).Interface().(interface{ wrapped() reflect.Type })
		if !ok {
			return Wrapper{}, false
		}
		return Wrapper{Elem: m.wrapped(), Value: t.Field(0).Offset, State: t.Field(1).Offset, There: 2}, true
	},
	Itself: func(reflect.Type) bool { return false },
}

type innerOut struct {
	Deep  *uint32 `header:"Deep"`
	Deeps []bool  `header:"Deeps"`
}

// everyOut has a field of every kind, shape and option.
type everyOut struct {
	Status uint16          `status:"201"`
	B      bool            `header:"B"`
	BZ     bool            `header:"Bz,omitzero"`
	I      int             `header:"I"`
	IZ     int             `header:"Iz,omitzero"`
	I8     small           `header:"I8"`
	I8Z    small           `header:"I8z,omitzero"`
	I16    []int16         `header:"I16"`
	I32    *int32          `header:"I32"`
	I64    int64           `header:"I64,omitzero"`
	U      uint            `header:"U,omitzero"`
	U8     []uint8         `header:"U8,csv"`
	U16    maybe[uint16]   `header:"U16"`
	U32    uint32          `header:"U32,omitzero"`
	U64    *uint64         `header:"U64"`
	F32    float32         `header:"F32"`
	F64    []float64       `header:"F64"`
	FZ     float64         `header:"Fz,omitzero"`
	S      string          `header:"S"`
	SS     []string        `header:"Ss"`
	W      label           `header:"W,omitzero"`
	PW     *label          `header:"Pw"`
	WS     []label         `header:"Ws,csv"`
	T      time.Time       `header:"T"`
	TZ     time.Time       `header:"Tz" layout:"RFC3339"`
	TD     *time.Time      `header:"Td" layout:"DateOnly"`
	TS     []time.Time     `header:"Ts,csv" layout:"unix"`
	TM     maybe[stamp]    `header:"Tm" layout:"unixmilli"`
	D      time.Duration   `header:"D"`
	R      rank            `header:"R"`
	RS     []rank          `header:"Rs,csv"`
	X      pair            `header:"X,omitzero"`
	PX     *pair           `header:"Px"`
	XS     []pair          `header:"Xs"`
	Q      cube            `header:"Q,omitzero"`
	MP     maybe[*string]  `header:"Mp"`
	ML     maybe[[]string] `header:"Ml,csv"`
	MZ     maybe[int]      `header:"Mz,omitzero"`
	Set    string          `header:"Set-Cookie"`
	C      http.Cookie     `cookie:"c"`
	PC     *http.Cookie    `cookie:"pc"`
	SC     label           `cookie:"sc"`
	_      string          // is nobody's business
	innerOut
	Body []byte `body:"raw"`
}

// referenceOutput writes by reflection alone, a field at a time, as simply as
// the rules allow: what FuzzWrite holds the compiled writer against.
func referenceOutput(v reflect.Value) (lines []Line, err error) {
	for f, field := range fieldsOf(v) {
		name, options, _ := strings.Cut(cmp.Or(f.Tag.Get("header"), f.Tag.Get("cookie")), ",")
		if name == "" || strings.Contains(options, "omitzero") && referenceZero(field) {
			continue
		}
		if _, isCookie := f.Tag.Lookup("cookie"); isCookie {
			line, err := referenceCookie(field, name)
			if err != nil {
				return nil, err
			}
			if line != "" {
				lines = append(lines, Line{"Set-Cookie", line})
			}
			continue
		}
		if strings.HasPrefix(field.Type().Name(), "maybe[") {
			if field.Field(1).Uint() != 2 {
				continue
			}
			field = field.Field(0)
		}
		if field.Kind() == reflect.Pointer {
			if field.IsNil() {
				continue
			}
			field = field.Elem()
		}
		values := []reflect.Value{field}
		if field.Kind() == reflect.Slice {
			values = nil
			for i := range field.Len() {
				values = append(values, field.Index(i))
			}
		}
		var texts []string
		for _, value := range values {
			text, err := referenceText(value, f.Tag.Get("layout"))
			if err != nil {
				return nil, err
			}
			if text != "" {
				texts = append(texts, text)
			}
		}
		if strings.Contains(options, "csv") && len(texts) > 0 {
			texts = []string{strings.Join(texts, ", ")}
		}
		for _, text := range texts {
			lines = append(lines, Line{name, text})
		}
	}
	return lines, nil
}

func referenceZero(v reflect.Value) bool {
	if own, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return own.IsZero()
	}
	return v.IsZero()
}

func referenceCookie(v reflect.Value, name string) (string, error) {
	var c http.Cookie
	switch value := v.Interface().(type) {
	case http.Cookie:
		if reflect.ValueOf(value).IsZero() {
			return "", nil
		}
		c = value
	case *http.Cookie:
		if value == nil {
			return "", nil
		}
		c = *value
	default:
		if v.Len() == 0 {
			return "", nil
		}
		c = http.Cookie{Value: v.String(), Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
	}
	c.Name = cmp.Or(c.Name, name)
	if c.Name != name {
		return "", errors.New("another name")
	}
	if err := c.Valid(); err != nil {
		return "", err
	}
	return c.String(), nil
}

func referenceText(v reflect.Value, layout string) (string, error) {
	if moment, ok := v.Interface().(stamp); ok {
		return referenceTime(time.Time(moment), layout)
	}
	switch value := v.Addr().Interface().(type) {
	case *time.Time:
		return referenceTime(*value, layout)
	case *time.Duration:
		return value.String(), nil
	case encoding.TextAppender:
		text, err := value.AppendText(nil)
		return string(text), err
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		return string(text), err
	}
	switch v.Kind() {
	case reflect.Float32:
		text, err := json.Marshal(float32(v.Float()))
		return string(text), err
	case reflect.Float64:
		text, err := json.Marshal(v.Float())
		return string(text), err
	}
	return fmt.Sprint(v), nil
}

func referenceTime(v time.Time, layout string) (string, error) {
	utc := v.In(time.UTC)
	switch {
	case v.IsZero():
		return "", nil
	case v.Year() < 0 || v.Year() > 9999 || utc.Year() < 0 || utc.Year() > 9999:
		return "", errors.New("year")
	case layout == "unix":
		return strconv.FormatInt(v.Unix(), 10), nil
	case layout == "unixmilli":
		return strconv.FormatInt(v.UnixMilli(), 10), nil
	case layout == "DateOnly":
		return fmt.Sprintf("%04d-%02d-%02d", utc.Year(), utc.Month(), utc.Day()), nil
	case layout == "RFC3339":
		return v.Format(time.RFC3339), nil
	}
	return fmt.Sprintf("%s, %02d %s %04d %02d:%02d:%02d GMT", utc.Weekday().String()[:3], utc.Day(), utc.Month().String()[:3], utc.Year(), utc.Hour(), utc.Minute(), utc.Second()), nil
}

// source gives out bytes, and zeros when they have run out.
type source struct{ bytes []byte }

func (s *source) next() byte {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return b
}

func (s *source) number() (n uint64) {
	switch b := s.next(); {
	case b < 0x80:
		return uint64(b & 3)
	case b < 0xC0:
		return uint64(s.next())
	}
	for range 8 {
		n = n<<8 | uint64(s.next())
	}
	return n
}

func (s *source) text() string {
	n := min(int(s.next()%8), len(s.bytes))
	if n == 7 {
		return "zero" // which a pair takes for its zero value
	}
	text := string(s.bytes[:n])
	s.bytes = s.bytes[n:]
	return text
}

// fill sets v to something.
func (s *source) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time, stamp:
		n := s.number()
		moment := time.Unix(int64(n)%(1<<39), int64(s.next())*1e6)
		switch n {
		case 0:
			return
		case 2: // whether the year has four digits is a matter of the zone
			moment = time.Date(0, 1, 1, 0, 0, int(int8(s.next())), 0, time.UTC)
		case 3:
			moment = time.Date(10000, 1, 1, 0, 0, int(int8(s.next())), 0, time.UTC)
		}
		v.Set(reflect.ValueOf(moment.In(time.FixedZone("", int(int8(s.next()))*60))).Convert(v.Type()))
		return
	case http.Cookie:
		if s.next()&1 == 1 {
			v.Set(reflect.ValueOf(http.Cookie{Name: []string{"", "c", "pc", "x"}[s.next()&3], Value: s.text(), MaxAge: int(s.next())}))
		}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(s.next()&1 == 1)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(s.number()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(s.number())
	case reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(uint32(s.number()))))
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(s.number()))
	case reflect.Complex64, reflect.Complex128:
		v.SetComplex(complex(0, float64(s.next()&1)))
	case reflect.String:
		v.SetString(s.text())
	case reflect.Pointer:
		if s.next()&1 == 1 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(v.Elem())
		}
	case reflect.Slice:
		if n := int(s.next() & 7); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n))
			for i := range n - 1 {
				s.fill(v.Index(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			s.fill(v.Index(i))
		}
	case reflect.Interface:
		if s.next()&1 == 1 {
			v.Set(reflect.ValueOf(0))
		}
	case reflect.Func:
		if s.next()&1 == 1 {
			v.Set(reflect.ValueOf(func() {}))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			s.fill(reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem())
		}
	}
}

func compiledOutput(t testing.TB, of reflect.Type) *Output {
	t.Helper()
	output, problems := CompileOutput(of, maybeTypes)
	require.Empty(t, problems)
	return output
}

// compareOutput writes one value both ways.
func compareOutput(t *testing.T, output *Output, data []byte) {
	t.Helper()
	var v everyOut
	(&source{data}).fill(reflect.ValueOf(&v).Elem())
	want, wantErr := referenceOutput(reflect.ValueOf(&v).Elem())
	got, err := output.AppendLines(nil, TargetOf(&v))
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%+v:\ngot error  %v\nwant error %v", v, err, wantErr)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v:\ngot  %q\nwant %q", v, got, want)
	}
	if status := output.Status(TargetOf(&v)); status != int64(v.Status) {
		t.Fatalf("got status %d, want %d", status, v.Status)
	}
	body, err := output.Body.Bytes(TargetOf(&v))
	if err != nil || !slices.Equal(body, v.Body) {
		t.Fatalf("got body %q, %v, want %q", body, err, v.Body)
	}
}

var outputSeeds = [][]byte{
	nil,
	[]byte(strings.Repeat("\x01", 300)),
	[]byte(strings.Repeat("\xff\x01", 300)),
	[]byte(strings.Repeat("\x03abc\x81", 200)),
	[]byte(strings.Repeat("\x81\x01\x02", 200)),
	[]byte(strings.Repeat("\x00\x80\x00", 200)),
}

func TestWriteAgreesWithReflection(t *testing.T) {
	output := compiledOutput(t, reflect.TypeFor[everyOut]())
	for _, data := range outputSeeds {
		compareOutput(t, output, data)
	}
	for seed := range 20_000 { // most of them without an error in any field
		data := make([]byte, 200)
		for i := range data {
			seed = seed*1103515245 + 12345
			if data[i] = byte(seed >> 16); i%5 != 0 {
				data[i] &= 0x7f
			}
		}
		compareOutput(t, output, data)
	}
}

func FuzzWrite(f *testing.F) {
	for _, data := range outputSeeds {
		f.Add(data)
	}
	output := compiledOutput(f, reflect.TypeFor[everyOut]())
	f.Fuzz(func(t *testing.T, data []byte) { compareOutput(t, output, data) })
}

func TestWritingAllocatesNothingForTextsThatAreThere(t *testing.T) {
	type plain struct {
		Status   int           `status:""`
		Location string        `header:"Location"`
		Small    int           `header:"Small"`
		Exact    bool          `header:"Exact"`
		Opt      maybe[string] `header:"Opt"`
		List     []string      `header:"List"`
		Absent   *time.Time    `header:"Absent"`
	}
	output := compiledOutput(t, reflect.TypeFor[plain]())
	v := plain{201, "/1", 7, true, maybe[string]{"x", 2}, []string{"a", "b"}, nil}
	lines := make([]Line, 0, 8)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		lines, _ = output.AppendLines(lines[:0], TargetOf(&v))
	}))
	assert.Equal(t, []Line{{"Location", "/1"}, {"Small", "7"}, {"Exact", "true"}, {"Opt", "x"}, {"List", "a"}, {"List", "b"}}, lines)
}

func TestBytesOfABodyAreACopy(t *testing.T) {
	v := everyOut{Body: []byte("abc")}
	body, err := compiledOutput(t, reflect.TypeFor[everyOut]()).Body.Bytes(TargetOf(&v))
	require.NoError(t, err)
	v.Body[0] = 'X'
	assert.Equal(t, "abc", string(body))
}

func TestWhichStructsAreOutputs(t *testing.T) {
	type base struct {
		Code int `status:""`
	}
	type cycle struct {
		*everyOut
		Next *base
	}
	type self struct{ *self }
	for _, row := range []struct {
		name string
		of   any
		want bool
	}{
		{"a tagged field", base{}, true},
		{"a tagged field of an embedded struct", struct{ base }{}, true},
		{"a tagged field behind an embedded pointer", cycle{}, true},
		{"a tagged field of a field", struct{ Base base }{}, false},
		{"a tagged field that is not exported", struct {
			a string `header:"A"`
		}{}, false},
		{"tags of an input only", struct {
			A string `query:"a"`
		}{}, false},
		{"a struct that embeds itself", self{}, false},
		{"no struct", 5, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.want, TaggedOutput(reflect.TypeOf(row.of)))
		})
	}
}
