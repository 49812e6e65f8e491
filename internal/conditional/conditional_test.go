package conditional

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	then    = time.Date(2026, time.March, 1, 12, 0, 0, 400, time.UTC)
	earlier = []string{"Sun, 01 Mar 2026 11:59:59 GMT"}
	onTime  = []string{"Sun, 01 Mar 2026 12:00:00 GMT"}
	later   = []string{"Sun, 01 Mar 2026 12:00:01 GMT"}
)

// The table of RFC 9110 section 8.8.3.2.
func TestComparison(t *testing.T) {
	for _, row := range []struct {
		a, b         string
		strong, weak bool
	}{
		{`W/"1"`, `W/"1"`, false, true},
		{`W/"1"`, `W/"2"`, false, false},
		{`W/"1"`, `"1"`, false, true},
		{`"1"`, `"1"`, true, true},
		{`"1"`, "", false, false},
	} {
		assert.Equal(t, row.strong, same(row.a, row.b, true), "%s and %s, strong", row.a, row.b)
		assert.Equal(t, row.weak, same(row.a, row.b, false), "%s and %s, weak", row.a, row.b)
	}
}

// outcome is what the steps of RFC 9110 section 13.2.2 lead to.
func outcome(c Conditions, method string, exists bool, now Validators) int {
	switch {
	case c.Failed(method, exists, now):
		return http.StatusPreconditionFailed
	case exists && c.NotModified(method, now):
		return http.StatusNotModified
	}
	return http.StatusOK
}

