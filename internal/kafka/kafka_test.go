package kafka

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"tidemark/internal/kafka/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestValidate(t *testing.T) {
	ok := Config{Brokers: []string{"localhost:9092", "[::1]:9093"}}
	tests := []struct {
		name   string
		change func(*Config)
		want   []string // in the error; none: valid
	}{
		{"plain text", func(*Config) {}, nil},
		{"no brokers", func(c *Config) { c.Brokers = nil }, []string{"kafka brokers"}},
		{"bad brokers", func(c *Config) { c.Brokers = []string{"a", "b:1", ":9"} }, []string{`"a"`, `":9"`}},
		{"mechanism", func(c *Config) { c.SASLMechanism, c.User, c.Password = "GSSAPI", "u", "p" }, []string{"GSSAPI", "sasl mechanism"}},
		{"no user", func(c *Config) { c.SASLMechanism = "PLAIN" }, []string{"sasl user"}},
		{"no password", func(c *Config) { c.SASLMechanism, c.User = "plain", "u" }, []string{"sasl password"}},
		{"no mechanism", func(c *Config) { c.User, c.Password = "u", "hidden" }, []string{"sasl mechanism"}},
		{"scram", func(c *Config) { c.SASLMechanism, c.User, c.Password = "scram-sha-512", "u", "p" }, nil},
		{"not ascii", func(c *Config) { c.SASLMechanism, c.User, c.Password = "SCRAM-SHA-256", "u", "hidden-ü" }, []string{"ASCII"}},
		{"two at once", func(c *Config) { c.Brokers, c.SASLMechanism = nil, "x" }, []string{"brokers", "user"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := ok
			test.change(&cfg)
			err := cfg.Validate()
			if (err != nil) != (len(test.want) > 0) {
				t.Fatalf("Validate = %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Validate = %v, want %q in it", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("Validate reveals the password: %v", err)
			}
			if _, opened := Open(cfg); (opened == nil) != (err == nil) {
				t.Errorf("Open = %v, Validate = %v", opened, err)
			}
		})
	}
}

// TestScram is the example of RFC 7677, section 3.
func TestScram(t *testing.T) {
	m, err := newScram("SCRAM-SHA-256", sha256.New, "user", "pencil")
	if err != nil {
		t.Fatal(err)
	}
	m.nonce = func() (string, error) { return "rOprNGfwEbeRWgbNEkqO", nil }
	ctx := t.Context()
	talk, first, err := m.Start(ctx)
	if err != nil || string(first) != "n,,n=user,r=rOprNGfwEbeRWgbNEkqO" {
		t.Fatalf("Start = %q, %v", first, err)
	}
	const serverFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	done, proof, err := talk.Next(ctx, []byte(serverFirst))
	want := "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
	if done || err != nil || string(proof) != want {
		t.Fatalf("Next = %v, %q, %v", done, proof, err)
	}
	if done, _, err := talk.Next(ctx, []byte("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")); !done || err != nil {
		t.Errorf("Next = %v, %v", done, err)
	}
	if done, _, err := talk.Next(ctx, []byte("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")); done || err == nil {
		t.Error("a broker that does not know the password is believed")
	}
	for _, bad := range []string{"", "r=other,s=W22Z,i=4096", "r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
		"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=999999999"} {
		talk, _, err := m.Start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := talk.Next(ctx, []byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// TestNoCreateFilter: however the requests are cut into writes, exactly the one byte of metadata requests is cleared.
func TestNoCreateFilter(t *testing.T) {
	frame := func(key, version int16, body ...byte) []byte {
		b := wire.AppendInt16(wire.AppendInt16(wire.AppendInt32(nil, 0), key), version)
		b = append(b, body...)
		FinishFrame(b, 0)
		return b
	}
	in := slices.Concat(
		frame(keyMetadata, 6, 9, 9, 9, 1),
		frame(keyMetadata, 1, 9, 1),
		frame(12, 0),
		frame(11, 6, 1, 1, 1),
		frame(keyMetadata, 4, 1),
		frame(keyMetadata, 6, bytes.Repeat([]byte{1}, 9000)...),
		frame(keyMetadata, 8, 1, 0, 0),
	)
	want := bytes.Clone(in)
	want[11] = 0
	at := bytes.Index(in, frame(keyMetadata, 4, 1))
	want[at+8] = 0
	want[bytes.Index(in, frame(keyMetadata, 6, bytes.Repeat([]byte{1}, 9000)...))+9007] = 0
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var f noCreateFilter
		var got []byte
		original := bytes.Clone(in)
		for rest := in; len(rest) > 0; {
			n := 1 + random.IntN(min(len(rest), 1+random.IntN(5000)))
			got = append(got, f.apply(rest[:n])...)
			rest = rest[n:]
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d: the filter gives other bytes", seed)
		}
		if !bytes.Equal(in, original) {
			t.Fatalf("seed %d: the filter changed the bytes of its caller", seed)
		}
	}
}

func TestTemporary(t *testing.T) {
	tests := []struct {
		err  error
		want bool
	}{
		{kafkago.NotLeaderForPartition, true},
		{kafkago.GroupLoadInProgress, true},
		{errors.New("connection refused"), true},
		{context.DeadlineExceeded, true},
		{kafkago.TopicAuthorizationFailed, false},
		{kafkago.SASLAuthenticationFailed, false},
		{kafkago.MessageSizeTooLarge, false},
		{ErrClosed, false},
	}
	for _, test := range tests {
		if got := Temporary(test.err); got != test.want {
			t.Errorf("Temporary(%v) = %v", test.err, got)
		}
	}
}

func TestBackoff(t *testing.T) {
	b := Backoff{Min: time.Millisecond, Max: 4 * time.Millisecond}
	for range 5 {
		if err := b.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if b.next != 4*time.Millisecond {
		t.Errorf("the wait grew to %v", b.next)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("over")
	cancel(cause)
	b = Backoff{Min: time.Hour, Max: time.Hour}
	if err := b.Wait(ctx); !errors.Is(err, cause) {
		t.Errorf("Wait = %v", err)
	}
}

// FuzzMetadata: no answer makes the decoder panic or allocate more than in proportion to its size.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte{})
	f.Add(binary.BigEndian.AppendUint64([]byte{0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 2}, 1<<63))
	f.Fuzz(func(t *testing.T, b []byte) {
		topics, err := parseMetadata(b, time.Time{})
		if err != nil {
			return
		}
		for name, topic := range topics {
			if len(topic.topic.Partitions) > len(b) || len(name) > len(b) {
				t.Errorf("%d partitions out of %d bytes", len(topic.topic.Partitions), len(b))
			}
		}
	})
}
