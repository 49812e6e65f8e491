package extraction_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type line struct {
	SKU string `json:"sku" validate:"required"`
	N   int    `json:"n" validate:"required"`
}

type homed struct {
	Home line `json:"home" validate:"required"`
}

type lines struct {
	A []line `json:"a" validate:"dive,required"`
}

type span struct {
	Start int `json:"start"`
	End   int `json:"end" validate:"required,gtfield=Start"`
}

type secret struct {
	Password string `json:"password" validate:"required"`
	Again    string `json:"again" validate:"required,eqfield=Password"`
}

// coord is a key with a text form that is not what package fmt makes of it.
type coord [2]byte

func (c coord) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d-%d", c[0], c[1]), nil }

func (c *coord) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d-%d", &c[0], &c[1])
	return err
}

type ruleRow struct {
	name string
	send func(string, ...string) reply
	body string
	want string // the errors of the 422, "" for none
}

func (row ruleRow) run(t *testing.T, headers ...string) {
	t.Helper()
	t.Run(row.name, func(t *testing.T) {
		got := row.send(row.body, headers...)
		status := 422
		if row.want == "" {
			status = 200
		}
		assert.Equal(t, status, got.status, got.body)
		assert.Equal(t, row.want, got.errors)
	})
}

func TestRequiredAsksWhetherAValueWasSentAndTheOtherRulesAreAskedToo(t *testing.T) {
	type embeds struct {
		line `json:"c"`
	}
	for _, row := range []ruleRow{
		{"a zero is held against another field", route(t, accept[span]), `{"start":5,"end":0}`, "body /end gtfield"},
		{"an empty text is held against another field", route(t, accept[secret]), `{"password":"x","again":""}`, "body /again eqfield"},
		{"what is required within an empty object is asked for", route(t, accept[homed]), `{"home":{}}`, "body /home/sku required, body /home/n required"},
		{"an object of explicit zeros is complete", route(t, accept[homed]), `{"home":{"sku":"","n":0}}`, ""},
		{"an absent object is missing itself", route(t, accept[homed]), `{}`, "body /home required"},
		{"so is null", route(t, accept[homed]), `{"home":null}`, "body /home required"},
		{"and within an empty object behind a pointer", route(t, accept[struct {
			A *homed `json:"a" validate:"required"`
		}]), `{"a":{"home":{}}}`, "body /a/home/sku required, body /a/home/n required"},
		{"and within an empty element", route(t, accept[lines]), `{"a":[{}]}`, "body /a/0/sku required, body /a/0/n required"},
		{"zeros in a fixed list are there", route(t, accept[struct {
			A [2]int `json:"a" validate:"required,dive,required"`
		}]), `{"a":[0,0]}`, ""},
		{"a list with null in it lacks an element", route(t, accept[struct {
			A []*line `json:"a" validate:"dive,required"`
		}]), `{"a":[null]}`, "body /a/0 required"},
		{"so does a map", route(t, accept[struct {
			A map[string]*line `json:"a" validate:"dive,required"`
		}]), `{"a":{"x":null}}`, "body /a/x required"},
		{"an Opt that holds zero is there", route(t, accept[struct {
			A weft.Opt[int] `json:"a" validate:"required"`
		}]), `{"a":0}`, ""},
		{"an Opt that is null is not", route(t, accept[struct {
			A weft.Opt[int] `json:"a" validate:"required"`
		}]), `{"a":null}`, "body /a required"},
		{"the zero time is a time", route(t, accept[struct {
			A time.Time `json:"a" validate:"required"`
		}]), `{"a":"0001-01-01T00:00:00Z"}`, ""},
		{"an embedded struct with a name is an object", route(t, accept[embeds]), `{"c":{"n":0}}`, "body /c/sku required"},
		{"an array type with a text form is a value", route(t, accept[struct {
			A coord `json:"a" validate:"required"`
		}]), `{"a":"0-0"}`, ""},
		{"null bytes are absent", route(t, accept[struct {
			A []byte `json:"a" validate:"required"`
		}]), `{"a":null}`, "body /a required"},
		{"of duplicates the last counts", route(t, accept[line], weft.WithJSON(weft.JSONOptions{AllowDuplicates: true})), `{"sku":"x","sku":null,"n":1}`, "body /sku required"},
		{"an alternative to required is not needed where a value is there", route(t, accept[struct {
			A int `json:"a" validate:"required|min=5"`
		}]), `{"a":0}`, ""},
		{"an optional body may be required by a rule", route(t, accept[struct {
			B *line `body:"json" validate:"required"`
		}]), ``, "body required"},
		{"a body that is there and empty lacks its members", route(t, accept[struct {
			B line `body:"json" validate:"required"`
		}]), `{}`, "body /sku required, body /n required"},
	} {
		row.run(t)
	}
}

