package weft

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// How a body may be sent: which media types, charsets and codings a route takes
// (RFC 9110 sections 8.3 and 8.4), and how it says so where it was sent another one.

// medium is one type of body that can be decoded.
type medium struct {
	mediaType string
	suffix    string   // types that end in it are of the same kind, as with "+json"
	charsets  []string // beside UTF-8
}

const (
	patchType     = "application/merge-patch+json"
	formType      = "application/x-www-form-urlencoded"
	multipartType = "multipart/form-data"
	plainType     = "text/plain"
)

var (
	jsonMedia  = []medium{{mediaType: jsonType, suffix: "+json"}}
	patchMedia = []medium{{mediaType: patchType}}
	textMedia  = []medium{{mediaType: plainType, charsets: []string{"US-ASCII"}}}
	formMedia  = []medium{{mediaType: formType}, {mediaType: multipartType}}
	partsMedia = formMedia[1:]
)

// mediaOf are the types that a kind of body may have; nil is any.
func mediaOf(kind string) []medium {
	switch kind {
	case "json":
		return jsonMedia
	case "merge-patch":
		return patchMedia
	case "text":
		return textMedia
	}
	return nil
}

// consumedAs are the media types of a form of body, as a [ReadInfo] says it.
func consumedAs(form string) []string {
	switch media := mediaOf(form); {
	case media != nil:
		return typesIn(media)
	case form == "raw", form == "":
		return []string{"*/*"}
	}
	return strings.Split(form, ", ") // an extractor of the user's has said it
}

// pick chooses by the header how a body is to be decoded. It is the one place
// that does: whatever else a route can decode is a further medium. untyped takes a body
// without a Content-Type as the first of them. params are those of the type, nil where it has none.
func pick(media []medium, h http.Header, untyped bool) (m *medium, params map[string]string, refusal *unsupportedMedia) {
	declared, several, compressed := declaredType(h)
	switch {
	case compressed:
		return nil, nil, &unsupportedMedia{}
	case several:
		return nil, nil, &unsupportedMedia{types: typesIn(media), several: true}
	}
	if declared == media[0].mediaType || declared == "" && untyped {
		return &media[0], nil, nil
	}
	mediaType, params, err := mime.ParseMediaType(declared)
	if err == nil {
		for i := range media {
			if m = &media[i]; m.covers(mediaType) {
				if !m.reads(params) {
					return nil, nil, &unsupportedMedia{types: typesIn(media), charsets: append([]string{"UTF-8"}, m.charsets...)}
				}
				return m, params, nil
			}
		}
	}
	return nil, nil, &unsupportedMedia{types: typesIn(media)}
}

func (m *medium) covers(mediaType string) bool {
	return mediaType == m.mediaType || m.suffix != "" && strings.HasSuffix(mediaType, m.suffix) && strings.Contains(mediaType, "/")
}

// reads reports whether text in the charset that the parameters name can be read.
func (m *medium) reads(params map[string]string) bool {
	charset, given := params["charset"]
	if !given || strings.EqualFold(charset, "utf-8") {
		return true
	}
	return slices.ContainsFunc(m.charsets, func(other string) bool { return strings.EqualFold(charset, other) })
}

func typesIn(media []medium) (names []string) {
	for _, m := range media {
		names = append(names, m.mediaType)
	}
	return names
}

// declaredType is the Content-Type of a body, or it says why there is none: there are
// several, or the body is compressed or the like (RFC 9110 sections 8.3 and 8.4).
func declaredType(h http.Header) (declared string, several, compressed bool) {
	if encoded(h) {
		return "", false, true
	}
	if values := h[contentType]; len(values) > 0 {
		if declared = values[0]; len(values) > 1 && slices.ContainsFunc(values, func(v string) bool { return v != declared }) {
			return "", true, false
		}
	}
	return declared, false, false
}

// encoded reports whether a body is compressed or the like.
func encoded(h http.Header) bool {
	for _, list := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(list, ",") {
			if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
				return true
			}
		}
	}
	return false
}

// unsupportedMedia is why a body is not decoded, and what would be.
type unsupportedMedia struct {
	types    []string // that are decoded; none where the coding is what is refused
	charsets []string // in which they are; none where the type is what is refused
	several  bool     // types were declared
}

// Error is for logs.
func (e *unsupportedMedia) Error() string { return e.rejection().Fields[0].Message() }

// rejection is e as an [InvalidRequest].
func (e *unsupportedMedia) rejection() *InvalidRequest {
	f := FieldError{Source: SourceBody, Code: CodeUnsupportedMedia, Cause: e}
	switch {
	case e.several:
		f.Source, f.Name, f.Code = SourceHeader, contentType, CodeRepeated
	case e.types == nil:
		f.Params = map[string]any{"encodings": []string{"identity"}}
	case e.charsets != nil:
		f.Params = map[string]any{"accepted": e.types, "charsets": e.charsets}
	default:
		f.Params = map[string]any{"accepted": e.types}
	}
	return invalid(http.StatusUnsupportedMediaType, f)
}

// unsupportedMessage says how to send a body that was not decoded, from the parameters of the failure.
func unsupportedMessage(params map[string]any) string {
	charsets, _ := params["charsets"].([]string)
	types, _ := params["accepted"].([]string)
	switch {
	case charsets != nil:
		return "must be sent in " + either(charsets)
	case types != nil:
		return "must be sent as " + either(types)
	}
	return "must be sent without a Content-Encoding"
}

// either is a list as a person reads it: "a, b or c".
func either(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// header tells the client what it may send instead (RFC 9110 section 15.5.16). For
// a PATCH and a POST there are fields of their own, too (RFC 5789 section 3.1, and Linked Data Platform 1.0 section 7.1).
func (e *unsupportedMedia) header(r *Request) http.Header {
	if e.types == nil {
		return http.Header{"Accept-Encoding": {"identity"}}
	}
	types := []string{strings.Join(e.types, ", ")}
	h := http.Header{"Accept": types}
	switch {
	case r == nil:
	case r.http.Method == http.MethodPatch:
		h["Accept-Patch"] = types
	case r.http.Method == http.MethodPost:
		h["Accept-Post"] = types
	}
	return h
}

// refused is the failure of a body of a type that is not read, or nil where there is no body. It
// reads no more of one than tells whether it is there.
func (r *Request) refused(refusal *unsupportedMedia) error {
	b := &r.state.body
	switch {
	case refusal == nil:
		return nil
	case r.http.ContentLength > 0:
		return refusal.rejection()
	case r.http.ContentLength < 0 && !b.read && b.barred == nil:
		b.read = true
		if n, _ := io.ReadFull(r.http.Body, make([]byte, 1)); n > 0 {
			b.err = refusal.rejection()
		}
	}
	content, err := r.borrowBody()
	if err == nil && len(content) > 0 {
		err = refusal.rejection()
	}
	return err
}
