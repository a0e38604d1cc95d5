package boards

import (
	"strings"
	"testing"
)

// TestTitlesFit: the currencies that a cost leaves out stand at the end of its title, and can be read where the window is 1280 pixels wide.
func TestTitlesFit(t *testing.T) {
	// A column of the grid, what stands beside a title, and a character of it on the average, in pixels.
	const column, beside, character = 52, 100, 7.2
	for _, row := range cost().Rows {
		for _, p := range row.Panels {
			title := strings.ReplaceAll(p.Title, "${in_currency}", "in USD, not CNY")
			if needs, has := character*float64(len(title)), column*float64(p.Width)-beside; needs > has {
				t.Errorf("panel %d: %q needs %.0f pixels and has %.0f", p.ID, title, needs, has)
			}
		}
	}
}