func TestRequiredInTheHeadNeverLetsAnAbsentValueThrough(t *testing.T) {
	send := route(t, func(_ context.Context, in struct {
		P *int `query:"p" validate:"required"`
	}) (int, error) {
		return *in.P, nil
	})
	opt := route(t, accept[struct {
		O weft.Opt[int] `query:"p" validate:"required"`
	}])
	head := route(t, accept[struct {
		P *bool `header:"X-P" validate:"required"`
	}])
	ruleRow{"no parameter", send, "", "query p required"}.run(t)
	ruleRow{"an empty one counts as absent for a pointer", send, "", "query p required"}.run(t, "?p=")
	ruleRow{"and for an Opt", opt, "", "query p required"}.run(t, "?p=")
	ruleRow{"and in a header field", head, "", "header X-P required"}.run(t, "", "X-P: ")
	ruleRow{"an explicit zero is there", send, "", ""}.run(t, "?p=0")
	ruleRow{"and in an Opt", opt, "", ""}.run(t, "?p=0")
}

func TestPointersAreWhatTheClientWrote(t *testing.T) {
	for _, row := range []ruleRow{
		{"keys with a text form", route(t, accept[struct {
			A map[coord]line `json:"a" validate:"dive"`
		}]), `{"a":{"1-2":{"sku":"","n":0},"3-4":{"n":1}}}`, "body /a/3-4/sku required"},
		{"keys that are integers", route(t, accept[struct {
			A map[int8]weft.Opt[line] `json:"a" validate:"dive"`
		}]), `{"a":{"-5":{"n":1}}}`, "body /a/-5/sku required"},
		{"keys that are times", route(t, accept[struct {
			A map[time.Time]line `json:"a" validate:"dive"`
		}]), `{"a":{"2026-01-02T03:04:05Z":{"n":1}}}`, "body /a/2026-01-02T03:04:05Z/sku required"},
		{"a list of Opts", route(t, accept[struct {
			A []weft.Opt[line] `json:"a" validate:"dive"`
		}]), `{"a":[null,{"n":1}]}`, "body /a/1/sku required"},
		{"an Opt of a pointer", route(t, accept[struct {
			A weft.Opt[*line] `json:"a"`
		}]), `{"a":{"n":1}}`, "body /a/sku required"},
		{"an array of arrays", route(t, accept[struct {
			A [1][2]line `json:"a" validate:"dive,dive"`
		}]), `{"a":[[{"sku":"","n":0},{"n":1}]]}`, "body /a/0/1/sku required"},
		{"members of an embedded field without a name", route(t, accept[struct {
			A line `json:",embed"`
		}]), `{"n":0}`, "body /sku required"},
	} {
		row.run(t)
	}
}

