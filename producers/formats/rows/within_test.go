package rows

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"tidemark/producers/formats/faults"
)

// manyReads repeats a text.
type manyReads struct {
	text string
	left int
	rest string
}

func (m *manyReads) Read(p []byte) (int, error) {
	if m.rest == "" {
		if m.left == 0 {
			return 0, io.EOF
		}
		m.rest = m.text
		m.left--
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// TestWithin reads objects that are too long by the elements of their array, in bounded memory, and goes on after them.
func TestWithin(t *testing.T) {
	const many = 180 // Elements of 100 kB.
	long := strings.Repeat(`x\"]}[`, 100<<10/6)
	for _, test := range []struct {
		name, head, element, tail string
		count                     int
		problem                   string
		lastLine                  int
	}{
		{"one line", `{"a":{"messages":[1]},"b":"\"messages\":[","messages":[`, `{"id":"x","c":"` + long + `"},`, `{"id":"last"}],"z":{"y":[1,"]"]}}` + "\n" + `{"id":"next"}` + "\n", many + 3, "", 2},
		{"lines", "{\n \"a\": 1,\n \"messages\" : [\n", " {\n  \"id\": \"x\", \"c\":\"" + long + "\"},\n", "{\"id\":\"last\"}\n]}\n{\"id\":\"next\"}", many + 3, "", 2*many + 6},
		{"cut off", `{"messages":[`, `{"id":"x","c":"` + long + `"},`, "", many + 1, "1: the file ends within the array that begins in line 1: it is cut off or still being written", 1},
		{"cut off behind", `{"messages":[`, `{"id":"x","c":"` + long + `"},`, `{"id":"last"}],"z":`, many + 2, "1: the object that has the array messages has no end", 1},
		{"broken behind", `{"messages":[`, `{"id":"x","c":"` + long + `"},`, `{"id":"last"}],]` + "\n" + `{"id":"next"}`, many + 3, "1: what follows the array messages is no part of an object; 1: invalid character ']' looking for beginning of value", 2},
		{"another array", `{"other":[`, `{"id":"x","c":"` + long + `"},`, `{"id":"last"}]}` + "\n" + `{"id":"next"}`, 1, "1: the line is longer than 16 MiB", 2},
	} {
		l := &Lines{R: bufio.NewReaderSize(io.MultiReader(strings.NewReader(test.head), &manyReads{text: test.element, left: many}, strings.NewReader(test.tail)), chunk)}
		o := Objects{Lines: l, Within: "messages"}
		count, held, problems := 0, 0, []string{}
		for {
			found, err := o.Next()
			var bad *faults.RowError
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.As(err, &bad) {
				problems = append(problems, fmt.Sprintf("%d: %s", bad.Line, bad.Text))
				if len(problems) > 3 {
					t.Fatal(problems)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if count++; count > 1 && count < many && string(found["id"]) != `"x"` {
				t.Fatalf("%s: object %d is %.100s", test.name, count, o.line)
			}
			held = max(held, cap(o.text)+cap(l.long)+cap(l.back))
		}
		if got := strings.Join(problems, "; "); got != test.problem {
			t.Errorf("%s: %q, want %q", test.name, got, test.problem)
		}
		if count != test.count || l.Number != test.lastLine || held > 2*maxLine || test.count > 1 && held > 1<<20 {
			t.Errorf("%s: %d objects and %d lines, want %d and %d; %d bytes held", test.name, count, l.Number, test.count, test.lastLine, held)
		}
	}
}
