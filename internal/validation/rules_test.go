package validation

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func notWrapped(reflect.Type) (reflect.Type, bool) { return nil, false }

type leaf struct {
	Name string `validate:"required,min=2"`
}

type pair[K comparable, V any] struct {
	Key   K
	Value V `validate:"required"`
}

type tree struct {
	leaf
	List  []leaf            `validate:"dive"`
	Deep  [][]*leaf         `validate:"dive,dive"`
	Map   map[string]leaf   `validate:"dive"`
	Keys  map[string]string `validate:"dive,keys,min=2,endkeys,required,max=3"`
	Pair  pair[string, pair[int, leaf]]
	Words []string `validate:"dive,required,min=3"`
	Any   any
}

// path is the steps as text.
func path(steps []Step) string {
	var names []string
	for _, s := range steps {
		if s.Field.Name != "" {
			names = append(names, s.Field.Name)
		} else {
			names = append(names, "["+s.Key+"]")
		}
	}
	return strings.Join(names, ".")
}

func check(t *testing.T, value any, present func([]Step) bool) []string {
	t.Helper()
	v := validator.New(validator.WithRequiredStructEnabled())
	rules, problems := Compile(v, false, reflect.TypeOf(value), notWrapped)
	require.Empty(t, problems)
	err := rules.Check(t.Context(), value)
	if err == nil {
		return nil
	}
	failures, err := rules.Explain(t.Context(), err, value, present)
	require.NoError(t, err)
	var texts []string
	for _, f := range failures {
		texts = append(texts, path(f.Steps)+" "+f.Rule)
	}
	return texts
}

func always(present bool) func([]Step) bool { return func([]Step) bool { return present } }

func good() tree {
	return tree{leaf: leaf{"ab"}, Pair: pair[string, pair[int, leaf]]{Value: pair[int, leaf]{Key: 1, Value: leaf{"ab"}}}}
}

func TestFailuresAreFoundWhereTheyAre(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*tree)
		want   []string
	}{
		{"nothing", func(*tree) {}, nil},
		{"in an embedded struct", func(v *tree) { v.Name = "a" }, []string{"leaf.Name min"}},
		{"in a list", func(v *tree) { v.List = []leaf{{"ab"}, {"a"}, {""}} }, []string{"List.[1].Name min", "List.[2].Name required"}},
		{"in lists of lists", func(v *tree) { v.Deep = [][]*leaf{{}, {{"ab"}, {"a"}}} }, []string{"Deep.[1].[1].Name min"}},
		{"under an odd key", func(v *tree) { v.Map = map[string]leaf{"a].b[": {"a"}} }, []string{"Map.[a].b[].Name min"}},
		{"under an empty key", func(v *tree) { v.Map = map[string]leaf{"": {"a"}} }, []string{"Map.[].Name min"}},
		{"a key itself", func(v *tree) { v.Keys = map[string]string{"k": "v"} }, []string{"Keys.[k] min"}},
		{"in generic types", func(v *tree) { v.Pair.Value.Value.Name = "a" }, []string{"Pair.Value.Value.Name min"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := good()
			row.change(&v)
			assert.Equal(t, row.want, check(t, v, always(false)))
			assert.Equal(t, row.want, check(t, &v, always(false)), "by pointer")
		})
	}
}

func TestRequiredMeansPresent(t *testing.T) {
	v := good()
	v.List = []leaf{{""}}
	v.Words = []string{""}
	v.Keys = map[string]string{"key": ""}
	assert.Equal(t, []string{"List.[0].Name required", "Keys.[key] required", "Words.[0] required"}, check(t, v, always(false)))
	assert.Equal(t, []string{"List.[0].Name min", "Words.[0] min"}, check(t, v, always(true)), "the other rules of what is there are asked")
}

