//go:build unix

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/awslambda/awslambdatest"
)

// The same program, behind each of Lambda's front doors: what one of them takes, the others show.
func TestTheProgramIsALambdaFunction(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "orders.db")
	added, err := program(t.Context(), "-db", file, "-add-user", "Mia", "-role", "manager", "-tenant", "acme").Output()
	require.NoError(t, err)
	key := printedKey.FindString(string(added))
	api := awslambdatest.NewRuntimeAPI(t)
	cmd := program(t.Context(), "-db", file)
	cmd.Env = append(cmd.Env, api.Environment()...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	send := func(door awslambdatest.Door, method, path, body string) (status int, got map[string]any) {
		hr, err := http.NewRequestWithContext(ctx, method, "http://orders.example.com"+path, strings.NewReader(body))
		require.NoError(t, err)
		hr.Header.Set("Authorization", "Bearer "+key)
		if body != "" {
			hr.Header.Set("Content-Type", "application/json")
		}
		event, err := awslambdatest.Event(door, hr)
		require.NoError(t, err)
		result, err := api.Invoke(ctx, event, awslambdatest.Invocation{})
		require.NoError(t, err)
		require.Nil(t, result.Error)
		resp, err := awslambdatest.Answer(door, hr, strings.NewReader(result.Body))
		require.NoError(t, err)
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
		return resp.StatusCode, got
	}
	doors := []awslambdatest.Door{awslambdatest.RESTAPI, awslambdatest.HTTPAPI, awslambdatest.FunctionURL, awslambdatest.ALB, awslambdatest.ALBMultiValue, awslambdatest.Lattice1, awslambdatest.Lattice2}
	for _, door := range doors {
		status, _ := send(door, "POST", "/api/tenants/acme/orders", teaForTwo)
		assert.Equal(t, http.StatusCreated, status, door)
		status, got := send(door, "GET", "/api/tenants/acme/orders/1", "")
		assert.Equal(t, http.StatusOK, status, door)
		assert.EqualValues(t, 1, got["id"], door)
		status, got = send(door, "POST", "/api/tenants/acme/orders", `{}`)
		assert.Equal(t, http.StatusUnprocessableEntity, status, door)
		assert.NotEmpty(t, got["errors"], door)
		status, _ = send(door, "GET", "/api/tenants/globex/orders/1", "")
		assert.Equal(t, http.StatusNotFound, status, door)
	}
	_, got := send(awslambdatest.HTTPAPI, "GET", "/api/tenants/acme/orders", "")
	assert.Len(t, got["orders"], len(doors))
}

// What keeps it from starting is Lambda's to know.
func TestTheProgramTellsLambdaWhyItCannotStart(t *testing.T) {
	t.Parallel()
	api := awslambdatest.NewRuntimeAPI(t)
	cmd := program(t.Context())
	cmd.Env = append(append(cmd.Env, api.Environment()...), secretVariable+"=short")
	require.Error(t, cmd.Run())
	failed, err := api.StartFailure(t.Context())
	require.NoError(t, err)
	assert.Contains(t, failed.Message, "ORDERS_WEBHOOK_SECRET is shorter than 16 bytes")
}
