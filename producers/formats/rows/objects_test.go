package rows

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tidemark/producers/formats/container"
	"tidemark/producers/formats/faults"
)

// chunk is the size of reads, in bytes.
const chunk = 64 << 10

// bigArray gives an array of many elements without an end of line.
type bigArray struct {
	left int
	rest string
}

func (b *bigArray) Read(p []byte) (int, error) {
	if b.rest == "" {
		switch {
		case b.left < 0:
			return 0, io.EOF
		case b.left == 0:
			b.rest = `{"id":"last"}` + "]"
		default:
			b.rest = strings.Repeat(`{"id":"x","at":"2026-03-01T10:00:00Z","model":"m","in":1}`+",", 1000)
		}
		b.left--
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// TestLongArray reads an array of 120 MB on one line in the memory of an element.
func TestLongArray(t *testing.T) {
	l := &Lines{R: bufio.NewReaderSize(io.MultiReader(strings.NewReader("["), &bigArray{left: 2000}), chunk)}
	o := Objects{Lines: l}
	count := 0
	for {
		_, err := o.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if held := cap(o.text) + cap(l.long) + cap(l.back); count != 2000001 || held > chunk {
		t.Errorf("%d elements, %d bytes held", count, held)
	}
}

// TestBrokenLinesAreLinear reads many lines each of which could go on in all the next ones. It would take very long if each
// was put together with what follows.
func TestBrokenLinesAreLinear(t *testing.T) {
	const bad = 200000
	l := &Lines{R: bufio.NewReader(strings.NewReader(strings.Repeat("{\"a\":[\n", bad) + `{"a":1}`))}
	o := Objects{Lines: l}
	for i := range bad {
		var broken *faults.RowError
		if _, err := o.Next(); !errors.As(err, &broken) || broken.Line != i+1 {
			t.Fatalf("line %d: %v", i+1, err)
		}
	}
	if _, err := o.Next(); err != nil || o.number != bad+1 || o.alone < bad-maxDepth {
		t.Errorf("line %d, %v; put together before line %d", o.number, err, o.alone)
	}
}

// FuzzObjects splits texts: the objects of any layout are those that they were made of, whatever is between them, and what
// is no JSON ends all the same.
func FuzzObjects(f *testing.F) {
	for _, seed := range []string{"[{},{}]", "{\"a\":1}{\"b\":[2]}\n", "[\n{\"a\":\"x\\\"\"},\n{\"a\":[1\n]", "\x1e{}", container.ByteOrderMark + "{", "[[[", "{\"a\":\n{\n", "}", "\"", "[1,"} {
		f.Add([]byte(seed), uint64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		drain := func(text string) (found []string, bad int) {
			o := Objects{Lines: &Lines{R: bufio.NewReaderSize(strings.NewReader(text), 16)}}
			for range len(text) + 2 {
				one, err := o.Next()
				var broken *faults.RowError
				switch {
				case errors.Is(err, io.EOF):
					return found, bad
				case errors.As(err, &broken):
					if bad++; broken.Line < 1 || broken.Column < 1 || broken.Text == "" {
						t.Fatalf("%q: %+v", text, broken)
					}
				case err != nil:
					t.Fatalf("%q: %v", text, err)
				default:
					if one == nil {
						t.Fatalf("%q: no object", text)
					}
					found = append(found, string(o.line))
				}
			}
			t.Fatalf("%q does not end", text)
			return nil, 0
		}
		objects, _ := drain(string(data))
		random := rand.New(rand.NewPCG(seed, 0))
		text, array := "", random.IntN(2) == 0
		if array {
			text = "["
		}
		for i, one := range objects {
			if i > 0 && array {
				text += ","
			}
			text += one + []string{"", "\n", " \t", "\r\n" + container.ByteOrderMark}[random.IntN(4)]
		}
		if array {
			text += "]"
		}
		if again, bad := drain(text); bad > 0 || !slices.Equal(again, objects) {
			t.Fatalf("%q: got %q and %d problems, want %q", text, again, bad, objects)
		}
	})
}

// TestEndAtTheEndOfARead ends a line that cannot be read where a read ends, too.
func TestEndAtTheEndOfARead(t *testing.T) {
	for _, begin := range []string{"{\"a\":", "x", "[{\"a\":", "{\"a\":\"", "{}{}x"} {
		for size := 16; size < 50; size++ {
			o := Objects{Lines: &Lines{R: bufio.NewReaderSize(strings.NewReader(begin+strings.Repeat("1", size-len(begin))), 16)}}
			for range 10 {
				if _, err := o.Next(); errors.Is(err, io.EOF) {
					break
				}
			}
			if _, err := o.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("%s, %d bytes: %v", begin, size, err)
			}
		}
	}
}
