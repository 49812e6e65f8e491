package main

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

// counts are how many requests each series has.
func (t *timing) counts() map[label]uint64 {
	all := map[label]uint64{}
	for _, s := range t.snapshot() {
		for _, n := range s.buckets {
			all[s.label] += n
		}
	}
	return all
}

func TestARequestIsMeasuredUnderABoundedLabel(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method string
		status int
		want   label
	}{
		{"GET", 200, label{"GET", unmatched, "2xx"}},
		{"PROPFIND", 307, label{"other", unmatched, "3xx"}},
		{"get", 404, label{"other", unmatched, "4xx"}},
		{"OPTIONS", 499, label{"OPTIONS", unmatched, "4xx"}},
		{"DELETE", 599, label{"DELETE", unmatched, "5xx"}},
		{"POST", 0, label{"POST", unmatched, "none"}},
	} {
		measured := &timing{}
		measured.record(request(t, row.method, "/x"), weft.Sent{Status: row.status})
		assert.Equal(t, map[label]uint64{row.want: 1}, measured.counts())
	}
}

func TestADurationIsCountedInItsBucket(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		duration time.Duration
		bucket   int
	}{
		{0, 0}, {5 * time.Millisecond, 0}, {5*time.Millisecond + 1, 1}, {time.Second, 7},
		{10 * time.Second, 10}, {10*time.Second + 1, 11}, {time.Hour, 11},
	} {
		measured := &timing{}
		measured.record(request(t, "GET", "/"), weft.Sent{Status: 200, Duration: row.duration})
		want := histogram{sum: row.duration}
		want.buckets[row.bucket] = 1
		assert.Equal(t, want, measured.snapshot()[0].histogram, row.duration)
	}
}

func TestTheTextFormat(t *testing.T) {
	t.Parallel()
	measured := &timing{}
	for _, d := range []time.Duration{time.Millisecond, 40 * time.Millisecond, time.Minute} {
		measured.record(request(t, "GET", "/"), weft.Sent{Status: 404, Duration: d})
	}
	assert.Equal(t, `# HELP http_request_duration_seconds How long requests took, to the end of the answer.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="0.005"} 1
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="0.01"} 1
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="0.025"} 1
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="0.05"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="0.1"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="0.25"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="0.5"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="1"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="2.5"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="5"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="10"} 2
http_request_duration_seconds_bucket{method="GET",route="unmatched",status="4xx",le="+Inf"} 3
http_request_duration_seconds_sum{method="GET",route="unmatched",status="4xx"} 60.041
http_request_duration_seconds_count{method="GET",route="unmatched",status="4xx"} 3
`, string(measured.text()))
}

func TestSeriesAreInAStableOrder(t *testing.T) {
	t.Parallel()
	want := []label{{"GET", "/a", "2xx"}, {"GET", "/a", "5xx"}, {"PUT", "/a", "2xx"}, {"GET", "/b", "2xx"}, {"GET", unmatched, "4xx"}}
	measured := &timing{series: map[label]*histogram{}}
	for _, l := range want {
		measured.series[l] = &histogram{}
	}
	var got []label
	for _, s := range measured.snapshot() {
		got = append(got, s.label)
	}
	assert.Equal(t, want, got)
}

func TestTheTextOfNothing(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 2, strings.Count(string((&timing{}).text()), "\n"), "a head, and no series")
}

func TestALabelThatWouldEndItsQuotesIsEscaped(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `/a\"b\\c\nd`, escapeLabel("/a\"b\\c\nd"))
}

func TestEveryOutcomeIsMeasuredByItsTemplate(t *testing.T) {
	t.Parallel()
	measured := &timing{}
	s := serving(t, teahouse((&logged{}).logger(), measured.middleware()))
	want := map[label]uint64{}
	for _, o := range outcomes {
		o.call(t, s)
		want[label{o.method, o.route, fmt.Sprintf("%dxx", o.status/100)}]++
	}
	s.Close()
	assert.Equal(t, want, measured.counts())
}

// What a stage of the app's sees of the route before routing is nothing. It looks
// when the request has ended.
func TestAStageOfTheAppsKnowsTheRoute(t *testing.T) {
	t.Parallel()
	measured := &timing{}
	var before *weft.Route
	early := weft.Before("early", func(r *weft.Request) error { before = r.Route(); return nil })
	s := serving(t, teahouse((&logged{}).logger(), early, measured.middleware()))
	s.call(t, "GET", "/tea/green", "")
	s.Close()
	assert.Nil(t, before)
	assert.Equal(t, map[label]uint64{{"GET", "/tea/{sort}", "2xx"}: 1}, measured.counts())
}

