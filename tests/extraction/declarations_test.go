package extraction_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/weft-go/weft"
)

type tagged struct {
	ID    int    `path:"id"`
	Admin string `header:"X-Admin"`
}

// who extracts itself.
type who struct{ name string }

func (w *who) FromRequest(*weft.Request) error { w.name = "somebody"; return nil }

type embedsWho struct {
	who
	ID int `path:"id"`
}

type plainCodec struct{}

func (plainCodec) Decode(body []byte, into any) error { return json.Unmarshal(body, into) }
func (plainCodec) Encode(v any) ([]byte, error)       { return json.Marshal(v) }

type node struct {
	Next *node            `json:"next,omitzero"`
	Kids map[string]*node `json:"kids,omitzero"`
	N    int              `json:"n,string"`
}

func TestBuildAccepts(t *testing.T) {
	for name, err := range map[string]error{
		"a type that holds itself": accepts[node](t),
		"big numbers and addresses": accepts[struct {
			A *big.Int
			B big.Float
			C netip.Addr
			D netip.Prefix
		}](t),
		"values of databases": accepts[struct {
			A sql.NullString
			B sql.NullTime
		}](t),
		"maps by numbers and by text forms": accepts[struct {
			A map[int8]string
			B map[netip.Addr]int
			C map[coord]int
		}](t),
		"anything":         accepts[map[string]any](t),
		"a number as text": accepts[struct{ N json.Number }](t),
		"quoted words in a condition": accepts[struct {
			Kind string
			Name string `validate:"required_if=Kind 'two words'"`
		}](t),
		"a condition on two fields": accepts[struct {
			A, B string
			C    string `validate:"required_if=A x B y,excluded_unless=A x"`
		}](t),
		"a duration that another codec can read": accepts[struct{ D time.Duration }](t, weft.WithJSON(weft.JSONOptions{Codec: plainCodec{}})),
	} {
		assert.NoError(t, err, name)
	}
}

func accepts[Req any](t *testing.T, opts ...weft.Option) error {
	t.Helper()
	_, err := built(t, weft.Handle(accept[Req]), opts...)
	return err
}

// What Build lets through and no request can ever be right for.
func TestBuildRefuses(t *testing.T) {
	type hidden struct {
		SKU string `json:"sku"`
	}
	for name, err := range map[string]error{
		"a pointer to a struct with tags, which would be read from the body": accepts[*tagged](t),
		"an Opt of one":  accepts[weft.Opt[tagged]](t),
		"a list of them": accepts[[]tagged](t),
		"a map by truth values, which JSON has not": accepts[map[bool]int](t),
		"a map by objects":                          accepts[map[line]int](t),
		"unique elements that cannot be compared": accepts[struct {
			A [][]string `validate:"unique"`
		}](t),
		"an embedded pointer that nobody can set": accepts[struct {
			*hidden
			N int
		}](t),
	} {
		assert.Error(t, err, name)
	}
}

func TestAPointerToAStructWithTagsDoesNotTakeHeadersFromTheBody(t *testing.T) {
	srv, err := built(t, weft.Handle(func(_ context.Context, in *tagged) (string, error) {
		if in == nil {
			return "", nil
		}
		return in.Admin, nil
	}))
	if err != nil {
		return // refused, so it cannot
	}
	assert.NotContains(t, send(t, srv, `{"ID":5,"Admin":"root"}`).body, "root")
}

func TestAStructThatEmbedsWhatExtractsItselfIsReadOrRefused(t *testing.T) {
	srv, err := built(t, weft.Handle(func(_ context.Context, in embedsWho) ([]any, error) { return []any{in.ID, in.name}, nil }))
	if err != nil {
		return
	}
	assert.JSONEq(t, `[7,"somebody"]`, send(t, srv, "").body, "path value and embedded value")
}
