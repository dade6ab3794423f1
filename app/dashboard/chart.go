package dashboard

import (
	"fmt"
	"strings"
	"time"
)

// The chart: so many days, and its size in units of its own.
const (
	chartDays               = 91
	chartWidth, chartHeight = 900.0, 240.0
	chartLeft, chartRight   = 34.0, 92.0 // for the numbers, and for the names of the bands
	chartTop, chartBottom   = 12.0, 26.0
	plotWidth               = chartWidth - chartLeft - chartRight
	plotHeight              = chartHeight - chartTop - chartBottom
	labelGap                = 15.0 // between the names of two bands
	tableEvery              = 13
)

// chart is how many incidents were open, by severity, over time: bands that lie upon each
// other, the worst at the bottom, and the same in a table.
type chart struct {
	Any           bool // anything was open
	Bands         []band
	Lines, Months []mark
	Table         []day
	From, To      time.Time
	Most          int
}

type band struct {
	Severity string
	Path     string  // of SVG
	Label    float64 // where its name stands
	Now      int
	Shown    bool
}

// mark is a line of the grid with its text.
type mark struct {
	At   float64
	Text string
}

// day is how many were open at the end of one.
type day struct {
	At   time.Time
	Open []int // as severities
	All  int
}

// Width and Height are those of the picture, X the left of its plot, End its right.
func (chart) Width() float64  { return chartWidth }
func (chart) Height() float64 { return chartHeight }
func (chart) X() float64      { return chartLeft }
func (chart) End() float64    { return chartLeft + plotWidth }
func (chart) Base() float64   { return chartTop + plotHeight }

// Severities are the columns of the table.
func (chart) Severities() []string { return severities }

// Says sums the chart up in a sentence.
func (c chart) Says() string {
	first, last := c.Table[0], c.Table[len(c.Table)-1]
	parts := []string{}
	for i, severity := range severities {
		parts = append(parts, fmt.Sprintf("%d %s", last.Open[i], severity))
	}
	return fmt.Sprintf("%d open on %s, %d on %s: %s. At most %d.", first.All, first.At.UTC().Format("2 January"), last.All, last.At.UTC().Format("2 January"),
		strings.Join(parts, ", "), c.Most)
}

// draw makes it of how many were open on each day up to now, by severity.
func draw(open map[string][]int, now time.Time) chart {
	days := make([]day, chartDays)
	c := chart{}
	for i := range days {
		days[i] = day{At: since(now).AddDate(0, 0, i), Open: make([]int, len(severities))}
		for n, severity := range severities {
			if all := open[severity]; i < len(all) {
				days[i].Open[n] = all[i]
				days[i].All += all[i]
			}
		}
		c.Most = max(c.Most, days[i].All)
	}
	c.From, c.To, c.Any = days[0].At, now, c.Most > 0
	for i := chartDays - 1; i >= 0; i -= tableEvery {
		c.Table = append([]day{days[i]}, c.Table...)
	}
	top, step := scale(c.Most)
	for n := 0; n <= top; n += step {
		c.Lines = append(c.Lines, mark{height(float64(n), top), fmt.Sprint(n)})
	}
	for i, d := range days {
		if d.At.UTC().Day() == 1 {
			c.Months = append(c.Months, mark{across(i), d.At.UTC().Format("2 Jan")})
		}
	}
	c.bands(days, top)
	return c
}

// since is the first day of a chart that ends now.
func since(now time.Time) time.Time { return now.UTC().AddDate(0, 0, 1-chartDays) }

// scale is where the axis ends, and how far its lines are apart.
func scale(most int) (top, step int) {
	step = 1
	for _, s := range []int{1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000, 1_000_000} {
		if step = s; s*6 >= most {
			break
		}
	}
	return max((most+step-1)/step, 1) * step, step
}

func height(n float64, top int) float64 { return chartTop + plotHeight*(1-n/float64(top)) }

func across(i int) float64 { return chartLeft + plotWidth*float64(i)/float64(chartDays-1) }

// bands lays them upon each other, and sets their names beside where they end, so that
// none stands on another.
func (c *chart) bands(days []day, top int) {
	under := make([]int, chartDays)
	last := c.Base() + labelGap
	for i, severity := range severities {
		var up, down []string
		for n, d := range days {
			x := across(n)
			down = append(down, fmt.Sprintf("%.1f %.1f", x, height(float64(under[n]), top)))
			under[n] += d.Open[i]
			up = append(up, fmt.Sprintf("%.1f %.1f", x, height(float64(under[n]), top)))
		}
		end, any := days[chartDays-1].Open[i], false
		for _, d := range days {
			any = any || d.Open[i] > 0
		}
		for l, r := 0, len(down)-1; l < r; l, r = l+1, r-1 {
			down[l], down[r] = down[r], down[l]
		}
		b := band{Severity: severity, Now: end, Shown: any, Path: "M" + strings.Join(up, "L") + "L" + strings.Join(down, "L") + "Z"}
		if any {
			middle := height(float64(under[chartDays-1])-float64(end)/2, top) + 4
			b.Label = min(middle, last-labelGap)
			last = b.Label
		}
		c.Bands = append(c.Bands, b)
	}
}
