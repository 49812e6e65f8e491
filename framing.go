package weft

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// framing is how the items of a stream stand in its body.
type framing struct {
	open, between, close string
	item                 func(dst []byte, enc *itemEncoder, item any) ([]byte, error)
	comment              string // that is sent where there is no item yet, or for long
	// failure is the end of a body that failed, nil where it can only be broken off.
	failure func(problem []byte) []byte
}

var (
	jsonArray = &framing{open: "[", between: ",", close: "]", item: appendJSON}
	ndjson    = &framing{item: appendLine}
	sse       = &framing{item: appendEvent, comment: ":\n\n", failure: func(problem []byte) []byte {
		return appendEventOf(nil, "", "error", problem)
	}}
)

// framing is nil for what is no format.
func (f StreamFormat) framing() *framing {
	switch f {
	case JSONArray:
		return jsonArray
	case NDJSON:
		return ndjson
	case SSE:
		return sse
	}
	return nil
}

func appendJSON(dst []byte, enc *itemEncoder, item any) ([]byte, error) {
	text, err := enc.encode(item)
	return append(dst, text...), err
}

func appendLine(dst []byte, enc *itemEncoder, item any) ([]byte, error) {
	text, err := enc.encode(item)
	if err == nil && bytes.ContainsAny(text, "\r\n") { // a codec of the user's may indent
		one := jsontext.Value(bytes.Clone(text))
		err = one.Compact()
		text = one
	}
	return append(append(dst, text...), '\n'), err
}

// itemEncoder encodes one item after another.
type itemEncoder struct {
	codec Codec // of the user's, else nil
	to    bytes.Buffer
	json  *jsontext.Encoder
	text  []byte
}

func newItemEncoder(c Codec) *itemEncoder {
	e := &itemEncoder{}
	if _, own := c.(*jsonCodec); !own {
		e.codec = c
		return e
	}
	e.json = jsontext.NewEncoder(&e.to, json.Deterministic(true))
	return e
}

// encode is the item as JSON, until the next one.
func (e *itemEncoder) encode(item any) ([]byte, error) {
	if e.codec != nil {
		return e.codec.Encode(item)
	}
	e.to.Reset()
	if err := json.MarshalEncode(e.json, item); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(e.to.Bytes(), []byte("\n")), nil
}
