package weft

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Event is an item of a [Stream] that is sent as server-sent events. Other formats send it as JSON, with these names.
type Event[T any] struct {
	// ID is what a client that lost its connection sends as Last-Event-ID, to go on behind it. A feed that can be resumed takes it
	// by a field with the tag header:"Last-Event-ID". Left out, the client keeps the one before.
	ID string `json:"id,omitempty"`
	// Name is the type of the event that a script listens to: "message" unless said.
	Name string `json:"event,omitempty"`
	// Data is JSON; a string or a []byte is sent as it is, each line as a line of data. Of its line ends the client sees LF, whichever they
	// are, and U+FFFD in place of what is not UTF-8.
	Data T `json:"data"`
}

// event is an Event of any data.
type event interface {
	parts() (id, name string, data any)
}

func (e *Event[T]) parts() (id, name string, data any) { return e.ID, e.Name, &e.Data }

// unboxed is an Event that an any holds.
type unboxed interface{ event() event }

func (e Event[T]) event() event { return &e }

// appendEvent appends an item as one event.
func appendEvent(dst []byte, enc *itemEncoder, item any) ([]byte, error) {
	id, name, data := "", "", item
	switch item := item.(type) {
	case event:
		id, name, data = item.parts()
	case *any:
		if e, is := (*item).(unboxed); is {
			id, name, data = e.event().parts()
		}
	}
	if strings.ContainsAny(id, "\r\n\x00") {
		return dst, fmt.Errorf("the ID of an event is %q, and cannot hold line ends and NUL", id)
	}
	if strings.ContainsAny(name, "\r\n") {
		return dst, fmt.Errorf("the name of an event is %q, and cannot hold line ends", name)
	}
	text, err := eventText(enc, data)
	if err != nil {
		return dst, err
	}
	return appendEventOf(dst, id, name, text), nil
}

func appendEventOf(dst []byte, id, name string, text []byte) []byte {
	if id != "" {
		dst = append(appendUTF8(append(dst, "id: "...), []byte(id)), '\n')
	}
	if name != "" {
		dst = append(appendUTF8(append(dst, "event: "...), []byte(name)), '\n')
	}
	for {
		line, rest, more := cutLine(text)
		dst = append(appendUTF8(append(dst, "data: "...), line), '\n')
		if !more {
			return append(dst, '\n')
		}
		text = rest
	}
}

// eventText is the data of an event.
func eventText(enc *itemEncoder, data any) ([]byte, error) {
	if boxed, is := data.(*any); is {
		data = *boxed
	}
	switch data := data.(type) {
	case *string:
		enc.text = append(enc.text[:0], *data...)
		return enc.text, nil
	case *[]byte:
		return *data, nil
	case string:
		enc.text = append(enc.text[:0], data...)
		return enc.text, nil
	case []byte:
		return data, nil
	}
	return enc.encode(data)
}

// cutLine cuts text at its first line end: CRLF, LF or CR.
func cutLine(text []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(text, "\r\n")
	switch {
	case i < 0:
		return text, nil, false
	case text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n':
		return text[:i], text[i+2:], true
	}
	return text[:i], text[i+1:], true
}

// appendUTF8 appends text, with U+FFFD in place of what is not UTF-8.
func appendUTF8(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	return append(dst, bytes.ToValidUTF8(text, []byte("\uFFFD"))...)
}
