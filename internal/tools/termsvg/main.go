// Command termsvg draws what a program has left on a terminal as a picture.
//
//	termsvg TITLE <OUTPUT >SVG
//
// OUTPUT is what the program wrote to its terminal. Of control sequences it reads those that Tidemark writes: cursor up, and erase to
// the end of the line. The picture is text on a dark card, readable on light and dark pages.
package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: termsvg TITLE <OUTPUT >SVG")
		os.Exit(2)
	}
	output, err := io.ReadAll(os.Stdin)
	if err == nil {
		_, err = os.Stdout.Write(draw(os.Args[1], screen(string(output))))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "termsvg:", err)
		os.Exit(1)
	}
}

// control is a control sequence, or a character that moves the cursor.
var control = regexp.MustCompile(`\x1b\[(\d*)([A-Za-z])|\r|\n`)

// screen returns the lines that are on the terminal in the end, however many.
func screen(output string) []string {
	lines, row, column := []string{""}, 0, 0
	put := func(text string) {
		line := []rune(lines[row])
		for len(line) < column {
			line = append(line, ' ')
		}
		end := min(len(line), column+utf8.RuneCountInString(text))
		lines[row] = string(line[:column]) + text + string(line[end:])
		column += utf8.RuneCountInString(text)
	}
	for at := 0; at < len(output); {
		next := control.FindStringSubmatchIndex(output[at:])
		if next == nil {
			put(output[at:])
			break
		}
		put(output[at : at+next[0]])
		switch what := output[at+next[0] : at+next[1]]; {
		case what == "\r":
			column = 0
		case what == "\n":
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
			column = 0
		case strings.HasSuffix(what, "A"):
			up, _ := strconv.Atoi(what[2 : len(what)-1])
			row = max(row-max(up, 1), 0)
		case strings.HasSuffix(what, "K"):
			line := []rune(lines[row])
			lines[row] = string(line[:min(len(line), column)])
		}
		at += next[1]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// columns is how wide the picture is at most. What is longer is cut.
const columns = 108

// The measures of the picture, in pixels.
const (
	charWidth, lineHeight = 7.8, 18
	margin, bar           = 16, 34
)

// classes are the looks of lines, the first that matches counts.
var classes = []struct {
	line  *regexp.Regexp
	class string
}{
	{regexp.MustCompile(`^\$ `), "ask"},
	{regexp.MustCompile(`audit: OK|(^|\s)ok$`), "good"},
	{regexp.MustCompile(`DIFFERENCE|differs`), "bad"},
}

// draw returns the picture of lines.
func draw(title string, lines []string) []byte {
	width := utf8.RuneCountInString(title)
	lines = slices.Clone(lines)
	for i, line := range lines {
		if runes := []rune(strings.TrimRight(line, " ")); len(runes) > columns {
			lines[i] = string(runes[:columns-1]) + "…"
		}
		width = max(width, utf8.RuneCountInString(lines[i]))
	}
	w, h := int(float64(width)*charWidth)+2*margin, bar+len(lines)*lineHeight+margin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, "<title>%s</title>\n", escaped(title))
	b.WriteString("<style>text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#e6edf3;white-space:pre}" +
		".title{fill:#8b949e}.ask{font-weight:bold}.good{fill:#3fb950}.bad{fill:#f85149}</style>\n")
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#0d1117" stroke="#484f58"/>`+"\n", w-1, h-1)
	fmt.Fprintf(&b, `<text class="title" x="%d" y="21">%s</text>`+"\n", margin, escaped(title))
	for i, line := range lines {
		if line = strings.TrimRight(line, " "); line == "" {
			continue
		}
		class := ""
		for _, c := range classes {
			if c.line.MatchString(line) {
				class = ` class="` + c.class + `"`
				break
			}
		}
		// The length keeps columns in place, whatever the font.
		fmt.Fprintf(&b, `<text%s x="%d" y="%d" textLength="%.1f" xml:space="preserve">%s</text>`+"\n", class, margin, bar+(i+1)*lineHeight-4,
			float64(utf8.RuneCountInString(line))*charWidth, escaped(line))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // A builder takes everything.
	return b.String()
}
