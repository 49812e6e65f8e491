// Package httpfield checks HTTP field names and values as RFC 9110 section 5 defines them,
// so that no header can be injected through a value.
package httpfield

// ValidName reports whether s is a token (RFC 9110 section 5.6.2).
func ValidName(s string) bool {
	for i := range len(s) {
		if !TokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// ValidValue reports whether s may be sent as a field value: no control
// characters except the horizontal tab (RFC 9110 section 5.5), so neither CR, LF nor NUL.
func ValidValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// TokenByte reports whether c may be in a token.
func TokenByte(c byte) bool {
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
