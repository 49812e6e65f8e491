package weft_test

import (
	"encoding/json"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type patch struct {
	Name weft.Opt[string]   `json:"name,omitzero"`
	Age  weft.Opt[int8]     `json:"age,omitzero"`
	Home weft.Opt[patched]  `json:"home,omitzero"`
	Tags weft.Opt[[]string] `json:"tags"`
}

type patched struct {
	City string `json:"city"`
}

// codecs are the two versions of encoding/json.
var codecs = map[string]struct {
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
}{
	"version 1": {json.Marshal, json.Unmarshal},
	"version 2": {func(v any) ([]byte, error) { return jsonv2.Marshal(v) }, func(b []byte, v any) error { return jsonv2.Unmarshal(b, v) }},
}

func TestOptTellsAbsentFromNullFromAValue(t *testing.T) {
	for version, codec := range codecs {
		t.Run(version, func(t *testing.T) {
			var p patch
			require.NoError(t, codec.unmarshal([]byte(`{"name":"","age":null,"home":{"city":"x"}}`), &p))
			assert.Equal(t, patch{Name: weft.Some(""), Age: weft.Null[int8](), Home: weft.Some(patched{"x"})}, p)
			assert.True(t, p.Tags.IsAbsent())
			assert.True(t, p.Age.IsNull())

			text, err := codec.marshal(p)
			require.NoError(t, err)
			assert.JSONEq(t, `{"name":"","age":null,"home":{"city":"x"},"tags":null}`, string(text))

			require.Error(t, codec.unmarshal([]byte(`{"age":300}`), &p))
			require.NoError(t, codec.unmarshal([]byte(`{"name":null,"tags":[]}`), &p))
			assert.True(t, p.Name.IsNull(), "what was there is replaced")
			assert.Equal(t, weft.Some([]string{}), p.Tags)
		})
	}
}

func TestOptIsStrictInsideWhereTheBodyIs(t *testing.T) {
	var p patch
	assert.Error(t, jsonv2.Unmarshal([]byte(`{"home":{"town":"x"}}`), &p, jsonv2.RejectUnknownMembers(true)))
}

func TestOptApplyTo(t *testing.T) {
	for _, row := range []struct {
		name    string
		opt     weft.Opt[int]
		want    int
		applied bool
	}{
		{"absent leaves", weft.Opt[int]{}, 5, false},
		{"null clears", weft.Null[int](), 0, true},
		{"a value replaces", weft.Some(7), 7, true},
		{"a zero value too", weft.Some(0), 0, true},
	} {
		target := 5
		assert.Equal(t, row.applied, row.opt.ApplyTo(&target), row.name)
		assert.Equal(t, row.want, target, row.name)
	}
}

func TestOptAccessors(t *testing.T) {
	some, null, absent := weft.Some(1), weft.Null[int](), weft.Opt[int]{}
	p := some.Ptr()
	require.NotNil(t, p)
	*p = 9
	v, present := some.Get()
	assert.Equal(t, 1, v, "Ptr is a copy")
	assert.True(t, present)
	assert.Nil(t, null.Ptr())
	assert.Nil(t, absent.Ptr())
	assert.Equal(t, 1, some.Or(5))
	assert.Equal(t, 5, null.Or(5))
	assert.Equal(t, 5, absent.Or(5))
	assert.True(t, absent.IsZero())
	assert.False(t, null.IsZero())
	_, present = null.Get()
	assert.False(t, present)
}
