package weft

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// received is an event as a client dispatches it.
type received struct{ id, name, data string }

// parseEvents reads an event stream as section 9.2.6 of the HTML standard says.
func parseEvents(stream string) (events []received) {
	stream = strings.TrimPrefix(stream, "\ufeff")
	stream = strings.ReplaceAll(strings.ReplaceAll(stream, "\r\n", "\n"), "\r", "\n")
	var last, name string
	var data strings.Builder
	lines := strings.Split(stream, "\n")
	for _, line := range lines[:len(lines)-1] { // what follows the last line end is no whole line
		if line == "" {
			if data.Len() > 0 {
				events = append(events, received{last, name, strings.TrimSuffix(data.String(), "\n")})
			}
			name = ""
			data.Reset()
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			data.WriteString(value + "\n")
		case "id":
			if !strings.Contains(value, "\x00") {
				last = value
			}
		}
	}
	return events
}

// What is sent is parsed to the same events, whatever is in them, or is refused.
func FuzzEvents(f *testing.F) {
	for _, seed := range [][3]string{
		{"1", "tick", "a\nb"}, {"", "", ""}, {"", "", "\n"}, {" 1", " x", " y"}, {"a:b", "data: x", "id: 7\n\nevent: forged"},
		{"1\n", "", ""}, {"", "x\rdata: y", ""}, {"\x00", "", ""}, {"\ufeff", "\ufeff", "\ufeff"}, {"\xff", "\xff", "\xff\r\n\xff"}, {"", ":", ":comment"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, id, name, data string) {
		enc := newItemEncoder(&jsonCodec{})
		first, err := appendEvent(nil, enc, &Event[string]{id, name, data})
		forging := strings.ContainsAny(id, "\r\n\x00") || strings.ContainsAny(name, "\r\n")
		require.Equal(t, forging, err != nil)
		if forging {
			return
		}
		both, err := appendEvent(bytes.Clone(first), enc, &Event[[]byte]{"", "", []byte(data)})
		require.NoError(t, err)
		both, err = appendEvent(both, enc, &Event[map[string]string]{"", "json", map[string]string{"data": data}})
		if !utf8.ValidString(data) {
			require.Error(t, err) // which JSON cannot be
			return
		}
		require.NoError(t, err)
		clean := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		lines := clean(strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n"))
		got := parseEvents(string(both))
		require.Len(t, got, 3)
		assert.Equal(t, received{clean(id), clean(name), lines}, got[0])
		assert.Equal(t, received{clean(id), "", lines}, got[1])
		assert.Equal(t, "json", got[2].name)
		assert.NotContains(t, got[2].data, "\n")
	})
}
