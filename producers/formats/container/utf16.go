package container

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// text returns r in UTF-8, without the byte-order mark at its beginning.
func text(r *bufio.Reader) (*bufio.Reader, error) {
	start, err := firstLine(r)
	if err != nil {
		return nil, err
	}
	if order := utf16Of(start); order != nil {
		r = bufio.NewReaderSize(&utf16Reader{r: r, order: order}, chunkSize)
	}
	is, err := startsWith(r, ByteOrderMark)
	if is {
		_, err = r.Discard(len(ByteOrderMark))
	}
	return r, err
}

// utf16Of returns the order of the bytes of a text in UTF-16, by its mark or by its first two characters; nil if it is
// none.
func utf16Of(start []byte) binary.ByteOrder {
	if len(start) < 4 {
		return nil
	}
	plain := func(b byte) bool { return b >= ' ' && b <= '~' || b >= '\t' && b <= '\r' }
	switch {
	case start[0] == 0xff && start[1] == 0xfe, plain(start[0]) && start[1] == 0 && plain(start[2]) && start[3] == 0:
		return binary.LittleEndian
	case start[0] == 0xfe && start[1] == 0xff, start[0] == 0 && plain(start[1]) && start[2] == 0 && plain(start[3]):
		return binary.BigEndian
	}
	return nil
}

var errHalfCharacter = errors.New("it ends in the middle of a character")

// utf16Reader turns UTF-16 into UTF-8. What is not a character becomes bytes that are not UTF-8, so that different ones
// stay different.
type utf16Reader struct {
	r     io.Reader
	order binary.ByteOrder
	in    [4 << 10]byte
	have  int    // Bytes of in.
	out   []byte // Not given yet.
	mem   []byte
	err   error // After out.
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// fill reads on.
func (u *utf16Reader) fill() {
	n, err := u.r.Read(u.in[u.have:])
	u.have += n
	ended := errors.Is(err, io.EOF)
	u.err = err
	at := 0
	u.mem = u.mem[:0]
	for u.have-at >= 2 {
		c, both := rune(u.order.Uint16(u.in[at:])), utf8.RuneError
		half := utf16.IsSurrogate(c)
		if half && u.have-at < 4 && !ended {
			break // The other half is still to come.
		}
		if half && u.have-at >= 4 {
			both = utf16.DecodeRune(c, rune(u.order.Uint16(u.in[at+2:])))
		}
		switch {
		case !half:
			u.mem = utf8.AppendRune(u.mem, c)
		case both != utf8.RuneError:
			u.mem = utf8.AppendRune(u.mem, both)
			at += 2
		default:
			u.mem = append(u.mem, 0xe0|byte(c>>12), 0x80|byte(c>>6)&0x3f, 0x80|byte(c)&0x3f)
		}
		at += 2
	}
	u.out = u.mem
	u.have = copy(u.in[:], u.in[at:u.have])
	if ended && u.have > 0 {
		u.err = &DamagedError{"UTF-16", errHalfCharacter}
	}
}
