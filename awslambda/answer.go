package awslambda

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// head is the part of an answer that all writers share: what net/http does with a header until it is sent.
type head struct {
	form   format
	method string
	header http.Header
	status int // 0 until it is written

	// What is known when it is written: later changes of the header are none of the answer's.
	text        []byte // the answer so far, within the object of its header fields
	first       bool   // there is no field yet
	cookies     []string
	contentType string
	typed       bool // there is a Content-Type, also where none is sent
	encoded     bool // by a Content-Encoding
	length      int64
	written     int64
}

func newHead(form format, method string) head {
	return head{form: form, method: method, header: http.Header{}, length: -1}
}

// Header is the header, until it is written.
func (h *head) Header() http.Header { return h.header }

// WriteHeader ends the header. Informational statuses have nowhere to go.
func (h *head) WriteHeader(status int) {
	if status < 100 || status > 999 { // as net/http does
		panic(fmt.Sprintf("awslambda: invalid status %d in a call of WriteHeader", status))
	}
	if h.status != 0 || status < 200 {
		return
	}
	h.status = status
	_, h.typed = h.header["Content-Type"]
	h.contentType = h.header.Get("Content-Type")
	coding := h.header.Get("Content-Encoding")
	h.encoded = coding != "" && !strings.EqualFold(coding, "identity")
	if said := h.header["Content-Length"]; len(said) > 0 {
		if n, err := strconv.ParseInt(said[0], 10, 64); err == nil && n >= 0 {
			h.length = n
		}
	}
	h.begin()
}

// takes begins the answer and says how much of p is a part of its body.
func (h *head) takes(p []byte) (int, error) {
	if h.status == 0 {
		h.WriteHeader(http.StatusOK)
	}
	if !h.hasBody() {
		return 0, http.ErrBodyNotAllowed
	}
	if len(p) == 0 {
		return 0, nil
	}
	if h.length >= 0 && h.written+int64(len(p)) > h.length {
		return 0, http.ErrContentLength
	}
	if !h.typed && !h.encoded {
		h.typed, h.contentType = true, http.DetectContentType(p)
		h.field("Content-Type", []string{h.contentType})
	}
	h.written += int64(len(p))
	if h.method == http.MethodHead {
		return 0, nil
	}
	return len(p), nil
}

// hasBody reports whether the status has content (RFC 9110 sections 15.3.5 and 15.4.5).
func (h *head) hasBody() bool {
	return h.status != http.StatusNoContent && h.status != http.StatusNotModified
}

// incomplete reports that less was written than was said.
func (h *head) incomplete() bool {
	return h.length >= 0 && h.written != h.length && h.hasBody() && h.method != http.MethodHead
}

// ofConnection are fields that say something of a connection that there is not, or of what comes behind a body.
var ofConnection = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// begin writes status and header fields, in order of their names. A body's length is for the front door to say, unless none is sent.
func (h *head) begin() {
	to := append(make([]byte, 0, 512), `{"statusCode":`...)
	to = strconv.AppendInt(to, int64(h.status), 10)
	if h.lists() {
		to = append(to, `,"multiValueHeaders":{`...)
	} else {
		to = append(to, `,"headers":{`...)
	}
	h.text, h.first = to, true
	var room [16]string
	names := room[:0]
	for name, values := range h.header {
		if len(values) == 0 || slices.Contains(ofConnection, name) || strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		if name == "Content-Length" && (h.method != http.MethodHead || h.length < 0) {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h.field(name, h.header[name])
	}
}

// lists reports whether header fields are lists of values.
func (h *head) lists() bool { return h.form == restV1 || h.form == httpV1 || h.form == albMulti }

// field writes a header field as the form has it.
func (h *head) field(name string, values []string) {
	if name == "Set-Cookie" && !h.lists() {
		if h.form == httpV2 || h.form == functionURL {
			h.cookies = values
			return
		}
		values = values[len(values)-1:] // of which there is one at most
	}
	to := h.text
	if !h.first {
		to = append(to, ',')
	}
	h.first = false
	to = append(appendString(to, name), ':')
	switch {
	case h.lists():
		to = append(appendStrings(append(to, '['), values), ']')
	case len(values) == 1:
		to = appendString(to, values[0])
	default:
		to = appendString(to, strings.Join(values, ", "))
	}
	h.text = to
}

// appendRest appends what is beside status, header fields and body.
func (h *head) appendRest(to []byte) []byte {
	to = append(to, '}')
	switch {
	case h.form == albSingle || h.form == albMulti:
		to = append(to, `,"statusDescription":`...)
		to = appendString(to, strings.TrimSpace(strconv.Itoa(h.status)+" "+http.StatusText(h.status)))
	case len(h.cookies) > 0:
		to = append(appendStrings(append(to, `,"cookies":[`...), h.cookies), ']')
	}
	return to
}

func appendStrings(to []byte, all []string) []byte {
	for i, s := range all {
		if i > 0 {
			to = append(to, ',')
		}
		to = appendString(to, s)
	}
	return to
}

// appendString appends a JSON text. What is no UTF-8 in it is replaced: a header of JSON cannot have it.
func appendString(to []byte, s string) []byte {
	to, _ = jsontext.AppendQuote(to, s)
	return to
}

// whole is the ResponseWriter of an answer that is given as a whole.
type whole struct {
	head
	function *Function
	body     []byte
	work     <-chan struct{}
}

// Write takes the next part of the body.
func (w *whole) Write(p []byte) (int, error) {
	n, err := w.takes(p)
	if err != nil {
		return 0, err
	}
	w.body = append(w.body, p[:n]...)
	return len(p), nil
}

// Flush is there for what asks for it; nothing can be sent yet.
func (w *whole) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
}

