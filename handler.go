package weft

import (
	"context"
	"reflect"
	"time"

	"github.com/weft-go/weft/internal/graph"
)

// Handler is a typed function with the stages declared for it.
//
// It is a value: every method returns a changed copy and leaves its receiver as
// it was, so a Handler can be shared, extended in different ways and registered on several
// routes and apps. What is wrong with it is reported by [App.Build].
//
// Req is what the function is given:
//
//	struct{}     nothing is read (as with any struct type without fields)
//	*Request     the request itself; nothing is decoded
//	a struct with path, query, header, cookie, body, value or inject tags
//	             what the tags say; see [Struct]
//	a Stream   the body, item by item, while it arrives: lines of JSON, a JSON array, or of [Part]s a multipart body
//	a type with FromRequest(*Request) error on its pointer
//	             what that method reads
//	otherwise    the JSON body (RFC 8259), required unless Req is a pointer or an [Opt]
//
// [Handler.Extract] reads it in another way. A JSON body must say that it is one
// (application/json or a +json type, in UTF-8), or the answer is 415. It is decoded strictly, unless
// [JSONOptions] say otherwise: duplicate and unknown names, invalid UTF-8 and
// anything after the value are a 400. A body over the limit is a 413.
//
// Then the validate tags of Req are checked, by go-playground/validator. Its
// rule required asks whether a value was sent, and not as null: an explicit 0
// or false passes. A type of yours may show its rules another value than itself, by the validator's
// Valuer. A broken rule is a 422. Everything that is wrong with one request is in one [InvalidRequest].
//
// Resp is what it answers with:
//
//	struct{}   no body; 204 unless Status says otherwise
//	Response   as it is
//	a Stream   its items while they are made: a JSON array, lines of JSON, or server-sent events
//	io.Reader or io.ReadCloser
//	           what it reads, as application/octet-stream; see [Reader]
//	a struct with status, header, cookie or body tags, or a pointer to one
//	           what the tags say, as below; a nil pointer with a nil error is a defect, a 500
//	otherwise  JSON; a nil pointer or interface with a nil error is a defect, a
//	           500, unless Status is 204, 205 or 304, which send no body anyway
//
// The tags of such a struct, of which every exported field has one, are
//
//	status:""              an int: the status, from 200 to 599; 0 is what Status says, else
//	status:"201"           the one in the tag, else 200, or 204 without a body field
//	header:"Location"      a header field
//	header:"Age,omitzero"  left out also where it is 0, false or another zero value
//	header:"Allow,csv"     a comma list; without csv, each value of a slice is a line of its own
//	cookie:"session"       an http.Cookie or a pointer to one, under the name of the tag;
//	                       or a string, sent with Path=/, HttpOnly, Secure and SameSite=Lax
//	body:"json"            the body; also "text" (a string) and "raw" ([]byte)
//
// Header fields are strings, bools, numbers, times (as HTTP dates, RFC 9110
// section 5.6.7; with a layout tag as in [Struct], and in UTC where that has no zone), durations, types with
// MarshalText, types defined from these, pointers to and slices and [Opt]s of these. Left out are empty texts,
// zero times, nil pointers, Opts without a value, and cookies that are empty. Embedded structs compose. The body's content
// type is application/json, text/plain in UTF-8 or application/octet-stream,
// unless a header field Content-Type says another; a status that has no body
// sends none. A value that cannot be sent, such as a header with a line break, is a defect, a 500.
//
// An error is rendered as [Error] describes.
type Handler[Req, Resp any] spec

// Handle makes a Handler of a function, named after it.
func Handle[Req, Resp any](fn func(context.Context, Req) (Resp, error)) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])(&spec{at: here(), name: functionName(fn), missing: fn == nil, types: typesOf(fn)})
}

// Named gives the handler a name for the plan, logs and [Route.Name].
func (h *Handler[Req, Resp]) Named(name string) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withName(name))
}

// Use adds middleware, the first outermost, inside that of the app and the groups
// and inside what was added before. They run with the route known. A nil Middleware is left out.
func (h *Handler[Req, Resp]) Use(m ...Middleware) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withMiddleware(m))
}

// Guard adds guards, asked behind the middleware and before anything of the
// request is decoded: after those of the app and the groups, in order. A nil Guard is a mistake that Build reports.
func (h *Handler[Req, Resp]) Guard(g ...Guard) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withGuards(g))
}

// Check adds a guard on the decoded and validated request, asked before the
// interceptors: after the checks added before. It returns nil, a [Denial], an error made by [Invalid], or any
// other. Options name it, or say which keys it [Needs].
func (h *Handler[Req, Resp]) Check(fn func(context.Context, Req) error, opts ...StageOption) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withCheck(functionName(fn), erasedCheck(fn), opts))
}

