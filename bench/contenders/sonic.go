package contenders

import (
	"github.com/bytedance/sonic"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/contest"
)

// withSonic is weft with another codec.
var withSonic = contest.Contender{
	Slug: "weft-sonic", Name: "weft with sonic", Module: "github.com/bytedance/sonic",
	About: "weft with bytedance/sonic as its codec: unknown fields and control characters in strings refused",
	Shop:  func() contest.App { return contest.HTTP(weftShop(sonicJSON())) },
	Without: map[string]string{
		"": "the same as weft: it encodes nothing",
	},
}

func sonicJSON() weft.Option { return weft.WithJSON(weft.JSONOptions{Codec: newSonic()}) }

func newSonic() sonicCodec {
	return sonicCodec{sonic.Config{DisallowUnknownFields: true, ValidateString: true}.Froze()}
}

// sonicCodec decodes into strings that lie in sonic's own copy of the body, whose buffer weft uses again.
type sonicCodec struct{ sonic.API }

func (c sonicCodec) Decode(body []byte, into any) error { return c.Unmarshal(body, into) }
func (c sonicCodec) Encode(v any) ([]byte, error)       { return c.Marshal(v) }
