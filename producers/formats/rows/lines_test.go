package rows

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"tidemark/producers/formats/faults"
)

// TestGiveBack takes lines, some of them several times, from where they were given back and beyond.
func TestGiveBack(t *testing.T) {
	l := &Lines{R: bufio.NewReader(strings.NewReader("a\nb\nc\nd\ne"))}
	take := func(n int) string {
		var all []byte
		for range n {
			line, err := l.next()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, line...)
		}
		return string(all)
	}
	f := func(n int, want string, back, number int) {
		t.Helper()
		got := take(n)
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		l.giveBack([]byte(got[2*(n-back):]), back)
		if l.Number != number {
			t.Errorf("after %q: line %d, want %d", want, l.Number, number)
		}
	}
	f(3, "a\nb\nc\n", 2, 1) // From the file.
	f(1, "b\n", 1, 1)       // From what was given back.
	f(1, "b\n", 0, 2)
	f(3, "c\nd\ne", 2, 3) // From both.
	f(2, "d\ne", 1, 4)
	if got := take(1); got != "e" || l.Number != 5 {
		t.Errorf("got %q of line %d", got, l.Number)
	}
	if _, err := l.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v after the last line", err)
	}
}

// TestDamageIsLinear reads a file in which a quote makes all that follows a part of one row, and none of it a row of its
// own. It would take minutes if each bad row cost what is left of the file.
func TestDamageIsLinear(t *testing.T) {
	const bad = 1 << 19
	data := "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,\"1,2\n" + strings.Repeat("x\n", bad) + "2023-11-16 18:15:47,1,2\n"
	rows, err := CSV(&Lines{R: bufio.NewReader(strings.NewReader(data))}, []Column{{Name: "TIMESTAMP"}, {Name: "ContextTokens"}, {Name: "GeneratedTokens"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range bad + 1 {
		var broken *faults.RowError
		if _, err := rows.Next(); !errors.As(err, &broken) || broken.Line != i+2 {
			t.Fatalf("line %d: %v", i+2, err)
		}
	}
	if r, err := rows.Next(); err != nil || r.Line != bad+3 {
		t.Errorf("after the bad rows: line %d, %v", r.Line, err)
	}
	if _, err := rows.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// TestDelimiterGiven takes what is said and does not guess.
func TestDelimiterGiven(t *testing.T) {
	l := &Lines{R: bufio.NewReader(strings.NewReader("a,b;c\n1,2;3\n"))}
	l.Delimiter = ';'
	rows, err := CSV(l, []Column{{Name: "a,b"}, {Name: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := rows.Next(); err != nil || !slices.Equal(r.Values, []string{"1,2", "3"}) {
		t.Errorf("got %q, %v", r.Values, err)
	}
}