// Intercept adds interceptors: Middleware that stand behind the guards, the
// extraction and the checks, around the arounds and the handler. The order is that of [Handler.Use].
func (h *Handler[Req, Resp]) Intercept(m ...Middleware) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withInterceptors(m))
}

// Around adds a typed function around the handler, inside those of the app and
// the groups and inside what was added before; see [Around]. Options name it, or say which keys it [Needs],
// [Reads] and [Provides], by [Key.SetIn].
func (h *Handler[Req, Resp]) Around(fn Around[Req, Resp], opts ...StageOption) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withAround(functionName(fn), wrapAround(fn), opts))
}

// Catch adds exception mappers for errors that arise on the route; see [Mapper].
func (h *Handler[Req, Resp]) Catch(m ...Mapper) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withMappers(m))
}

// Errors declares which errors of its own the handler can fail with, each by an
// example: a sentinel, or any value of a type, for which a nil pointer will do:
//
//	Errors(ErrClosed, (*OutOfStock)(nil))
//
// Build then proves that each is mapped: that a [Mapper] of the route, its groups
// or the app takes the example, or that it says itself what the client sees, as an [Error] and
// an [InvalidRequest] do, also where it wraps one. What is neither is an error of Build. So the plan
// tells every way in which the route can fail.
//
// What is declared is taken for complete: Build warns of a mapper on the
// handler that is for none of it. Errors that are only wrapped by fmt.Errorf or joined need
// no declaring beside those they wrap; a wrapper type that a mapper is for does.
func (h *Handler[Req, Resp]) Errors(examples ...error) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withErrors(examples))
}

// Meta attaches values that stages find by type, with [MetaOf]; of two with the same type the later one counts.
func (h *Handler[Req, Resp]) Meta(values ...any) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withMeta(values))
}

// Status is the status of a success, from 200 to 399: 200 by default, 204 where Resp is struct{}.
func (h *Handler[Req, Resp]) Status(status int) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withStatus(status))
}

// Timeout sets a deadline for the function. It runs on its goroutine to its
// end and must honour its context: nothing is abandoned. Where it returns after the deadline,
// its answer is discarded and the client gets a 504.
func (h *Handler[Req, Resp]) Timeout(d time.Duration) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withTimeout(d))
}

// Limit is how many bytes of body the route accepts, in place of the app's
// limit; more is a 413.
func (h *Handler[Req, Resp]) Limit(bytes int64) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withLimit(bytes))
}

// JSON sets how the route reads and writes JSON, in place of what the app says.
func (h *Handler[Req, Resp]) JSON(o JSONOptions) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withJSON(o))
}

// StrictQuery refuses query parameters that Req does not name, where Req is a struct with tags.
func (h *Handler[Req, Resp]) StrictQuery() *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withStrictQuery())
}

// Extract sets how Req is read, in place of what its type says.
func (h *Handler[Req, Resp]) Extract(x Extractor[Req]) *Handler[Req, Resp] {
	return (*Handler[Req, Resp])((*spec)(h).withExtraction(x.from))
}

// Endpoint is what a route leads to: a *[Handler] of any types.
type Endpoint interface{ endpoint() *endpoint }

func (h *Handler[Req, Resp]) endpoint() *endpoint { return (*spec)(h).endpoint() }

// types is all that the plan knows of a handler's types.
type types struct {
	req, resp reflect.Type
	frame     func() frame // a new one
	call      typedCall    // of the innermost function
	// service is what the function is made of, and callFrom makes the call then; otherwise they are nil.
	service  *graph.Key
	callFrom func(supply) typedCall
}

func typesOf[Req, Resp any](fn func(context.Context, Req) (Resp, error)) types {
	return types{req: reflect.TypeFor[Req](), resp: reflect.TypeFor[Resp](), frame: newFrame[Req, Resp], call: calling(fn)}
}

// frame is where a request's Req and Resp are: a *Req and a *Resp, in one allocation.
type frame struct{ in, out any }

func newFrame[Req, Resp any]() frame {
	room := new(struct {
		in  Req
		out Resp
	})
	return frame{&room.in, &room.out}
}

// typedCall runs a typed function on a frame.
type typedCall func(ctx context.Context, f frame) error

// calling calls a handler's function.
func calling[Req, Resp any](fn func(context.Context, Req) (Resp, error)) typedCall {
	return func(ctx context.Context, f frame) (err error) {
		*f.out.(*Resp), err = fn(ctx, *f.in.(*Req))
		return err
	}
}
