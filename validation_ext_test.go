package weft_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type named struct {
	First string `json:"first" validate:"required"`
	Last  string `json:"last,omitempty" validate:"omitempty,max=5"`
}

type line struct {
	SKU      string `json:"sku" validate:"required,uppercase"`
	Quantity int    `json:"quantity" validate:"required,min=-5"`
}

type page[T any] struct {
	Items []T `json:"items" validate:"dive"`
}

type draft struct {
	named
	Lines  []line                `json:"lines" validate:"required,min=1,dive"`
	Sizes  map[string]line       `json:"sizes" validate:"dive,keys,min=1,endkeys"`
	Tags   []string              `json:"tags" validate:"dive,required,min=2"`
	Gift   *bool                 `json:"gift" validate:"required"`
	Urgent bool                  `json:"urgent" validate:"required"`
	Home   weft.Opt[named]       `json:"home"`
	Note   weft.Opt[string]      `json:"note" validate:"omitnil,min=3"`
	Page   page[page[line]]      `json:"page"`
	Any    any                   `json:"any"`
	Deep   *struct{ Line *line } `json:"deep"`
	Same   string                `validate:"omitempty,eqfield=First"`
}

const goodDraft = `"first":"A","lines":[{"sku":"X","quantity":0}],"gift":false,"urgent":false`

func TestBrokenRulesAreNamedByTheirPlaceInTheBody(t *testing.T) {
	app, log := newApp()
	app.Handle("POST /draft", weft.Handle(func(context.Context, draft) (string, error) { return "fine", nil }))
	app.Handle("POST /lines", weft.Handle(func(context.Context, []line) (string, error) { return "fine", nil }))
	app.Handle("POST /map", weft.Handle(func(context.Context, map[string]line) (string, error) { return "fine", nil }))
	app.Handle("POST /maybe", weft.Handle(func(context.Context, weft.Opt[line]) (string, error) { return "fine", nil }))
	app.Handle("POST /pointer", weft.Handle(func(context.Context, *line) (string, error) { return "fine", nil }))
	site := serve(t, app)
	for _, row := range []struct{ name, path, body, want string }{
		{"nothing is wrong", "/draft", `{` + goodDraft + `}`, ""},
		{"explicit zeros are present", "/draft", `{` + goodDraft + `}`, ""},
		{"nothing is there", "/draft", `{}`, "body /first required, body /lines required, body /gift required, body /urgent required"},
		{"null counts as absent", "/draft", `{"first":null,"lines":null,"gift":null,"urgent":null}`, "body /first required, body /lines required, body /gift required, body /urgent required"},
		{"present and empty has other rules", "/draft", `{"first":"","lines":[],"gift":true,"urgent":true}`, "body /lines min"},
		{"an embedded struct has no name", "/draft", `{` + goodDraft + `,"last":"too long"}`, "body /last max"},
		{"in a list", "/draft", `{"first":"A","lines":[{"sku":"X","quantity":1},{"sku":"x","quantity":-6},{}],"gift":true,"urgent":true}`, "body /lines/1/sku uppercase, body /lines/1/quantity min, body /lines/2/sku required, body /lines/2/quantity required"},
		{"in a map with odd keys", "/draft", `{` + goodDraft + `,"sizes":{"a.b":{"quantity":1},"c]/~[":{"sku":"x","quantity":1},"a":{"sku":"X","quantity":0}}}`, "body /sizes/a.b/sku required, body /sizes/c]~1~0[/sku uppercase"},
		{"an element that is present and empty", "/draft", `{` + goodDraft + `,"tags":["ok",""]}`, "body /tags/1 min"},
		{"inside an Opt", "/draft", `{` + goodDraft + `,"home":{"last":"too long"}}`, "body /home/first required, body /home/last max"},
		{"an Opt that is null has no rules", "/draft", `{` + goodDraft + `,"home":null,"note":null}`, ""},
		{"the value of an Opt", "/draft", `{` + goodDraft + `,"note":"ab"}`, "body /note min"},
		{"types with dots in their names", "/draft", `{` + goodDraft + `,"page":{"items":[{"items":[{"sku":"X","quantity":1},{"sku":"","quantity":1}]}]}}`, "body /page/items/0/items/1/sku uppercase"},
		{"behind nil pointers", "/draft", `{` + goodDraft + `,"deep":{"Line":{"quantity":1}}}`, "body /deep/Line/sku required"},
		{"another field", "/draft", `{` + goodDraft + `,"Same":"B"}`, "body /Same eqfield"},
		{"a list as the body", "/lines", `[{"sku":"X","quantity":1},{}]`, "body /1/sku required, body /1/quantity required"},
		{"a map as the body", "/map", `{"k":{"sku":"x","quantity":1}}`, "body /k/sku uppercase"},
		{"an optional body", "/maybe", `{"sku":"x","quantity":0}`, "body /sku uppercase"},
		{"an optional body that is absent", "/maybe", ``, ""},
		{"a pointer", "/pointer", `{"sku":"x","quantity":0}`, "body /sku uppercase"},
		{"a pointer to nothing", "/pointer", `null`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := site.send("POST", row.path, row.body)
			assert.Empty(t, log.errors())
			if row.want == "" {
				assert.Equal(t, 200, got.status, got.body)
				return
			}
			assertProblem(t, got, 422)
			assert.Equal(t, row.want, sorted(fieldErrors(t, got), row.want))
			assert.Contains(t, got.body, `"code":"validation_failed"`)
		})
	}
}

