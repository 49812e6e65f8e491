package binding_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft/internal/binding"
)

func TestTagsThatWereMeantForASource(t *testing.T) {
	for tag, want := range map[string]string{
		`path:"id"`:                      "",
		`path: "id"`:                     "the field F has the tag path: \"id\", which is malformed",
		`json:"f" query: "f"`:            "the field F has the tag query: \"f\", which is malformed",
		`query=f`:                        "the field F has the tag query=f, which is malformed",
		`body:"json`:                     "the field F has the tag body:\"json, which is malformed",
		`Path:"id"`:                      "the field F has the tag Path, which means nothing",
		`json:"f" HEADER:"X"`:            "the field F has the tag HEADER, which means nothing",
		`json:"f"db:"f"   Cookie:"f"`:    "the field F has the tag Cookie, which means nothing",
		`no tag at all`:                  "",
		`json:"f" Db:"f" gorm: "f"`:      "",
		`json:"a \"quoted\" Path:\"x\""`: "",
	} {
		f := reflect.StructField{Name: "F", Type: reflect.TypeFor[int](), Tag: reflect.StructTag(tag)}
		found := binding.Misspelt(reflect.StructOf([]reflect.StructField{f}))
		if want == "" {
			assert.Empty(t, found, tag)
		} else if assert.Len(t, found, 1, tag) {
			assert.Equal(t, want, found[0].Text)
		}
	}
	assert.Empty(t, binding.Misspelt(reflect.TypeFor[int]()))
}
