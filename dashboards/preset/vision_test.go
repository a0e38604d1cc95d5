package preset

import (
	"math"
	"strconv"
	"testing"
)

// linear is a color as linear red, green and blue.
type linear [3]float64

func parsed(t *testing.T, hex string) (c linear) {
	t.Helper()
	for i := range c {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil || len(hex) != 7 {
			t.Fatalf("%q is no color: %v", hex, err)
		}
		if v := float64(n) / 255; v <= 0.04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

// contrast is that of WCAG 2.2, from 1 to 21.
func contrast(a, b linear) float64 {
	luminance := func(c linear) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// visions are what a color becomes for people without one kind of cones: the matrices of severity 1 in Machado, Oliveira and
// Fernandes, A Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE TVCG 15(6), 2009.
var visions = map[string][3]linear{
	"all colors":   {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

func (c linear) times(m [3]linear) (out linear) {
	for i, row := range m {
		for j := range row {
			out[i] += row[j] * c[j]
		}
	}
	return out
}

// distance is how far apart two colors look to people with a vision, in hundredths of OKLab's lightness (Ottosson 2020).
func distance(a, b linear, vision [3]linear) float64 {
	lab := func(c linear) linear {
		c = c.times(vision)
		for i := range c {
			c[i] = min(max(c[i], 0), 1)
		}
		cones := c.times([3]linear{
			{0.4122214708, 0.5363325363, 0.0514459929}, {0.2119034982, 0.6806995451, 0.1073969566}, {0.0883024619, 0.2817188376, 0.6299787005},
		})
		for i := range cones {
			cones[i] = math.Cbrt(cones[i])
		}
		return cones.times([3]linear{
			{0.2104542553, 0.7936177850, -0.0040720468}, {1.9779984951, -2.4285922050, 0.4505937099}, {0.0259040371, 0.7827717662, -0.8086757660},
		})
	}
	x, y := lab(a), lab(b)
	return 100 * math.Hypot(math.Hypot(x[0]-y[0], x[1]-y[1]), x[2]-y[2])
}

// TestVision checks the test's own arithmetic by colors whose figures are known.
func TestVision(t *testing.T) {
	t.Parallel()
	black, white, red, green := parsed(t, "#000000"), parsed(t, "#FFFFFF"), parsed(t, "#FF0000"), parsed(t, "#00FF00")
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.005*want {
			t.Errorf("%s: got %g, want %g", what, got, want)
		}
	}
	near("contrast of black and white", contrast(black, white), 21)
	near("contrast of red on white", contrast(red, white), 4.0)
	near("distance of black and white", distance(black, white, visions["all colors"]), 100)
	near("distance of red and green", distance(red, green, visions["all colors"]), 52.0)
	for name := range visions {
		near("distance of black and white, "+name, distance(black, white, visions[name]), 100)
	}
	for _, name := range []string{"protanopia", "deuteranopia"} {
		if d, all := distance(red, green, visions[name]), distance(red, green, visions["all colors"]); d > all {
			t.Errorf("red and green are further apart in %s: %g, and %g to all", name, d, all)
		}
	}
}
