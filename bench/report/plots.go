package main

import (
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/weft-go/weft/bench/contenders"
	"github.com/weft-go/weft/bench/contest"
	"github.com/weft-go/weft/bench/internal/stats"
)

// plotted is a plot that was written.
type plotted struct{ title, file string }

// plot writes the plots as SVG.
func (b *book) plot(folder string) ([]plotted, error) {
	var all []plotted
	save := func(p *plot.Plot, name string, width, height vg.Length) error {
		if err := p.Save(width, height, filepath.Join(folder, name)); err != nil {
			return err
		}
		all = append(all, plotted{p.Title.Text, name})
		return nil
	}
	if b.InProcess != nil {
		time, err := b.dots("Time of one request, against the best by hand (less is better)", "times as long, with 95 % intervals", func(w, c string) (stats.Estimate, bool) {
			if c == contenders.Baseline {
				return stats.Estimate{}, false
			}
			return b.InProcess.Ratio(w, c, contenders.Baseline)
		})
		if err != nil {
			return nil, err
		}
		if err := save(time, "time.svg", 26*vg.Centimeter, 26*vg.Centimeter); err != nil {
			return nil, err
		}
		allocations, err := b.dots("Allocations of one request (less is better)", "allocations, and one", func(w, c string) (stats.Estimate, bool) {
			values := b.InProcess.Sample(w, c).Allocations
			e := stats.Of(values)
			m := math.Round(e.Median) + 1 // for the logarithm
			return stats.Estimate{Median: m, Low: m, High: m}, len(values) > 0
		})
		if err != nil {
			return nil, err
		}
		if err := save(allocations, "allocations.svg", 26*vg.Centimeter, 26*vg.Centimeter); err != nil {
			return nil, err
		}
	}
	if b.TCP != nil {
		for _, w := range contest.Workloads() {
			if b.TCP.Samples[w.ID] == nil {
				continue
			}
			p, err := b.curves(&w)
			if err != nil {
				return nil, err
			}
			if err := save(p, "latency-"+w.ID+".svg", 22*vg.Centimeter, 15*vg.Centimeter); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// shades are colours that most people can tell apart (Okabe and Ito), one for each contender.
var shades = []color.RGBA{
	{0, 0, 0, 255}, {130, 130, 130, 255}, {213, 94, 0, 255}, {230, 159, 0, 255}, {150, 75, 0, 255},
	{0, 114, 178, 255}, {86, 180, 233, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {120, 94, 240, 255}, {178, 34, 34, 255},
}

// style is the same for a contender in all plots.
func style(slug string) (color.RGBA, draw.GlyphDrawer) {
	at := slices.IndexFunc(contenders.All(), func(c contest.Contender) bool { return c.Slug == slug })
	glyphs := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}}
	return shades[at%len(shades)], glyphs[at%len(glyphs)]
}

// decades are the marks of a logarithmic axis: 1, 2 and 5 of each power of ten.
func decades(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for power := math.Floor(math.Log10(low)); power <= math.Ceil(math.Log10(high)); power++ {
		for _, digit := range []float64{1, 2, 5} {
			if v := digit * math.Pow(10, power); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
			}
		}
	}
	return ticks
}

// dots is a row for each workload, with a mark for each contender.
func (b *book) dots(title, axis string, of func(workload, contender string) (stats.Estimate, bool)) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text = title, axis
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = plot.TickerFunc(decades)
	p.Legend.Top = true
	p.Legend.TextStyle.Font.Size = font.Length(9)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{220}, color.Gray{240}
	p.Add(grid)
	var rows []contest.Workload
	for _, w := range contest.Workloads() {
		if len(b.InProcess.Samples[w.ID]) > 0 && b.InProcess.Samples[w.ID][contenders.Baseline] != nil {
			rows = append(rows, w)
		}
	}
	entrants := measured(b.InProcess.Samples)
	for i, c := range entrants {
		var points intervals
		for row, w := range rows {
			if e, ok := of(w.ID, c.Slug); ok && e.Low > 0 {
				lane := 0.6 * (float64(i)/float64(max(1, len(entrants)-1)) - 0.5)
				points = append(points, interval{e, float64(len(rows)-row) - lane})
			}
		}
		if len(points) == 0 {
			continue
		}
		scatter, err := plotter.NewScatter(points)
		if err != nil {
			return nil, err
		}
		scatter.Color, scatter.Shape = style(c.Slug)
		scatter.Radius = vg.Points(2.5)
		bars, err := plotter.NewXErrorBars(points)
		if err != nil {
			return nil, err
		}
		bars.Color, bars.CapWidth = scatter.Color, vg.Points(3)
		p.Add(bars, scatter)
		p.Legend.Add(c.Name+mark(&c), scatter)
	}
	names := make([]plot.Tick, len(rows))
	for row, w := range rows {
		names[row] = plot.Tick{Value: float64(len(rows) - row), Label: w.Title}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(names)
	p.Y.Tick.Label.Font.Size = font.Length(9)
	p.Y.Min, p.Y.Max = 0, float64(len(rows)+1)
	return p, nil
}

// interval is an Estimate at a height; intervals are drawn as marks with bars.
type interval struct {
	stats.Estimate
	y float64
}
type intervals []interval

func (v intervals) Len() int                { return len(v) }
func (v intervals) XY(i int) (x, y float64) { return v[i].Median, v[i].y }
func (v intervals) XError(i int) (low, high float64) {
	return v[i].Low - v[i].Median, v[i].High - v[i].Median
}

// curves is throughput against latency, a point for each number of connections.
func (b *book) curves(w *contest.Workload) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = w.Title + " over loopback (right and down is better)"
	p.X.Label.Text, p.Y.Label.Text = "requests a second", "latency in microseconds: median solid, p99 dashed"
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.TickerFunc(decades)
	p.Legend.Top = true
	p.Legend.TextStyle.Font.Size = font.Length(9)
	p.Add(plotter.NewGrid())
	for _, c := range measured(b.TCP.Samples) {
		var middle, tail plotter.XYs
		for _, n := range b.TCP.Connections(w.ID) {
			s := b.TCP.Sample(w.ID, c.Slug, n)
			if len(s.PerSecond) == 0 {
				continue
			}
			perSecond, p50, _, p99 := s.Typical()
			middle = append(middle, plotter.XY{X: perSecond, Y: p50})
			tail = append(tail, plotter.XY{X: perSecond, Y: p99})
		}
		if len(middle) == 0 {
			continue
		}
		line, points, err := plotter.NewLinePoints(middle)
		if err != nil {
			return nil, err
		}
		shade, glyph := style(c.Slug)
		line.Color, points.Color, points.Shape = shade, shade, glyph
		dashed, err := plotter.NewLine(tail)
		if err != nil {
			return nil, err
		}
		dashed.Color, dashed.Dashes = shade, []vg.Length{vg.Points(4), vg.Points(3)}
		ends, err := plotter.NewScatter(tail)
		if err != nil {
			return nil, err
		}
		ends.Color, ends.Shape, ends.Radius = shade, glyph, vg.Points(1.5)
		p.Add(line, points, dashed, ends)
		p.Legend.Add(c.Name, line, points)
	}
	return p, nil
}