func TestTheStepsOfPrecedence(t *testing.T) {
	const (
		ok, not, failed = http.StatusOK, http.StatusNotModified, http.StatusPreconditionFailed
		get, put        = http.MethodGet, http.MethodPut
	)
	one, other, weak := []string{`"1"`}, []string{`"2"`}, []string{`W/"1"`}
	now := Validators{Tag: `"1"`, Modified: then}
	star := []string{"*"}
	for _, row := range []struct {
		what     string
		c        Conditions
		now      Validators
		get, put int
	}{
		{"nothing", Conditions{}, now, ok, ok},
		{"1: If-Match holds", Conditions{IfMatch: one}, now, ok, ok},
		{"1: does not", Conditions{IfMatch: other}, now, failed, failed},
		{"1: is strong about the client's", Conditions{IfMatch: weak}, now, failed, failed},
		{"1: and the server's", Conditions{IfMatch: weak}, Validators{Tag: `W/"1"`}, failed, failed},
		{"1: anything that is there", Conditions{IfMatch: star}, Validators{}, ok, ok},
		{"1: no tag to compare with", Conditions{IfMatch: one}, Validators{}, failed, failed},
		{"1: one of several lines", Conditions{IfMatch: []string{`"3", "2"`, `"1"`}}, now, ok, ok},
		{"1: another representation's", Conditions{IfMatch: []string{`"1+xml"`}}, Validators{Tag: `"1"`, Variants: []string{`"1+xml"`}}, ok, ok},
		{"1: that cannot be read", Conditions{IfMatch: []string{"1"}}, now, failed, failed},
		{"2: If-Unmodified-Since holds", Conditions{IfUnmodifiedSince: onTime}, now, ok, ok},
		{"2: does not", Conditions{IfUnmodifiedSince: earlier}, now, failed, failed},
		{"2: is not asked beside If-Match", Conditions{IfMatch: one, IfUnmodifiedSince: earlier}, now, ok, ok},
		{"2: no date to compare with", Conditions{IfUnmodifiedSince: earlier}, Validators{Tag: `"1"`}, ok, ok},
		{"2: that cannot be read", Conditions{IfUnmodifiedSince: []string{"yesterday"}}, now, ok, ok},
		{"2: twice", Conditions{IfUnmodifiedSince: append(earlier, earlier...)}, now, ok, ok},
		{"3: If-None-Match is another", Conditions{IfNoneMatch: other}, now, ok, ok},
		{"3: is the one there is", Conditions{IfNoneMatch: one}, now, not, failed},
		{"3: is weak about it", Conditions{IfNoneMatch: weak}, now, not, failed},
		{"3: anything that is there", Conditions{IfNoneMatch: star}, Validators{}, not, failed},
		{"3: that cannot be read", Conditions{IfNoneMatch: []string{`"1", 2`}}, now, ok, ok},
		{"3: after 1", Conditions{IfMatch: one, IfNoneMatch: one}, now, not, failed},
		{"3: not after 1 failed", Conditions{IfMatch: other, IfNoneMatch: one}, now, failed, failed},
		{"3: after 2", Conditions{IfUnmodifiedSince: later, IfNoneMatch: one}, now, not, failed},
		{"4: If-Modified-Since holds", Conditions{IfModifiedSince: earlier}, now, ok, ok},
		{"4: does not", Conditions{IfModifiedSince: onTime}, now, not, ok},
		{"4: nor later", Conditions{IfModifiedSince: later}, now, not, ok},
		{"4: is not asked beside If-None-Match", Conditions{IfNoneMatch: other, IfModifiedSince: later}, now, ok, ok},
		{"4: no date to compare with", Conditions{IfModifiedSince: later}, Validators{Tag: `"1"`}, ok, ok},
		{"4: that cannot be read", Conditions{IfModifiedSince: []string{"1"}}, now, ok, ok},
		{"4: after 1", Conditions{IfMatch: one, IfModifiedSince: onTime}, now, not, ok},
	} {
		t.Run(row.what, func(t *testing.T) {
			assert.Equal(t, row.get, outcome(row.c, get, true, row.now), "GET")
			assert.Equal(t, row.get, outcome(row.c, http.MethodHead, true, row.now), "HEAD")
			for _, method := range []string{put, http.MethodPost, http.MethodDelete, http.MethodPatch} {
				assert.Equal(t, row.put, outcome(row.c, method, true, row.now), method)
			}
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	for _, row := range []struct {
		c    Conditions
		want bool
	}{
		{Conditions{}, false},
		{Conditions{IfMatch: []string{"*"}}, true},
		{Conditions{IfMatch: []string{`"1"`}}, true},
		{Conditions{IfNoneMatch: []string{"*"}}, false},
		{Conditions{IfNoneMatch: []string{`"1"`}}, false},
		{Conditions{IfUnmodifiedSince: earlier}, false},
	} {
		assert.Equal(t, row.want, row.c.Failed(http.MethodPut, false, Validators{}), "%+v", row.c)
	}
}

func TestWellFormed(t *testing.T) {
	for _, lines := range [][]string{{"*"}, {" * ,"}, {`"a"`}, {`W/"a"`, `"b" , "c"`}, {`""`}, {`,"a",,"b"`}, {"\"\x80!#~\""}} {
		assert.True(t, WellFormed(lines), "%q", lines)
	}
	for _, lines := range [][]string{nil, {""}, {","}, {"a"}, {`"a`}, {`w/"a"`}, {`W/a`}, {`W/`}, {`"a" "b"`}, {`"a b"`}, {`"a`, `b"`}, {`*, "a"`}, {`"a"`, "*"}, {"**"}, {"\"\x7f\""}} {
		assert.False(t, WellFormed(lines), "%q", lines)
	}
}

func TestTag(t *testing.T) {
	for in, want := range map[string]string{"": "", "v7": `"v7"`, `"v7"`: `"v7"`, `W/"v7"`: `W/"v7"`, "W/x": `"W/x"`, `""`: `""`} {
		tag, err := Tag(in)
		require.NoError(t, err, in)
		assert.Equal(t, want, tag)
	}
	for _, in := range []string{`v"7`, "v 7", "v\r\n7", `"v7`, `W/"v7`, `"v"7"`, "\x00", `"v7", "v8"`} {
		_, err := Tag(in)
		assert.Error(t, err, "%q", in)
	}
	assert.Equal(t, `"v7+xml"`, Variant(`"v7"`, "xml"))
	assert.Equal(t, `W/"v7+xml"`, Variant(`W/"v7"`, "xml"))
	assert.Equal(t, `"v7"`, Variant(`"v7"`, ""))
	assert.Empty(t, Variant("", "xml"))
}

func TestAHostileListTakesLinearTime(t *testing.T) {
	const n = 1 << 20
	for _, line := range []string{strings.Repeat(`"a",`, n), strings.Repeat(",", n), strings.Repeat(" ", n), `"` + strings.Repeat("a", n), strings.Repeat(`W/"a", `, n) + "x"} {
		begun := time.Now()
		Conditions{IfNoneMatch: []string{line}}.Failed("PUT", true, Validators{Tag: `"b"`})
		assert.Less(t, time.Since(begun), 5*time.Second)
	}
}

// What is a tag is found again in a list of tags, and what is read never changes by being sent again.
func FuzzTags(f *testing.F) {
	f.Add(`"a", W/"b"`, "v7")
	f.Add("*", `W/"v7"`)
	f.Add(`"a",,"`, "W/")
	f.Fuzz(func(t *testing.T, list, text string) {
		tag, err := Tag(text)
		if err != nil || tag == "" {
			return
		}
		if again, err := Tag(tag); err != nil || again != tag {
			t.Fatalf("%q becomes %q", tag, again)
		}
		now := Validators{Tag: tag}
		if !(Conditions{IfNoneMatch: []string{tag}}).NotModified("GET", now) {
			t.Fatalf("%q does not name itself", tag)
		}
		if strong := tag[0] == '"'; strong == (Conditions{IfMatch: []string{tag}}).Failed("PUT", true, now) {
			t.Fatalf("%q and If-Match", tag)
		}
		if !WellFormed([]string{list}) || strings.Contains(strings.TrimSpace(list), "*") {
			return
		}
		if !(Conditions{IfNoneMatch: []string{list, tag}}).NotModified("GET", now) {
			t.Fatalf("%q is not found behind %q", tag, list)
		}
	})
}
