package weft_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file in testdata. The folder of this checkout,
// which the sources name, is left out.
func golden(t *testing.T, name, text string) {
	t.Helper()
	text = regexp.MustCompile(`[^\s("]+/(\w+_test\.go:\d+)`).ReplaceAllString(text, "$1")
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), text, "go test -run %s . -update writes it anew", t.Name())
}

func TestLaw8EveryMistakeIsAnErrorOfBuildWithItsLine(t *testing.T) {
	_, err := wrong().Plan()
	require.Error(t, err)
	golden(t, "mistakes.txt", err.Error()+"\n")

	_, same := wrong().Build(t.Context())
	require.Error(t, same)
	assert.Equal(t, err.Error(), same.Error())

	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	for _, one := range joined.Unwrap() {
		var mistake *weft.BuildError
		require.ErrorAs(t, one, &mistake)
		assert.Regexp(t, `declarations_ext_test\.go:\d+$`, mistake.Source)
		assert.NotEmpty(t, mistake.Problem)
		assert.NotEmpty(t, mistake.Remedy)
	}
}

func TestAFailedBuildLeavesTheAppOpen(t *testing.T) {
	app, _ := newApp()
	app.Handle("GET /x", nil)
	_, err := app.Build(t.Context())
	require.Error(t, err)
	assert.NotPanics(t, func() { app.Use() })
}

func TestBuildHonoursItsContext(t *testing.T) {
	app, _ := newApp()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("not now"))
	_, err := app.Build(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestThePlanAsText(t *testing.T) {
	plan, err := planned().Plan()
	require.NoError(t, err)
	golden(t, "plan.txt", plan.String())
	assert.Equal(t, plan.String(), build(t, planned()).Explain())
}

func TestThePlanAsJSON(t *testing.T) {
	plan, err := planned().Plan()
	require.NoError(t, err)
	text, err := json.MarshalIndent(plan, "", "  ")
	require.NoError(t, err)
	golden(t, "plan.json", string(text)+"\n")

	var back weft.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, *plan, back)
}

func TestPlanOfAnEmptyApp(t *testing.T) {
	app, _ := newApp()
	plan, err := app.Plan()
	require.NoError(t, err)
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	assert.JSONEq(t, `{"app":[],"routes":[],"misses":[],"warnings":[]}`, string(text))
	assert.Equal(t, 404, serve(t, app).send("GET", "/", "").status)
}

// A policy is a test over the plan.
func TestAPolicyOverThePlan(t *testing.T) {
	plan, err := planned().Plan()
	require.NoError(t, err)
	for _, route := range plan.Routes {
		if strings.HasPrefix(route.Pattern, "POST ") {
			assert.Condition(t, func() bool {
				for _, s := range route.Stages {
					if s.Name == "quota" {
						return true
					}
				}
				return false
			}, "%s (%s) has no quota", route.Pattern, route.Source)
		}
	}
}

func TestEveryWrongDeclarationOfExtractionIsFound(t *testing.T) {
	_, err := wrongExtraction().Plan()
	require.Error(t, err)
	golden(t, "extraction_mistakes.txt", err.Error()+"\n")
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	routes := map[string]bool{}
	for _, one := range joined.Unwrap() {
		var mistake *weft.BuildError
		require.ErrorAs(t, one, &mistake)
		assert.Regexp(t, `extract_declarations_ext_test\.go:\d+$`, mistake.Source)
		routes[mistake.Route] = true
	}
	assert.GreaterOrEqual(t, len(routes), 40)
}

func TestEveryWrongDeclarationOfGuardsAndKeysIsFound(t *testing.T) {
	_, err := wrongGuards().Plan()
	require.Error(t, err)
	golden(t, "guard_mistakes.txt", err.Error()+"\n")
}

func TestEveryWrongDeclarationOfErrorsIsFound(t *testing.T) {
	_, err := wrongErrors().Plan()
	require.Error(t, err)
	golden(t, "mapping_mistakes.txt", err.Error()+"\n")
}

func TestThePlanOfErrors(t *testing.T) {
	plan, err := plannedErrors().Plan()
	require.NoError(t, err)
	golden(t, "mapping_plan.txt", plan.String())

	text, err := json.Marshal(plan)
	require.NoError(t, err)
	var back weft.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, *plan, back)
}