// sorted puts the parts of got into the order of want, where they are the same: maps have none.
func sorted(got, want string) string {
	if parts := strings.Split(got, ", "); assert.ObjectsAreEqual(len(parts), len(strings.Split(want, ", "))) {
		for _, p := range parts {
			if !strings.Contains(want, p) {
				return got
			}
		}
		return want
	}
	return got
}

func TestRulesOfTheHeadNameTheParameter(t *testing.T) {
	type list struct {
		paging
		Limit2 int    `query:"limit2" validate:"required,min=1,max=100"`
		Tenant string `header:"X-Tenant" validate:"required,min=3"`
		ID     string `path:"id" validate:"len=2"`
		Order  line   `body:"json"`
	}
	app, _ := newApp()
	app.Handle("POST /x/{id}", weft.Handle(func(context.Context, list) (string, error) { return "fine", nil }))
	site := serve(t, app)
	const order = `{"sku":"X","quantity":1}`
	assert.Equal(t, 200, site.send("POST", "/x/ab?limit2=1", order, "X-Tenant: abc").status)
	got := site.send("POST", "/x/abc", `{"sku":"x"}`)
	assertProblem(t, got, 422)
	assert.Equal(t, "query limit2 required, header X-Tenant required, path id len, body /sku uppercase, body /quantity required", fieldErrors(t, got))
	got = site.send("POST", "/x/ab?limit2=0", order, "X-Tenant: ")
	assert.Equal(t, "query limit2 min, header X-Tenant min", fieldErrors(t, got), "present, so other rules speak")
}

func TestTheRejectedValueIsNeverEchoed(t *testing.T) {
	type login struct {
		Password string `json:"password" validate:"min=20"`
	}
	app, _ := newApp()
	app.Handle("POST /login", weft.Handle(func(context.Context, login) (string, error) { return "", nil }))
	got := serve(t, app).send("POST", "/login", `{"password":"hunter2"}`)
	assert.JSONEq(t, `{"title":"Unprocessable Entity","status":422,"code":"validation_failed","detail":"The request is not valid: see errors.",
		"errors":[{"source":"body","pointer":"/password","code":"min","message":"must be at least 20 characters long","params":{"param":"20"}}]}`, got.body)
}

func TestAValidatorOfYourOwn(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled())
	require.NoError(t, v.RegisterValidation("even", func(fl validator.FieldLevel) bool { return fl.Field().Int()%2 == 0 }))
	v.RegisterAlias("smalleven", "even,max=10")
	v.RegisterStructValidation(func(sl validator.StructLevel) {
		if p := sl.Current().Interface().(person); p.Name == "nobody" {
			sl.ReportError(p.Name, "name", "Name", "somebody", "")
		}
	}, person{})
	type numbers struct {
		N int           `json:"n" validate:"smalleven"`
		O weft.Opt[int] `json:"o" validate:"omitnil,even"`
	}
	app, _ := newApp(weft.WithValidator(v))
	app.Handle("POST /numbers", weft.Handle(func(context.Context, numbers) (string, error) { return "fine", nil }))
	app.Handle("POST /person", weft.Handle(func(context.Context, person) (string, error) { return "fine", nil }))
	site := serve(t, app)
	assert.Equal(t, 200, site.send("POST", "/numbers", `{"n":2,"o":4}`).status)
	assert.Equal(t, "body /n smalleven, body /o even", fieldErrors(t, site.send("POST", "/numbers", `{"n":12,"o":3}`)))
	assert.Equal(t, "body /name somebody", fieldErrors(t, site.send("POST", "/person", `{"name":"nobody"}`)), "a rule without a tag")

	other, _ := newApp()
	other.Handle("POST /numbers", weft.Handle(func(context.Context, numbers) (string, error) { return "fine", nil }))
	_, err := other.Plan()
	assert.ErrorContains(t, err, "Undefined validation function 'smalleven'", "apps do not share validators")
}

func TestATypeWithoutRulesIsNotValidated(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /person", weft.Handle(echo[person]))
	plan, err := app.Plan()
	require.NoError(t, err)
	assert.NotContains(t, plan.Routes[0].Statuses, 422)
	assert.NotContains(t, plan.Routes[0].Stages[0].Detail, "validated")
}

// rated extracts itself, and has a rule inside.
type rated struct {
	Stars int `validate:"max=5"`
}

func (r *rated) FromRequest(req *weft.Request) error {
	r.Stars = len(req.Header().Get("X-Stars"))
	return nil
}

func TestRulesWithinAFieldThatExtractsItself(t *testing.T) {
	app, _ := newApp()
	app.Handle("POST /x", weft.Handle(func(_ context.Context, in struct {
		Rated rated
		Line  line `body:"json"`
	}) (string, error) {
		return "fine", nil
	}))
	site := serve(t, app)
	assert.Equal(t, 200, site.send("POST", "/x", `{"sku":"X","quantity":1}`, "X-Stars: *****").status)
	assert.Equal(t, "request max, body /sku uppercase", fieldErrors(t, site.send("POST", "/x", `{"sku":"x","quantity":1}`, "X-Stars: ******")))
}
