package verdict

import (
	"math"
	"slices"
	"time"
)

// maxPoints bounds the points whose pairs are compared.
const maxPoints = 400

// Trend returns the slope of values per second by the method of Theil and Sen, which a few outliers do not
// move: the median of the slopes between all pairs of points. low is where the slope lies above with a confidence of
// 97.5 %. ok is false if there are too few points to say so.
func Trend(points []Point) (slope, low float64, ok bool) {
	const fewest = 10
	points = thin(points)
	if len(points) < fewest {
		return 0, 0, false
	}
	var slopes []float64
	for i := range points {
		for j := range i {
			if dt := (points[i].At - points[j].At).Seconds(); dt > 0 {
				slopes = append(slopes, (points[i].Value-points[j].Value)/dt)
			}
		}
	}
	if len(slopes) == 0 {
		return 0, 0, false
	}
	slices.Sort(slopes)
	half := len(slopes) / 2
	slope = slopes[half]
	if len(slopes)%2 == 0 {
		slope = (slopes[half-1] + slopes[half]) / 2
	}
	n := float64(len(points))
	spread := 1.96 * math.Sqrt(n*(n-1)*(2*n+5)/18) // Of Kendall's statistic.
	rank := int(math.Floor((float64(len(slopes)) - spread) / 2))
	return slope, slopes[max(rank, 0)], true
}

// thin returns at most maxPoints points: means of as many neighbors each.
func thin(points []Point) []Point {
	size := (len(points) + maxPoints - 1) / maxPoints
	if size <= 1 {
		return points
	}
	var thinned []Point
	for some := range slices.Chunk(points, size) {
		var mean Point
		for _, p := range some {
			mean.At += p.At / time.Duration(len(some))
			mean.Value += p.Value / float64(len(some))
		}
		thinned = append(thinned, mean)
	}
	return thinned
}
