package main

import (
	"crypto/rand"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// environment is that of the function's process (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html): what is inherited, with what Lambda sets
// and is not there. What belongs to the runtime is never inherited.
func environment(o options, path, runtimeAPI string, inherited []string) []string {
	region := valueOf(inherited, "AWS_REGION", valueOf(inherited, "AWS_DEFAULT_REGION", "us-east-1"))
	name := valueOf(inherited, "AWS_LAMBDA_FUNCTION_NAME", o.name)
	version := valueOf(inherited, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
	env := slices.DeleteFunc(slices.Clone(inherited), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_MAX_CONCURRENCY", "_X_AMZN_TRACE_ID", "_LAMBDA_SERVER_PORT"}, name)
	})
	for _, v := range [][2]string{
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region},
		{"AWS_LAMBDA_FUNCTION_NAME", name},
		{"AWS_LAMBDA_FUNCTION_VERSION", version},
		{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", strconv.Itoa(o.memory)},
		{"AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + name},
		{"AWS_LAMBDA_LOG_STREAM_NAME", time.Now().UTC().Format("2006/01/02/") + "[" + version + "]" + random(16)},
		{"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
		{"LAMBDA_TASK_ROOT", filepath.Dir(path)},
		{"_HANDLER", filepath.Base(path)},
		{"TZ", ":UTC"},
	} {
		if valueOf(inherited, v[0], "") == "" {
			env = append(env, v[0]+"="+v[1])
		}
	}
	if o.concurrency > 1 {
		env = append(env, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(o.concurrency))
	}
	return append(env, "AWS_LAMBDA_RUNTIME_API="+runtimeAPI)
}

// arn is that of the function.
func arn(o options, inherited []string) string {
	region := valueOf(inherited, "AWS_REGION", valueOf(inherited, "AWS_DEFAULT_REGION", "us-east-1"))
	return "arn:aws:lambda:" + region + ":123456789012:function:" + valueOf(inherited, "AWS_LAMBDA_FUNCTION_NAME", o.name)
}

// valueOf is the value of a variable, or another where it has none.
func valueOf(env []string, name, otherwise string) string {
	for _, v := range slices.Backward(env) { // of a name the last counts
		if n, value, _ := strings.Cut(v, "="); n == name && value != "" {
			return value
		}
	}
	return otherwise
}

// random is n random bytes in hexadecimal digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// newID is a random UUID (RFC 9562, version 4), as Lambda's request ids are.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	x := hex.EncodeToString(b)
	return strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
}

// newTrace is a tracing header of a trace that begins here (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
func newTrace(at time.Time) string {
	return "Root=1-" + strconv.FormatInt(at.Unix(), 16) + "-" + random(12)
}
