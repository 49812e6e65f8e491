//go:build unix

package awslambda_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// Batches and invocations of a real process, also where it streams what a front door can take.
func TestTheProcessAnswersEventsOfOtherSources(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"FUNCTION_MODE=", "FUNCTION_MODE=streaming"} {
		api, p := process(t, mode)
		invoke := func(event []byte, about awslambdatest.Invocation) awslambdatest.Result {
			t.Helper()
			result, err := api.Invoke(within(t), event, about)
			require.NoError(t, err)
			return result
		}
		var messages []awslambdatest.Message
		for _, how := range []string{"fine", "panic", "goexit", "error", "fine"} {
			messages = append(messages, awslambdatest.Message{Body: fmt.Sprintf("%q", how)})
		}
		event := awslambdatest.SQSBatch("orders", append(messages, awslambdatest.Message{Body: "no JSON"})...)
		result := invoke(event, awslambdatest.Invocation{})
		require.Nil(t, result.Error)
		again, err := awslambdatest.SentAgain(event, []byte(result.Body))
		require.NoError(t, err, result.Body)
		assert.Equal(t, []string{"message-2", "message-3", "message-4", "message-6"}, again)
		if mode == "FUNCTION_MODE=streaming" {
			assert.Equal(t, "application/json", result.ContentType)
		}

		event = awslambdatest.KinesisBatch("clicks", awslambdatest.Record{Data: `"fine"`}, awslambdatest.Record{Data: `"error"`}, awslambdatest.Record{Data: `"fine"`})
		result = invoke(event, awslambdatest.Invocation{})
		require.Nil(t, result.Error)
		assert.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"2"}]}`, result.Body)

		// The deadline in the middle of a batch, within the reserve.
		event = awslambdatest.SQSBatch("orders", awslambdatest.Message{Body: `"late"`}, awslambdatest.Message{Body: `"fine"`}, awslambdatest.Message{Body: `"late"`}, awslambdatest.Message{Body: `"late"`}, awslambdatest.Message{Body: `"fine"`})
		result = invoke(event, awslambdatest.Invocation{Timeout: 600 * time.Millisecond})
		require.Nil(t, result.Error)
		again, err = awslambdatest.SentAgain(event, []byte(result.Body))
		require.NoError(t, err, result.Body)
		assert.Equal(t, []string{"message-1", "message-3", "message-4", "message-5"}, again)

		result = invoke([]byte(`{"action":"take","how":"tea"}`), awslambdatest.Invocation{RequestID: "r-7"})
		require.Nil(t, result.Error)
		assert.Equal(t, fmt.Sprintf(`"tea r-7 by %d"`, p.ID()), result.Body)
		for how, kind := range map[string]string{"not found": "order_not_found", "panic": "internal", "goexit": "Weft.Unwound"} {
			result = invoke([]byte(`{"action":"take","how":"`+how+`"}`), awslambdatest.Invocation{})
			require.NotNil(t, result.Error, how)
			assert.Equal(t, kind, result.Error.Type)
			if how == "not found" {
				assert.True(t, strings.HasPrefix(result.Error.Message, `{"`), result.Error.Message)
			}
		}
		assert.True(t, p.Running())
	}
}