func TestABodyIsValidatedWhateverItIsWrappedIn(t *testing.T) {
	const bad = `{"n":1}`
	for _, row := range []ruleRow{
		{"a pointer", route(t, accept[*line]), bad, "body /sku required"},
		{"a pointer to a pointer", route(t, accept[**line]), bad, "body /sku required"},
		{"an Opt", route(t, accept[weft.Opt[line]]), bad, "body /sku required"},
		{"an Opt of a pointer", route(t, accept[weft.Opt[*line]]), bad, "body /sku required"},
		{"a pointer to an Opt", route(t, accept[*weft.Opt[line]]), bad, "body /sku required"},
		{"an Opt of a list", route(t, accept[weft.Opt[[]line]]), "[" + bad + "]", "body /0/sku required"},
		{"an Opt of a list that is null", route(t, accept[weft.Opt[[]line]]), "null", ""},
		{"a pointer to a list that is null", route(t, accept[*[]line]), "null", ""},
		{"a list of pointers", route(t, accept[[]*line]), "[null," + bad + "]", "body /1/sku required"},
		{"a list of lists", route(t, accept[[][]line]), "[[" + bad + "]]", "body /0/0/sku required"},
		{"a map of lists", route(t, accept[map[string][]line]), `{"k":[` + bad + "]}", "body /k/0/sku required"},
		{"an Opt in a struct with tags", route(t, accept[struct {
			B weft.Opt[*line] `body:"json"`
		}]), bad, "body /sku required"},
		{"a generic Optional extractor", mounted(t, weft.Handle(accept[weft.Opt[line]]).Extract(weft.Optional(weft.JSONBody[line]()))), bad, "body /sku required"},
	} {
		row.run(t)
	}
}

// checked has a rule in a method whose name is nobody's business.
type checked struct {
	B int `json:"b"`
}

func (c checked) CheckInternal() error { return errors.New("no") }

func TestNamesOfGoFieldsStayInside(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterAlias("same", "eqfield=HiddenField")
	for name, got := range map[string]reply{
		"an alternative": route(t, accept[struct {
			HiddenField string `json:"s"`
			A           string `json:"a" validate:"eqfield=HiddenField|len=9"`
		}])(`{"s":"x","a":"z"}`),
		"an alias": route(t, accept[struct {
			HiddenField string `json:"s"`
			A           string `json:"a" validate:"same"`
		}], weft.WithValidator(v))(`{"s":"x","a":"z"}`),
		"unique by a field": route(t, accept[struct {
			A []struct {
				HiddenField string `json:"s"`
			} `json:"a" validate:"unique=HiddenField"`
		}])(`{"a":[{"s":"x"},{"s":"x"}]}`),
		"a method": route(t, accept[struct {
			A checked `json:"a" validate:"validateFn=CheckInternal"`
		}])(`{"a":{"b":1}}`),
		"a rule with conditions": route(t, accept[struct {
			HiddenField string `json:"s"`
			A           string `json:"a" validate:"required_if=HiddenField x"`
		}])(`{"s":"x"}`),
	} {
		assert.Equal(t, 422, got.status, name)
		assert.NotContains(t, got.body, "HiddenField", name)
		assert.NotContains(t, got.body, "CheckInternal", name)
	}
}

