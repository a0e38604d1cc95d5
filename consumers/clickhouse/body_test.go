package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"tidemark/consumers/ledger"
)

// blockOf makes columns of several types and sizes.
func blockOf(rows int) proto.Input {
	var numbers proto.ColUInt64
	var texts proto.ColStr
	symbols := new(proto.ColStr).LowCardinality()
	for i := range rows {
		numbers = append(numbers, uint64(i))
		texts.Append(strings.Repeat("x", i%50))
		symbols.Append(fmt.Sprint(i % 10))
	}
	return proto.Input{{Name: "n", Data: &numbers}, {Name: "s", Data: &texts}, {Name: "l", Data: symbols}, {Name: "m", Data: &numbers}}
}

// TestBodyIsTheBlock: however it is read, a body is the block that package proto encodes.
func TestBodyIsTheBlock(t *testing.T) {
	for _, rows := range []int{1, 100, 50000} {
		input := blockOf(rows)
		var want proto.Buffer
		if err := (proto.Block{Columns: len(input), Rows: rows}).EncodeRawBlock(&want, nativeRevision, input); err != nil {
			t.Fatal(err)
		}
		read, err := io.ReadAll(iotest.OneByteReader(struct{ io.Reader }{newInsertBody(insertPart{input: input, rows: rows})}))
		if err != nil || !bytes.Equal(read, want.Buf) {
			t.Errorf("%d rows read: %d bytes, want %d: %v", rows, len(read), len(want.Buf), err)
		}
		var written bytes.Buffer
		body := newInsertBody(insertPart{input: input, rows: rows})
		first := make([]byte, 7)
		if _, err := io.ReadFull(body, first); err != nil {
			t.Fatal(err)
		}
		n, err := body.WriteTo(&written)
		if all := slices.Concat(first, written.Bytes()); err != nil || int(n) != len(all)-7 || !bytes.Equal(all, want.Buf) {
			t.Errorf("%d rows written: %d bytes, want %d: %v", rows, len(all), len(want.Buf), err)
		}
		if n, err := body.Read(first); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %d, %v", n, err)
		}
	}
}

func TestBodyOfUnequalColumns(t *testing.T) {
	input := blockOf(3)
	input[3].Data = &proto.ColUInt64{1}
	if _, err := io.ReadAll(newInsertBody(insertPart{input: input, rows: 3})); err == nil || !strings.Contains(err.Error(), "column m has 1 row of 3") {
		t.Errorf("got %v", err)
	}
}

// TestBodyStops: after stop the columns belong to their owner again, though the HTTP client may still be reading.
func TestBodyStops(t *testing.T) {
	input := blockOf(50000)
	body := newInsertBody(insertPart{input: input, rows: 50000})
	if _, err := body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := body.WriteTo(io.Discard)
		done <- err
	}()
	body.stop()
	for _, column := range input { // Found by the race detector, if it is read meanwhile.
		if c, ok := column.Data.(proto.Resettable); ok {
			c.Reset()
		} else {
			t.Fatal("a column cannot be reset")
		}
	}
	if err := <-done; err != nil && !errors.Is(err, errBodyStopped) {
		t.Errorf("got %v", err)
	}
}

// TestChainWalkIsChain holds the walk that needs little memory equal to the chain over all ranges.
func TestChainWalkIsChain(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	cutShort, full := 0, 0
	for range 20000 {
		var ranges []ledger.Range
		position := int64(0)
		for range rng.IntN(12) {
			from := position
			switch rng.IntN(8) {
			case 0:
				from = max(0, position-rng.Int64N(6))
			case 1:
				from = position + rng.Int64N(3)
			}
			to := from + 1 + rng.Int64N(5)
			ranges = append(ranges, ledger.Range{From: from, To: to, Generation: rng.Int64N(3)})
			if rng.IntN(6) != 0 {
				position = to
			}
		}
		_, _, want, _ := ledger.Chain(0, ranges)
		sorted := append([]ledger.Range(nil), ranges...)
		sortRanges(sorted)
		var walk chainWalk
		for _, r := range sorted {
			walk.add(r)
		}
		if got := walk.end(); got != want {
			t.Fatalf("seed %d: %v ends at %d, want %d", seed, sorted, got, want)
		}
		if want < position {
			cutShort++
		} else {
			full++
		}
	}
	if cutShort < 100 || full < 100 {
		t.Errorf("seed %d: %d chains cut short, %d whole: the cases are one-sided", seed, cutShort, full)
	}
}

// TestAttemptIsNotTheCaller: a request that reports the end of its context did not meet the end of the caller's.
func TestAttemptIsNotTheCaller(t *testing.T) {
	store := NewStore(&DB{config: Config{AttemptTimeout: time.Millisecond}})
	wait := func(ctx context.Context) error {
		attempt, end := store.startAttempt(ctx, "wait")
		<-attempt.Done()
		return end(attempt.Err())
	}
	if err := wait(t.Context()); errors.Is(err, context.Canceled) || err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("got %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
