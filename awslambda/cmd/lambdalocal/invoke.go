package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft/awslambda/internal/doors"
	"github.com/weft-go/weft/awslambda/internal/runtimeapi"
)

// The path of Lambda's Invoke, between which is the function's name.
const (
	invokePrefix = "/2015-03-31/functions/"
	invokeSuffix = "/invocations"
)

func isInvoke(r *http.Request) bool {
	rest, under := strings.CutPrefix(r.URL.EscapedPath(), invokePrefix)
	name, is := strings.CutSuffix(rest, invokeSuffix)
	return under && is && name != "" && !strings.Contains(name, "/")
}

// invoke is Lambda's Invoke (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html), of whatever name: there is one function.
func (s *site) invoke(w http.ResponseWriter, r *http.Request) {
	about := runtimeapi.Invocation{RequestID: newID(), TraceID: r.Header.Get(traceHeader), TenantID: r.Header.Get("X-Amz-Tenant-Id")}
	if about.TraceID == "" {
		about.TraceID = newTrace(time.Now())
	}
	w.Header().Set("X-Amzn-Requestid", about.RequestID)
	w.Header().Set(traceHeader, about.TraceID)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuseCall(w, http.StatusMethodNotAllowed, "MethodNotAllowedException", "an event is sent by POST")
		return
	}
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, doors.EventLimit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		refuseCall(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", "Request must be smaller than "+strconv.Itoa(doors.EventLimit)+" bytes for the InvokeFunction operation")
		return
	}
	if err != nil {
		refuseCall(w, http.StatusBadRequest, "InvalidRequestContentException", "the event could not be read: "+err.Error())
		return
	}
	if len(event) == 0 {
		event = []byte("{}")
	}
	if !json.Valid(event) {
		refuseCall(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json: the event is no JSON")
		return
	}
	if said := r.Header.Get("X-Amz-Client-Context"); said != "" {
		client, err := base64.StdEncoding.DecodeString(said)
		if err != nil || !json.Valid(client) || strings.ContainsAny(string(client), "\r\n") {
			refuseCall(w, http.StatusBadRequest, "InvalidRequestContentException", "the client context is no JSON in base64")
			return
		}
		about.ClientContext = string(client)
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
		s.call(w, r, event, about)
	case "Event":
		s.callLater(w, r, event, about)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		refuseCall(w, http.StatusBadRequest, "InvalidParameterValueException", "the invocation type "+strconv.Quote(kind)+" is none of RequestResponse, Event, DryRun")
	}
}

// call answers with what the function answers.
func (s *site) call(w http.ResponseWriter, r *http.Request, event []byte, about runtimeapi.Invocation) {
	text, err := s.result(r.Context(), event, about)
	if err != nil && r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // nobody waits
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amz-Executed-Version", "$LATEST")
	if err != nil {
		s.log.Printf("%s: %v", about.RequestID, err)
		h.Set("X-Amz-Function-Error", "Unhandled")
		text = failureText(err, about.RequestID)
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text)
}

// callLater answers at once, and has the function take the event when it can. Unlike Lambda it does not try again.
func (s *site) callLater(w http.ResponseWriter, r *http.Request, event []byte, about runtimeapi.Invocation) {
	err := s.fn.background(func() {
		if _, err := s.result(context.WithoutCancel(r.Context()), event, about); err != nil {
			s.log.Printf("%s: %v", about.RequestID, err)
		}
	})
	if err != nil {
		refuseCall(w, http.StatusServiceUnavailable, "ServiceException", err.Error())
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// result is all of the function's answer.
func (s *site) result(ctx context.Context, event []byte, about runtimeapi.Invocation) ([]byte, error) {
	resp, err := s.fn.invoke(ctx, event, about)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return whole(resp, doors.EventLimit)
}

// failureText is the JSON of an error: the function's own, or what Lambda says where there is none.
func failureText(err error, id string) []byte {
	if f, ok := errors.AsType[*runtimeapi.Failure](err); ok && json.Valid(f.Text) {
		return f.Text
	}
	kind := "Runtime.ExitError"
	switch {
	case errors.Is(err, errTimedOut):
		kind = "Sandbox.Timedout"
	case errors.Is(err, errNotStarted):
		kind = "Sandbox.InitTimeout"
	}
	text, _ := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, "RequestId: " + id + " Error: " + err.Error()}) // never fails
	return text
}

// refuseCall answers a call that is wrong, as Lambda's API does.
func refuseCall(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	text, _ := json.Marshal(struct {
		Type    string
		Message string `json:"message"`
	}{"User", message}) // never fails
	_, _ = w.Write(text)
}
