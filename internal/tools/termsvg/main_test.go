package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestScreen: what is drawn again over itself is there once, as it was last.
func TestScreen(t *testing.T) {
	got := screen("$ x\r\n\x1b[Ka 1\n\x1b[Klonger\n\x1b[2A\x1b[Ka 22\n\x1b[Ks\nwaiting\r\x1b[Kdone\n\n")
	if want := []string{"$ x", "a 22", "s", "done"}; !slices.Equal(got, want) {
		t.Errorf("the screen is %q, want %q", got, want)
	}
}

// TestDraw: the picture is XML with a text per line that is not empty.
func TestDraw(t *testing.T) {
	picture := draw("demo <30 s>", []string{"$ tidemark demo", "", "  a & b  ok", "audit: OK", strings.Repeat("x", columns+1)})
	texts, classes := 0, []string{}
	for decoder := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		if start, is := token.(xml.StartElement); is && start.Name.Local == "text" {
			texts++
			for _, a := range start.Attr {
				if a.Name.Local == "class" {
					classes = append(classes, a.Value)
				}
			}
		}
	}
	if want := []string{"title", "ask", "good", "good"}; texts != 5 || !bytes.Contains(picture, []byte(">"+strings.Repeat("x", columns-1)+"…<")) || !slices.Equal(classes, want) {
		t.Errorf("%d texts of the classes %q in\n%s", texts, classes, picture)
	}
}