func TestListsAndMapsAreValidatedByTheirElements(t *testing.T) {
	assert.Equal(t, []string{"[1].Name min"}, check(t, []leaf{{"ab"}, {"a"}}, always(false)))
	assert.Equal(t, []string{"[k].Name min"}, check(t, map[string]*leaf{"k": {"a"}}, always(false)))
	assert.Empty(t, check(t, []leaf{}, always(false)))
	assert.Empty(t, check(t, (*leaf)(nil), always(false)), "absent")
}

func TestATypeWithoutRulesHasNone(t *testing.T) {
	v := validator.New()
	for _, value := range []any{struct{ A int }{}, 5, "", []string{}, map[string]any{}, struct {
		A string `validate:"-"`
	}{}} {
		rules, problems := Compile(v, false, reflect.TypeOf(value), notWrapped)
		assert.Nil(t, rules, "%T", value)
		assert.Empty(t, problems)
	}
	rules, _ := Compile(v, true, reflect.TypeFor[struct{ A int }](), notWrapped)
	assert.NotNil(t, rules, "a foreign validator may have rules of its own")
}

type self struct {
	Name string  `validate:"required"`
	Next *self   `validate:"omitempty"`
	Many []*self `validate:"dive"`
}

func TestATypeMayHoldItself(t *testing.T) {
	assert.Equal(t, []string{"Next.Many.[0].Name required"}, check(t, self{Name: "a", Next: &self{Name: "b", Many: []*self{{}}}}, always(false)))
}

func TestWrongTagsAreFoundOnEveryKindOfValue(t *testing.T) {
	v := validator.New(validator.WithRequiredStructEnabled())
	require.NoError(t, v.RegisterValidation("moody", func(fl validator.FieldLevel) bool {
		return fl.Parent().FieldByName("Name").String() == "" // panics without a struct around the value
	}))
	type other struct{ Deep string }
	type all struct {
		Bool    bool              `validate:"len=x"`
		Uint    uint8             `validate:"min=x"`
		Float   float32           `validate:"max=x"`
		Pointer **int             `validate:"omitempty,gt=x"`
		Slice   []int             `validate:"min=x"`
		Map     map[int]bool      `validate:"max=x"`
		Any     any               `validate:"min=x"`
		Array   [2]string         `validate:"dive,min=x"`
		Keys    []string          `validate:"keys,min=1"`
		End     map[string]string `validate:"dive,endkeys"`
		Or      string            `validate:"email|mim=3"`
		Pair    string            `validate:"required_if=Bool"`
		None    string            `validate:"required_with="`
		Lost    string            `validate:"gtfield=Other.Shallow"`
		Found   string            `validate:"eqfield=Other.Deep"`
		Top     string            `validate:"eqcsfield=Whatever"`
		Moody   string            `validate:"moody"`
		Other   other
	}
	rules, problems := Compile(v, false, reflect.TypeFor[all](), notWrapped)
	var fields []string
	for _, p := range problems {
		_, rest, _ := strings.Cut(p, "of the field ")
		name, _, _ := strings.Cut(rest, " ")
		fields = append(fields, name)
	}
	assert.Equal(t, []string{"Bool", "Uint", "Float", "Pointer", "Slice", "Map", "Any", "Array", "Keys", "End", "Or", "Pair", "None", "Lost"}, fields)
	assert.True(t, rules.FromTop)
}

func TestWithout(t *testing.T) {
	for _, row := range []struct {
		tag  string
		dive int
		want string
	}{
		{"required,min=3", 0, "min=3"},
		{"required", 0, ""},
		{"required,dive,required,min=3", 0, "dive,required,min=3"},
		{"required,dive,required,min=3", 1, "min=3"},
		{"dive,keys,required,min=1,endkeys,required,max=3", 1, "max=3"},
		{"required,dive,keys,min=1,endkeys,max=3", 0, "dive,keys,min=1,endkeys,max=3"},
		{"required,eqfield=Other,min=2", 0, "eqfield=Other,min=2"},
		{"required,eqcsfield=Other,min=2", 0, "min=2"},
	} {
		assert.Equal(t, row.want, without(strings.Split(row.tag, ","), row.dive, "required"), "%s after %d dives", row.tag, row.dive)
	}
}
