package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft"
)

const signatureHeader = "X-Signature"

// tolerance bounds how long a message that somebody recorded can be sent again,
// and how far the clocks of both sides may be apart. Within it, payments.event_id stops repetitions.
const tolerance = 5 * time.Minute

// signed lets pass what was signed with the secret, in a field such as
//
//	X-Signature: t=1795219200,v1=5257a869…
//
// v1 is the HMAC-SHA256 of the text "1795219200." and the body, in hex. It is
// over the bytes as they came, before anything decodes them: a document that is
// decoded and encoded again may be another one. The handler decodes the same bytes. There may be
// several v1, while the sender changes its secret.
func signed(secret []byte) weft.Guard {
	return weft.NewGuard("signed", func(r *weft.Request) error {
		if len(secret) == 0 { // or whoever signs with the empty secret would pass
			return &weft.Error{
				Status: http.StatusServiceUnavailable, // so that the sender keeps the payment and tries again
				Code:   "not_configured",
				Cause:  errors.New("no secret for payments; set " + secretVariable),
			}
		}
		sig, err := parseSignature(r.Header().Get(signatureHeader))
		if err != nil {
			return badSignature(err)
		}
		if age := time.Since(sig.at); age.Abs() > tolerance {
			return badSignature(fmt.Errorf("it is %v old", age))
		}
		body, err := r.Body()
		if err != nil {
			return err // such as a body over the limit: that is a 413
		}
		if !sig.holds(secret, body) {
			return badSignature(errors.New("it is of another secret or another body"))
		}
		return nil
	}, weft.ReadsBody())
}

// badSignature is one answer for all: why is for the log, and not for who tries.
func badSignature(cause error) error {
	return weft.Deny("The signature is missing, wrong or too old.").WithCode("invalid_signature").WithCause(cause)
}

// signature is what the header field says.
type signature struct {
	t    string // as it was sent, because it is part of what is signed
	at   time.Time
	macs [][]byte
}

func parseSignature(text string) (signature, error) {
	var s signature
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil || s.t != "" {
				return signature{}, errors.New("it has no time, or two")
			}
			s.t, s.at = value, time.Unix(seconds, 0)
		case "v1":
			mac, err := hex.DecodeString(value)
			if err != nil {
				return signature{}, errors.New("v1 is not hex")
			}
			s.macs = append(s.macs, mac)
		}
	}
	if s.t == "" || s.macs == nil {
		return signature{}, errors.New("t or v1 is missing")
	}
	return s, nil
}

// holds compares in constant time: how many bytes are right would tell an attacker the rest, one by one.
func (s signature) holds(secret, body []byte) bool {
	want := macOf(secret, s.t, body)
	for _, mac := range s.macs {
		if hmac.Equal(mac, want) {
			return true
		}
	}
	return false
}

// sign makes the field's value: what a sender does, and so the demo and the tests.
func sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(macOf(secret, t, body))
}

func macOf(secret []byte, t string, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
