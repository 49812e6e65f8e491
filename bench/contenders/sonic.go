package contenders

import (
	"github.com/bytedance/sonic"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/bench/contest"
)

// withSonic is weft with another codec.
var withSonic = contest.Contender{
	Slug: "weft-sonic", Name: "weft with sonic", Module: "github.com/bytedance/sonic",
	About: "weft with bytedance/sonic as its codec: unknown fields refused, strings copied and checked for UTF-8",
	Shop:  func() contest.App { return contest.HTTP(weftShop(sonicJSON())) },
	Without: map[string]string{
		"": "the same as weft: it encodes nothing",
	},
}

func sonicJSON() weft.Option {
	return weft.WithJSON(weft.JSONOptions{Codec: sonicCodec{sonic.Config{
		DisallowUnknownFields: true,
		CopyString:            true, // the body's buffer is used again
		ValidateString:        true,
	}.Froze()}})
}

type sonicCodec struct{ sonic.API }

func (c sonicCodec) Decode(body []byte, into any) error { return c.Unmarshal(body, into) }
func (c sonicCodec) Encode(v any) ([]byte, error)       { return c.Marshal(v) }