func TestNoNumberOfPathsOrMethodsMakesMoreSeries(t *testing.T) {
	t.Parallel()
	measured := &timing{}
	s := serving(t, teahouse((&logged{}).logger(), measured.middleware()))
	for i := range 50 {
		s.call(t, "GET", fmt.Sprintf("/tea/sort%d", i), "")
		s.call(t, "GET", fmt.Sprintf("/nowhere%d", i), "")
		s.call(t, fmt.Sprintf("METHOD%d", i), "/tea/green", "")
	}
	s.Close()
	assert.Equal(t, map[label]uint64{
		{"GET", "/tea/{sort}", "2xx"}: 50, {"GET", unmatched, "4xx"}: 50, {"other", unmatched, "4xx"}: 50,
	}, measured.counts())
}

func TestTheTemplateOfAPattern(t *testing.T) {
	t.Parallel()
	measured := &timing{}
	app := weft.New()
	app.Use(measured.middleware())
	nothing := weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil })
	app.Handle("/every/{method}", nothing)
	app.Group("/g").Handle("GET /{$}", nothing)
	app.Group("/g").Handle("GET", nothing)
	s := serving(t, app)
	for _, path := range []string{"/every/x", "/g/", "/g"} {
		require.Equal(t, 204, s.call(t, "GET", path, "").status)
	}
	s.Close()
	assert.Equal(t, map[label]uint64{
		{"GET", "/every/{method}", "2xx"}: 1, {"GET", "/g/{$}", "2xx"}: 1, {"GET", "/g", "2xx"}: 1,
	}, measured.counts())
}

func TestMeasuringIsForAnyNumberOfGoroutines(t *testing.T) {
	t.Parallel()
	measured := &timing{}
	r := request(t, "GET", "/")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				measured.record(r, weft.Sent{Status: 200, Duration: time.Second})
			}
			measured.text()
		})
	}
	all.Wait()
	assert.Equal(t, map[label]uint64{{"GET", unmatched, "2xx"}: 4000}, measured.counts())
	assert.Equal(t, 4000*time.Second, measured.snapshot()[0].sum)
}

var sample = regexp.MustCompile(`^[a-z_]+\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\} [0-9.e+-]+$`)

func TestTheHandlerShowsWhatWasMeasured(t *testing.T) {
	t.Parallel()
	measured := &timing{}
	app := teahouse((&logged{}).logger(), measured.middleware())
	app.Handle("GET /metrics", measured.handler())
	app.Handle(`GET /quo"ted`, weft.Handle(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }))
	s := serving(t, app)
	for _, o := range outcomes {
		o.call(t, s)
	}
	s.call(t, "GET", "/quo%22ted", "")
	s.call(t, "GET", "/metrics", "")
	require.Eventually(t, func() bool { // the client has its answer before the request has ended
		return measured.counts()[label{"GET", "/metrics", "2xx"}] == 1
	}, 5*time.Second, time.Millisecond)

	got := s.call(t, "GET", "/metrics", "")
	assert.Equal(t, 200, got.status)
	assert.Equal(t, "text/plain; version=0.0.4; charset=utf-8", got.header.Get("Content-Type"))
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
	assert.Contains(t, got.body, `_count{method="GET",route="/tea/{sort}",status="2xx"} 1`+"\n")
	assert.Contains(t, got.body, `_count{method="GET",route="/quo\"ted",status="2xx"} 1`+"\n")
	for line := range strings.Lines(got.body) {
		if !strings.HasPrefix(line, "# ") {
			assert.Regexp(t, sample, strings.TrimSuffix(line, "\n"))
		}
	}
}

func TestSecondsAreWrittenExactly(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "0.000001", fixed(seconds(time.Microsecond)))
	assert.Equal(t, "0.05", seconds(50*time.Millisecond))
	assert.Equal(t, "2.5", seconds(2500*time.Millisecond))
	assert.NotContains(t, seconds(math.MaxInt64), "Inf")
}

// fixed takes the exponent out of a number.
func fixed(number string) string {
	var f float64
	_, _ = fmt.Sscan(number, &f)
	return strings.TrimRight(fmt.Sprintf("%.9f", f), "0")
}
