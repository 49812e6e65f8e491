package awslambdatest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// A door answers 502 for what it does not take: the double is as strict as what it stands for.
func TestDoorsRefuseAnswersOfOtherForms(t *testing.T) {
	hr, err := http.NewRequestWithContext(t.Context(), "GET", "http://example.com/", nil)
	require.NoError(t, err)
	for _, c := range []struct {
		door         awslambdatest.Door
		answer, want string
	}{
		{awslambdatest.RESTAPI, `{"statusCode":200,"multiValueHeaders":{},"body":"x","isBase64Encoded":false}`, ""},
		{awslambdatest.RESTAPI, `{"statusCode":200,"cookies":["a=1"],"body":"x"}`, `does not know the member "cookies"`},
		{awslambdatest.HTTPAPI, `{"statusCode":200,"headers":{},"cookies":["a=1"],"body":"x"}`, ""},
		{awslambdatest.HTTPAPI, `{"statusCode":200,"multiValueHeaders":{},"body":"x"}`, `does not know the member "multiValueHeaders"`},
		{awslambdatest.ALBMultiValue, `{"statusCode":200,"statusDescription":"200 OK","headers":{},"body":"x"}`, `does not know the member "headers"`},
		{awslambdatest.ALBMultiValue, `{"statusCode":200,"statusDescription":"200 OK","multiValueHeaders":null,"body":"x"}`, `is null`},
		{awslambdatest.ALB, `{"statusCode":200,"headers":{},"body":"x"}`, "no statusDescription"},
		{awslambdatest.ALB, `{"statusCode":200,"statusDescription":"200 OK","body":"x"}`, "not the header that its event had"},
		{awslambdatest.ALB, `{"statusCode":200,"statusDescription":"200 OK","headers":{},"body":null}`, "is null"},
		{awslambdatest.Lattice1, `{"statusCode":200,"headers":{},"body":"x"}`, ""},
		{awslambdatest.Lattice1, `{"statusCode":200,"headers":{}}`, "has no body"},
		{awslambdatest.Lattice2, `{"statusCode":"200","headers":{},"body":""}`, "malformed"},
		{awslambdatest.Lattice2, `{"headers":{},"body":""}`, "no status"},
		{awslambdatest.Lattice2, `{"statusCode":200,"headers":{},"body":"?","isBase64Encoded":true}`, "no base64"},
		{awslambdatest.FunctionURL, `[]`, "no object"},
		{awslambdatest.FunctionURLStreams, `{"statusCode":200}`, "ends within its head"},
	} {
		resp, err := awslambdatest.Answer(c.door, hr, strings.NewReader(c.answer))
		if c.want != "" {
			assert.ErrorContains(t, err, c.want, c.answer)
			continue
		}
		require.NoError(t, err, c.answer)
		assert.Equal(t, 200, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	}
	_, err = awslambdatest.Event("a door", hr)
	assert.ErrorContains(t, err, `no front door "a door"`)
}
