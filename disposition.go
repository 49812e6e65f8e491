package weft

import (
	"strings"
	"unicode/utf8"
)

// WithAttachment has the client save the body under a name (RFC 6266). Any name will do: what is not ASCII is sent as RFC 8187 says, beside a plain
// form for old clients, and of a path only the last part.
func (r Response) WithAttachment(filename string) Response {
	return r.WithHeader("Content-Disposition", disposition("attachment", filename))
}

// WithInline has the client show the body, and offer the name where a person saves it; see [Response.WithAttachment].
func (r Response) WithInline(filename string) Response {
	return r.WithHeader("Content-Disposition", disposition("inline", filename))
}

func disposition(kind, filename string) string {
	filename = filename[strings.LastIndexAny(filename, `/\`)+1:]
	if filename == "" {
		return kind
	}
	var plain, extended strings.Builder
	exact := true
	for _, c := range strings.ToValidUTF8(filename, "\uFFFD") {
		switch {
		case c < ' ' || c == 0x7f:
			plain.WriteByte('_')
			exact = false
		case c == '"' || c == '\\':
			plain.WriteByte('\\')
			plain.WriteRune(c)
		case c >= utf8.RuneSelf || c == '%': // which some clients decode in the plain form too
			plain.WriteByte('_')
			exact = false
		default:
			plain.WriteRune(c)
		}
		appendExtended(&extended, c)
	}
	value := kind + `; filename="` + plain.String() + `"`
	if !exact {
		value += "; filename*=UTF-8''" + extended.String()
	}
	return value
}

// appendExtended appends a character of an ext-value (RFC 8187 section 3.2.1).
func appendExtended(to *strings.Builder, c rune) {
	if c < utf8.RuneSelf && (c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.ContainsRune("!#$&+-.^_`|~", c)) {
		to.WriteByte(byte(c))
		return
	}
	const hex = "0123456789ABCDEF"
	for _, b := range []byte(string(c)) {
		to.Write([]byte{'%', hex[b>>4], hex[b&15]})
	}
}
