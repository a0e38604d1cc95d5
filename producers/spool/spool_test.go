package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// open opens a spool of 1 MB for a test.
func open(t *testing.T, dir string) *Spool {
	t.Helper()
	s, err := Open(dir, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Spool) shut(t *testing.T) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *Spool) put(t *testing.T, payload string) {
	t.Helper()
	if err := s.Append([]byte(payload)); err != nil {
		t.Fatal(err)
	}
}

// take reads a frame and returns "" if none waits.
func (s *Spool) take(t *testing.T, done bool) string {
	t.Helper()
	payload, err := s.next()
	if err != nil {
		t.Fatal(err)
	}
	if done && payload != nil {
		if err := s.Done(); err != nil {
			t.Fatal(err)
		}
	}
	return string(payload)
}

func (s *Spool) files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSpool: frames come in the order in which they were kept, each until it is done, whoever opens the folder.
func TestSpool(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	s := open(t, dir)
	if s.Waiting() || s.take(t, true) != "" {
		t.Error("a new spool has something")
	}
	s.put(t, "a")
	s.put(t, "b")
	if got := s.take(t, false) + s.take(t, true) + s.take(t, false); got != "aab" {
		t.Errorf("read %q", got)
	}
	if _, err := Open(dir, 1); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	s.shut(t)
	if err := s.Append([]byte("x")); err == nil {
		t.Error("a closed spool keeps something")
	}
	s = open(t, dir)
	s.put(t, "c")
	if got := s.take(t, true) + s.take(t, true) + s.take(t, true); got != "bc" || s.Waiting() || s.Bytes() != 0 {
		t.Errorf("after reopening: %q, %d bytes wait", got, s.Bytes())
	}
	s.shut(t)
	s = open(t, dir)
	if s.put(t, "d"); s.take(t, true) != "d" {
		t.Error("what came after all was done is not read")
	}
	if left := s.files(t, "*"+suffix); len(left) > 1 {
		t.Errorf("segments stay: %v", left)
	}
	s.shut(t)
}

// TestReadWaits: a reader is there before the frame.
func TestReadWaits(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.shut(t)
	got := make(chan string, 1)
	go func() {
		payload, err := s.Read(t.Context())
		got <- fmt.Sprint(string(payload), err)
	}()
	time.Sleep(time.Millisecond)
	s.put(t, "late")
	if text := <-got; text != "late<nil>" {
		t.Error(text)
	}
}

// TestFull: the bytes that wait are bounded, and not those that are done.
func TestFull(t *testing.T) {
	s, err := Open(t.TempDir(), 100)
	if err != nil {
		t.Fatal(err)
	}
	defer s.shut(t)
	payload := strings.Repeat("x", 42)
	s.put(t, payload)
	s.put(t, payload)
	if err := s.Append([]byte("x")); !errors.Is(err, ErrFull) {
		t.Errorf("full: %v", err)
	}
	s.take(t, true)
	s.put(t, payload)
	if s.Append(make([]byte, maxFrame+1)) == nil || s.Append(nil) == nil {
		t.Error("a frame without bound, or without anything")
	}
}

// TestDamage: what cannot be read is kept aside and said, and nothing before or behind it is lost.
func TestDamage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(content []byte) []byte
		want   string
	}{
		{"half a frame", func(c []byte) []byte { return c[:len(c)-1] }, "one next"},
		{"half a head", func(c []byte) []byte { return c[:headBytes+3+4] }, "one next"},
		{"a byte", func(c []byte) []byte { c[len(c)-1] ^= 1; return c }, "one next"},
		{"a length", func(c []byte) []byte { c[headBytes+3+3] = 0xff; return c }, "one next"},
		{"zeros behind", func(c []byte) []byte { return append(c, make([]byte, 100)...) }, "one two next"},
		{"all", func([]byte) []byte { return []byte("no frame at all") }, "next"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			s.put(t, "one")
			s.put(t, "two")
			name := s.files(t, "*"+suffix)[0]
			s.shut(t)
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, tt.damage(content), 0o600); err != nil {
				t.Fatal(err)
			}
			s = open(t, s.dir)
			defer s.shut(t)
			s.put(t, "next")
			var got []string
			for s.Waiting() {
				got = append(got, s.take(t, true))
			}
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("read %q, want %q", text, tt.want)
			}
			if aside, notes := s.files(t, "*"+damaged), s.Damaged(); len(aside) != 1 || len(notes) != 1 || !strings.Contains(notes[0], aside[0]) {
				t.Errorf("kept aside %v, said %q", aside, notes)
			}
		})
	}
}

// TestDamageAgain: what is kept aside stays when a further segment is damaged.
func TestDamageAgain(t *testing.T) {
	s := open(t, t.TempDir())
	for n := range 3 {
		s.put(t, "one")
		name := s.files(t, "*"+suffix)[0]
		s.shut(t)
		if err := os.WriteFile(name, []byte("no frame at all"), 0o600); err != nil {
			t.Fatal(err)
		}
		s = open(t, s.dir)
		if got := s.take(t, false); got != "" || len(s.files(t, "*"+damaged)) != n+1 {
			t.Errorf("%d: read %q, kept aside %v", n, got, s.files(t, "*"+damaged))
		}
	}
	s.shut(t)
}