// FlushError is for [http.ResponseController].
func (w *whole) FlushError() error { w.Flush(); return nil }

// CollectLimit is for weft, which makes a body to its end before it is written.
func (w *whole) CollectLimit(header http.Header) int64 {
	limit := w.function.limitOf(w.form) - headRoom
	coding := header.Get("Content-Encoding")
	if coding != "" && !strings.EqualFold(coding, "identity") || !w.function.isText(header.Get("Content-Type")) {
		limit = limit / 4 * 3 // as base64
	}
	return limit
}

// headRoom is what is kept of a limit for all but the body.
const headRoom = 16 << 10

// Await is for weft, whose work behind the request has to end before the process is frozen.
func (w *whole) Await(done <-chan struct{}) { w.work = done }

// answer is what the source is given.
func (w *whole) answer() ([]byte, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.incomplete() {
		return nil, fmt.Errorf("the answer has %d bytes, and its Content-Length says %d", w.written, w.length)
	}
	text := !w.encoded && (len(w.body) == 0 || w.function.isText(w.contentType) && utf8.Valid(w.body))
	room := len(w.body) + len(w.body)/8
	if !text {
		room = base64.StdEncoding.EncodedLen(len(w.body))
	}
	to := append(w.appendRest(slices.Grow(w.text, room+128)), `,"body":`...)
	if text {
		to, _ = jsontext.AppendQuote(to, w.body)
	} else {
		to = append(to, '"')
		to = append(base64.StdEncoding.AppendEncode(to, w.body), '"')
	}
	to = append(to, `,"isBase64Encoded":`...)
	to = append(strconv.AppendBool(to, !text && len(w.body) > 0), '}')
	if limit := w.function.limitOf(w.form); int64(len(to)) > limit {
		return nil, &tooLarge{len(to), limit, w.form}
	}
	return to, nil
}

// tooLarge says that an answer is more than its source takes.
type tooLarge struct {
	size  int
	limit int64
	form  format
}

func (e *tooLarge) Error() string {
	return fmt.Sprintf("the answer is %d bytes of JSON, and %s takes %d", e.size, sources[e.form], e.limit)
}

// isText reports whether a media type is sent as it is; what is not is sent as base64.
func (f *Function) isText(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.TrimSpace(mediaType)
	if f.text != nil {
		if is, said := f.text[strings.ToLower(mediaType)]; said {
			return is
		}
	}
	switch mediaType {
	case "", "application/json", "application/problem+json", "text/html", "text/plain":
		return true
	}
	mediaType = strings.ToLower(mediaType)
	main, sub, _ := strings.Cut(mediaType, "/")
	if main == "text" || strings.HasSuffix(sub, "+json") || strings.HasSuffix(sub, "+xml") {
		return true
	}
	switch mediaType {
	case "application/json", "application/xml", "application/javascript", "application/x-javascript", "application/x-ndjson", "application/x-www-form-urlencoded", "application/yaml", "application/graphql":
		return true
	}
	return false
}
