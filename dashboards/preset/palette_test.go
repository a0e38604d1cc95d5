package preset

import (
	"testing"

	"tidemark/schemas"
)

// theme is a background and what Grafana's names of colors are on it (version 12, the hues of its visualizations).
type theme struct {
	background string
	names      map[string]string
}

var themes = map[string]theme{
	"dark": {"#181B1F", map[string]string{
		"semi-dark-blue": "#3274D9", "green": "#73BF69", "semi-dark-orange": "#FF780A", "semi-dark-red": "#E02F44", "light-purple": "#CA95E5", "text": "#CCCCDC",
	}},
	"light": {"#FFFFFF", map[string]string{
		"semi-dark-blue": "#1F60C4", "green": "#56A64B", "semi-dark-orange": "#FA6400", "semi-dark-red": "#C4162A", "light-purple": "#B877D9", "text": "#24292E",
	}},
}

func (th theme) color(t *testing.T, name string) linear {
	t.Helper()
	if name[0] == '#' {
		return parsed(t, name)
	}
	hex, ok := th.names[name]
	if !ok {
		t.Fatalf("%q: add what the color is in both themes", name)
	}
	return parsed(t, hex)
}

const (
	// minContrast is what WCAG 2.2 asks of graphics.
	minContrast = 3.0
	// minDistance is how far apart two colors of a palette look at least, whoever looks: about 2 is the least that is seen.
	minDistance = 7.0
)

// TestPalettes expects that everybody can tell the things of each palette apart, and sees them on both backgrounds.
func TestPalettes(t *testing.T) {
	t.Parallel()
	for name, p := range Palettes() {
		for mode, th := range themes {
			for i, a := range p {
				x := th.color(t, a.Color)
				if c := contrast(x, parsed(t, th.background)); c < minContrast {
					t.Errorf("%s: %v, %s, has a contrast of %.2f on %s", name, a.Names, a.Color, c, mode)
				}
				for _, b := range p[:i] {
					for vision, matrix := range visions {
						if d := distance(x, th.color(t, b.Color), matrix); d < minDistance {
							t.Errorf("%s: %v, %s, and %v, %s, are %.1f apart on %s for %s", name, a.Names, a.Color, b.Names, b.Color, d, mode, vision)
						}
					}
				}
			}
		}
	}
}

// TestPaletteNames expects one color per name of a palette, and one for every topic and verdict.
func TestPaletteNames(t *testing.T) {
	t.Parallel()
	for name, p := range Palettes() {
		seen := map[string]bool{}
		for _, swatch := range p {
			for _, thing := range swatch.Names {
				if seen[thing] {
					t.Errorf("%s: %s has two colors", name, thing)
				}
				seen[thing] = true
			}
		}
		var want []string
		switch name {
		case "topics":
			for _, spec := range schemas.Specs() {
				want = append(want, spec.Topic)
			}
		case "verdicts":
			want = schemas.Verdicts()
		}
		for _, thing := range want {
			if !seen[thing] {
				t.Errorf("%s: %s has no color", name, thing)
			}
		}
	}
}