func TestNoValueOfAClientIsADefectOfTheServer(t *testing.T) {
	type anything struct {
		A any `json:"a" validate:"min=3"`
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	require.NoError(t, v.RegisterValidation("sibling", func(fl validator.FieldLevel) bool { return fl.Parent().FieldByName("B").Int() == 1 }))
	far := func(_ context.Context, in struct {
		At time.Time `query:"at" layout:"unix"`
	}) (time.Time, error) {
		return in.At, nil
	}
	for name, got := range map[string]reply{
		"a bool where a rule expects a size": route(t, accept[anything])(`{"a":true}`),
		"an object where one does":           route(t, accept[anything])(`{"a":{"b":{}}}`),
		"a number where a rule lists words": route(t, accept[struct {
			A any `json:"a" validate:"oneof=a b"`
		}])(`{"a":1.5}`),
		"objects in a list of anything that are to be unique": route(t, accept[struct {
			A []any `json:"a" validate:"unique"`
		}])(`{"a":[{},{}]}`),
		"a zero where a rule looks at the struct around it": route(t, accept[struct {
			A int `json:"a" validate:"required,sibling"`
			B int `json:"b"`
		}], weft.WithValidator(v))(`{"a":0,"b":1}`),
		"a time in a year that no text form has": route(t, far)("", "?at=99999999999999"),
		"a rule of a list of lists": route(t, accept[struct {
			A weft.Opt[[]string] `json:"a" validate:"omitnil,unique"`
		}])(`{"a":["x","x"]}`),
		"no values at all":  route(t, accept[anything])(`{"a":null}`),
		"a list of nothing": route(t, accept[[]*line])(`[null,null]`),
		"deep recursion":    route(t, accept[tree])(strings.Repeat(`{"children":[`, 4000) + `{"name":"x"}` + strings.Repeat(`]}`, 4000)),
	} {
		assert.Less(t, got.status, 500, name)
	}
}

type tree struct {
	Name     string  `json:"name"`
	Children []*tree `json:"children" validate:"dive"`
}

func TestAnAliasOfRequiredMeansPresent(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterAlias("needed", "required")
	send := route(t, accept[struct {
		A int `json:"a" validate:"needed"`
	}], weft.WithValidator(v))
	ruleRow{"zero", send, `{"a":0}`, ""}.run(t)
	ruleRow{"absent", send, `{}`, "body /a needed"}.run(t)
}

// weft reads the rules from validate tags, so a validator that does not is refused.
func TestAValidatorWithATagOfItsOwn(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.SetTagName("binding")
	_, err := weft.New(weft.WithValidator(v)).Plan()
	assert.ErrorContains(t, err, "reads another tag than validate")
}

// The time for a body of rejected values grows with the body, not with its square:
// 16 times the values may take 100 times the time, not 256 times.
func TestTheCostOfARefusalGrowsWithTheBody(t *testing.T) {
	zeros := func(n int) string { return `{"a":[` + strings.Repeat("0,", n-1) + `0]}` }
	entries := func(n int) string {
		m := map[string]string{}
		for i := range n {
			m[strconv.Itoa(i)] = "a"
		}
		body, err := json.Marshal(map[string]any{"a": m})
		require.NoError(t, err)
		return string(body)
	}
	strict := mounted(t, weft.Handle(accept[struct {
		N int `query:"n"`
	}]).StrictQuery())
	for name, run := range map[string]func(n int) func(){
		"zeros that are required": func(n int) func() {
			send, body := route(t, accept[struct {
				A []int `json:"a" validate:"dive,required"`
			}]), zeros(n)
			return func() { send(body) }
		},
		"entries of a map": func(n int) func() {
			send, body := route(t, accept[struct {
				A map[string]string `json:"a" validate:"dive,min=3"`
			}]), entries(n)
			return func() { send(body) }
		},
		"unknown and repeated parameters": func(n int) func() {
			query := "?n=1&" + strings.Repeat("a&", n) + strings.Repeat("n&", n)
			return func() { strict("", query) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			took := func(n int) time.Duration {
				once, best := run(n), time.Hour
				for range 3 {
					start := time.Now()
					once()
					best = min(best, time.Since(start))
				}
				return best
			}
			small, large := took(250), took(4000)
			assert.Less(t, large, 100*small, "250: %v, 4000: %v", small, large)
		})
	}
}

// An answer does not list without end: a few bytes of a request must not become many of an answer.
func TestAnAnswerListsABoundedNumberOfErrors(t *testing.T) {
	list := route(t, accept[[]line])("[" + strings.Repeat("{},", 4000) + "{}]")
	assert.Less(t, len(list.body), 64<<10, "422")
	strict := mounted(t, weft.Handle(accept[struct {
		N int `query:"n"`
	}]).StrictQuery())("", "?"+strings.Repeat("a&", 10_000))
	assert.Less(t, len(strict.body), 64<<10, "400")
}
