package load

import (
	"bufio"
	"strings"
	"testing"
)

func TestAnAnswerIsReadToItsEndAndNoFurther(t *testing.T) {
	for _, c := range []struct {
		answer         string
		status, length int
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, 5},
		{"HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n", 404, 0},
		{"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nb\r\n wide world\r\n0\r\n\r\n", 201, 16},
	} {
		r := bufio.NewReader(strings.NewReader(c.answer + "next"))
		status, length, err := readAnswer(r)
		rest, _ := r.ReadString(0)
		if err != nil || status != c.status || length != c.length || rest != "next" {
			t.Errorf("%q: %d, %d, %v, and %q is left", c.answer, status, length, err, rest)
		}
	}
	for _, broken := range []string{"", "HTTP/1.1 20", "SMTP", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n"} {
		if _, _, err := readAnswer(bufio.NewReader(strings.NewReader(broken))); err == nil {
			t.Errorf("%q is read without an error", broken)
		}
	}
}