// TestSetAside: a frame that the log will never take is kept in a file, and the next one comes.
func TestSetAside(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.shut(t)
	s.put(t, "one")
	s.put(t, "two")
	s.put(t, "three")
	s.take(t, true)
	if err := s.SetAside([]byte(s.take(t, false)), errors.New("it is odd")); err != nil {
		t.Fatal(err)
	}
	if got := s.take(t, true); got != "three" {
		t.Errorf("read %q", got)
	}
	aside, notes := s.files(t, "*"+damaged), s.Damaged()
	if len(aside) != 1 || len(notes) != 1 || !strings.Contains(notes[0], aside[0]+": ") || !strings.HasSuffix(notes[0], "it is odd") {
		t.Fatalf("kept aside %v, said %q", aside, notes)
	}
	if content, err := os.ReadFile(aside[0]); err != nil || string(content) != "two" {
		t.Errorf("%q, %v", content, err)
	}
}

// TestDiskFails: a frame that cannot be written is refused and leaves no file, and the next one is kept.
func TestDiskFails(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.shut(t)
	// fail lets the next write to the newest segment fail.
	fail := func() {
		t.Helper()
		file, err := os.Open(s.path(s.segments[len(s.segments)-1].number)) // For reading only.
		if err != nil {
			t.Fatal(err)
		}
		if err := s.out.Close(); err != nil {
			t.Fatal(err)
		}
		s.out = file
		if err := s.Append([]byte("two")); err == nil || !strings.Contains(err.Error(), "write to the spool") {
			t.Errorf("%v", err)
		}
	}
	s.put(t, "one")
	<-s.arrived
	fail()
	select {
	case <-s.arrived:
	default:
		t.Error("the reader does not learn that a segment is over")
	}
	for range 2 { // The disk is full for some time.
		if err := s.begin(); err != nil {
			t.Fatal(err)
		}
		fail()
	}
	if left := s.files(t, "*"+suffix); len(left) != 1 || len(s.segments) != 1 {
		t.Errorf("segments %v, files %v", s.segments, left)
	}
	s.put(t, "three")
	if got := s.take(t, true) + s.take(t, true) + s.take(t, true); got != "onethree" {
		t.Errorf("read %q", got)
	}
	if err := s.begin(); err != nil {
		t.Fatal(err)
	}
	fail()
	if s.put(t, "four"); s.take(t, true) != "four" {
		t.Error("after a segment that was the only one")
	}
}

// TestCrashes: whatever ends in between, every frame that was kept is read, in order, and one that is done is at most read
// again after a crash.
func TestCrashes(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		s := open(t, dir)
		var kept, read []string
		for n := range 300 {
			switch random.IntN(10) {
			case 0: // kill -9: nothing is closed in an orderly way but the lock.
				if random.IntN(2) == 0 && s.out != nil { // Half a frame, which nobody was told is kept.
					if _, err := s.out.WriteAt([]byte{9, 0, 0, 0, 1}, s.segments[len(s.segments)-1].size); err != nil {
						t.Fatal(err)
					}
				}
				if random.IntN(3) == 0 { // The position is older, or none.
					_ = os.Remove(filepath.Join(dir, "position"))
				}
				s.shut(t)
				s = open(t, dir)
			case 1, 2, 3, 4:
				text := fmt.Sprint(n)
				s.put(t, text)
				kept = append(kept, text)
			case 5:
				if s.out != nil { // As if the segment were long.
					if err := s.finish(); err != nil {
						t.Fatal(err)
					}
				}
			default:
				if s.Waiting() {
					read = append(read, s.take(t, random.IntN(4) > 0))
				}
			}
		}
		for s.Waiting() {
			if text := s.take(t, true); text != "" {
				read = append(read, text)
			}
		}
		s.shut(t)
		var first []string
		for _, text := range read {
			if text != "" && !slices.Contains(first, text) {
				first = append(first, text)
			}
		}
		if !slices.Equal(first, kept) {
			t.Fatalf("seed %d: kept %v, read %v", seed, kept, first)
		}
	}
}

func request(t testing.TB) (*usagev1.Run, []schemas.Event) {
	t.Helper()
	return &usagev1.Run{Run: "life/k", Tenant: "acme", Key: "k", Endpoint: "gateways", Sender: "litellm/1"}, []schemas.Event{
		&usagev1.TokenCall{Source: "s", Id: "1", TimeUs: new(int64(0)), Tenant: "acme", InputUncached: new(uint64(0)), Run: "life/k"},
		&usagev1.Query{Source: "s", Id: "2", Tenant: "acme"},
	}
}

// TestEntry: what is decoded is what was encoded.
func TestEntry(t *testing.T) {
	from, events := request(t)
	payload, err := Encode(from, events)
	if err != nil {
		t.Fatal(err)
	}
	again, back, err := Decode(payload)
	if err != nil || !proto.Equal(from, again) || len(back) != len(events) {
		t.Fatalf("%v, %v, %v", again, back, err)
	}
	for i := range events {
		if !proto.Equal(events[i], back[i]) {
			t.Errorf("event %d: %v", i, back[i])
		}
	}
}

// FuzzDecode: a payload is a request, or an error.
func FuzzDecode(f *testing.F) {
	from, events := request(f)
	payload, err := Encode(from, events)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		from, events, err := Decode(payload)
		if err != nil {
			return
		}
		again, err := Encode(from, events)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Decode(again); err != nil {
			t.Fatal(err)
		}
	})
}
