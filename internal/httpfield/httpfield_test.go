package httpfield

import (
	"bufio"
	"bytes"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestValidName(t *testing.T) {
	for _, name := range []string{"X", "x-a", "!#$%&'*+-.^_`|~09azAZ"} {
		assert.True(t, ValidName(name), name)
	}
	for _, name := range []string{"", " ", "a b", "a:", "a\r\nb", "ü", "a\x00", "(", "a/b", "\""} {
		assert.False(t, ValidName(name), name)
	}
}

func TestValidValue(t *testing.T) {
	for _, value := range []string{"", "a b", "a\tb", "ü", "\x80\xff", `"quoted"`} {
		assert.True(t, ValidValue(value), "%q", value)
	}
	for _, value := range []string{"\r", "\n", "a\r\nb: c", "\x00", "\x1f", "\x7f"} {
		assert.False(t, ValidValue(value), "%q", value)
	}
}

// What is accepted is written by net/http as one field, and read back as it was.
func FuzzField(f *testing.F) {
	f.Add("X-A", "value")
	f.Add("x", " padded ")
	f.Add("X\r\nY", "v")
	f.Add("X", "v\r\nY: w")
	f.Fuzz(func(t *testing.T, name, value string) {
		if !ValidName(name) || !ValidValue(value) {
			return
		}
		var wire bytes.Buffer
		if err := (http.Header{name: {value}}).Write(&wire); err != nil {
			t.Fatal(err)
		}
		wire.WriteString("\r\n")
		read, err := textproto.NewReader(bufio.NewReader(&wire)).ReadMIMEHeader()
		if err != nil {
			t.Fatalf("%q: %q cannot be read back: %v", name, value, err)
		}
		if len(read) != 1 || read.Get(name) != strings.Trim(value, " \t") {
			t.Fatalf("%q: %q is read back as %q", name, value, read)
		}
	})
}
