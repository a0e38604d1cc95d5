package chhttp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/go-faster/city"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/semaphore"
)

// frames compresses each text into a frame.
func frames(t *testing.T, method compress.Method, texts ...string) []byte {
	t.Helper()
	var out []byte
	w := compress.NewWriter(compress.LevelZero, method)
	for _, text := range texts {
		if err := w.Compress([]byte(text)); err != nil {
			t.Fatal(err)
		}
		out = append(out, w.Data...)
	}
	return out
}

// frame makes one whose checksum is right, whatever else is not.
func frame(method byte, size uint32, packed []byte) []byte {
	f := make([]byte, frameHeadBytes, frameHeadBytes+len(packed))
	f[frameChecksumBytes] = method
	binary.LittleEndian.PutUint32(f[frameChecksumBytes+1:], uint32(len(packed)+9))
	binary.LittleEndian.PutUint32(f[frameChecksumBytes+5:], size)
	f = append(f, packed...)
	sum := city.CH128(f[frameChecksumBytes:])
	binary.LittleEndian.PutUint64(f, sum.Low)
	binary.LittleEndian.PutUint64(f[8:], sum.High)
	return f
}

// open returns a reader of a body and what its decoders take.
func open(t *testing.T, source io.Reader, c *coding, framed bool) (io.Reader, *decoderMemory) {
	t.Helper()
	memory := &decoderMemory{all: semaphore.NewWeighted(decodersMemory)}
	body, err := decodeBody(t.Context(), source, c, framed, memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(memory.release)
	return body, memory
}

// wantEnd reads once more, often: a reader that has ended stays at its end.
func wantEnd(t *testing.T, body io.Reader, want error) {
	t.Helper()
	for range 3 {
		if n, err := body.Read(make([]byte, 100)); n != 0 || !errors.Is(err, want) {
			t.Fatalf("behind the end: %d bytes, %v, want %v", n, err, want)
		}
	}
}

func TestFrames(t *testing.T) {
	long := strings.Repeat("some text, ", 10_000)
	for _, method := range []compress.Method{compress.None, compress.LZ4, compress.LZ4HC, compress.ZSTD} {
		for _, texts := range [][]string{{}, {""}, {"a"}, {"a", "", "b"}, {"", "", "a", ""}, {long, "b", long}} {
			packed := frames(t, method, texts...)
			for name, source := range map[string]io.Reader{"whole": bytes.NewReader(packed), "bytes": iotest.OneByteReader(bytes.NewReader(packed)), "end with data": iotest.DataErrReader(bytes.NewReader(packed))} {
				body, _ := open(t, source, nil, true)
				got, err := io.ReadAll(body)
				if want := strings.Join(texts, ""); err != nil || string(got) != want {
					t.Fatalf("%v, %s: %d bytes, %v, want %d", method, name, len(got), err, len(want))
				}
				wantEnd(t, body, io.EOF)
			}
		}
	}
}

// TestFramesCut ends a body at every byte: between frames that is its end, elsewhere an error.
func TestFramesCut(t *testing.T) {
	first, second := frames(t, compress.LZ4, "1,x\n"), frames(t, compress.ZSTD, "2,y\n")
	whole := append(bytes.Clone(first), second...)
	for n := range len(whole) + 1 {
		body, _ := open(t, bytes.NewReader(whole[:n]), nil, true)
		got, err := io.ReadAll(body)
		switch n {
		case 0, len(first), len(whole):
			if err != nil || len(got) != 4*(n/len(first)) && n != len(whole) {
				t.Fatalf("%d bytes: %q, %v", n, got, err)
			}
			wantEnd(t, body, io.EOF)
		default:
			if err == nil || asException(err).Name != "CANNOT_DECOMPRESS" || !strings.Contains(err.Error(), "middle of a frame") {
				t.Fatalf("%d bytes: %q, %v", n, got, err)
			}
			wantEnd(t, body, err)
		}
	}
	broken := errors.New("the connection broke")
	body, _ := open(t, io.MultiReader(bytes.NewReader(whole[:len(first)+30]), iotest.ErrReader(broken)), nil, true)
	if _, err := io.ReadAll(body); !errors.Is(err, broken) {
		t.Fatalf("a connection that breaks: %v", err)
	}
}

func TestFramesBroken(t *testing.T) {
	right := frames(t, compress.LZ4, "1,x\n")
	for i := range right {
		wrong := bytes.Clone(right)
		wrong[i] ^= 1
		body, _ := open(t, bytes.NewReader(wrong), nil, true)
		if got, err := io.ReadAll(body); err == nil || asException(err).Name != "CANNOT_DECOMPRESS" || len(got) > 0 {
			t.Fatalf("byte %d changed: %q, %v", i, got, err)
		}
	}
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := encoder.EncodeAll(make([]byte, 200<<20), nil)
	for name, c := range map[string]struct {
		frame []byte
		says  string
	}{
		"another method":         {frame(0x91, 3, []byte("abc")), "0x91 is not served"},
		"no compression, short":  {frame(methodNone, 4, []byte("abc")), "says that they are 4"},
		"no compression, long":   {frame(methodNone, 2, []byte("abc")), "says that they are 2"},
		"LZ4 that is too short":  {frame(methodLZ4, 9, []byte("\x10a")), "holds 1 bytes and says 9"},
		"LZ4 that cannot be":     {frame(methodLZ4, 100<<20, []byte("\x10a")), "cannot hold"},
		"LZ4 that is none":       {frame(methodLZ4, 9, []byte("\xff\xff\xff")), "lz4"},
		"zstd that is too long":  {frame(methodZSTD, 9, bomb), "Cannot decompress"},
		"zstd that is too short": {frame(methodZSTD, 9, encoder.EncodeAll([]byte("a"), nil)), "holds 1 bytes and says 9"},
		"more than a frame may":  {frame(methodZSTD, 200<<20, bomb), "a frame may have"},
	} {
		body, memory := open(t, bytes.NewReader(c.frame), nil, true)
		if got, err := io.ReadAll(body); err == nil || asException(err).Name != "CANNOT_DECOMPRESS" || !strings.Contains(err.Error(), c.says) || len(got) > 0 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if memory.taken > framesMemory {
			t.Errorf("%s: took %d bytes", name, memory.taken)
		}
	}
}

// TestFramesMemory gives large frames what there is, and refuses them when that is all.
func TestFramesMemory(t *testing.T) {
	packed := frames(t, compress.LZ4, strings.Repeat("x", 100<<20))
	body, memory := open(t, bytes.NewReader(packed), nil, true)
	if n, err := io.Copy(io.Discard, body); n != 100<<20 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if memory.taken <= 100<<20 {
		t.Errorf("took %d bytes", memory.taken)
	}
	memory.release()
	if !memory.all.TryAcquire(decodersMemory) {
		t.Fatal("memory was not given back")
	}
	memory.all.Release(framesMemory)
	body, err := decodeBody(t.Context(), bytes.NewReader(packed), nil, true, memory)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(body); err == nil || asException(err).Name != "MEMORY_LIMIT_EXCEEDED" {
		t.Fatalf("more than there is: %v", err)
	}
}
