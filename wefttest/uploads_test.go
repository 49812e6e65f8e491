package wefttest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

// The uploads of a request that a test made last until the test ends it.
func TestFinishLetsUploadsGo(t *testing.T) {
	r := wefttest.Request("POST", "/", wefttest.Body("multipart/form-data; boundary=b",
		"--b\r\nContent-Disposition: form-data; name=small; filename=s\r\n\r\ny\r\n"+
			"--b\r\nContent-Disposition: form-data; name=large; filename=l\r\n\r\n"+strings.Repeat("x", 512<<10)+"\r\n--b--\r\n"))
	small, err := weft.FormFile("small").Extract(r)
	require.NoError(t, err)
	large, err := weft.FormFile("large").Extract(r)
	require.NoError(t, err)
	for range 2 {
		_, err = small.Bytes()
		require.NoError(t, err)
		_, err = large.Bytes()
		require.NoError(t, err)
	}
	wefttest.Finish(r, weft.Sent{Status: 200})
	for _, u := range []weft.Upload{small, large} {
		_, err = u.Bytes()
		assert.ErrorIs(t, err, weft.ErrUploadGone)
	}
}
