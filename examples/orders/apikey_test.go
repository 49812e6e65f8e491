package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAKeyIsThirtyTwoRandomBytes(t *testing.T) {
	t.Parallel()
	seen := map[apiKey]bool{}
	for range 100 {
		key := newAPIKey()
		text, found := strings.CutPrefix(string(key), keyPrefix)
		require.True(t, found, string(key))
		secret, err := base64.RawURLEncoding.DecodeString(text)
		require.NoError(t, err)
		assert.Len(t, secret, 32)
		assert.Regexp(t, `^[A-Za-z0-9._~+/-]+=*$`, string(key), "it can be sent as a bearer token (RFC 6750 section 2.1)")
		assert.False(t, seen[key], "every key is another")
		seen[key] = true
	}
}

func TestTheHashOfAKeyIsItsSHA256(t *testing.T) {
	t.Parallel()
	// FIPS 180-2, appendix B.1
	assert.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex.EncodeToString(apiKey("abc").hash()))
}

func TestAKeyIsNotPrintedByMistake(t *testing.T) {
	t.Parallel()
	key := newAPIKey()
	var log bytes.Buffer
	newLogger(&log, slog.LevelInfo).InfoContext(t.Context(), "oops", "key", key, "user", credential{key: key})
	for _, printed := range []string{fmt.Sprint(key), fmt.Sprintf("%v %s %q", key, key, key), log.String()} {
		assert.NotContains(t, printed, string(key))
	}
}
