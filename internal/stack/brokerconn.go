package stack

import (
	"encoding/binary"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answerListener gives the broker connections whose answers are set right (brokeranswers.go) before clients see them.
type answerListener struct {
	net.Listener
	answers *answers
}

func (l answerListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &answerConn{Conn: conn, answers: l.answers, asked: map[int32]asked{}}, nil
}

// answerConn follows a client's requests by their heads, and rewrites the answers to those that amend knows. The broker
// reads with one goroutine and writes with another, each answer in one Write.
type answerConn struct {
	net.Conn
	answers *answers
	head    []byte // of the request that comes in, up to requestHead
	rest    uint32 // bytes of it that are still to come

	mu    sync.Mutex
	asked map[int32]asked // by correlation; at most two, since the broker takes one request at a time and reads one ahead
}

// asked is what a client asked for.
type asked struct{ key, version int16 }

// requestHead is a request's size, key, version and correlation, in bytes.
const requestHead = 4 + 2 + 2 + 4

// Read implements net.Conn.
func (c *answerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.follow(p[:n])
	return n, err
}

func (c *answerConn) follow(p []byte) {
	for len(p) > 0 {
		if c.rest > 0 {
			skip := min(uint64(c.rest), uint64(len(p)))
			p, c.rest = p[skip:], c.rest-uint32(skip)
			continue
		}
		take := min(requestHead-len(c.head), len(p))
		c.head, p = append(c.head, p[:take]...), p[take:]
		if len(c.head) < requestHead {
			return
		}
		be := binary.BigEndian
		c.rest = max(be.Uint32(c.head), requestHead-4) - (requestHead - 4)
		a := asked{int16(be.Uint16(c.head[4:])), int16(be.Uint16(c.head[6:]))}
		if _, ok := amend[a.key]; ok {
			c.mu.Lock()
			c.asked[int32(be.Uint32(c.head[8:]))] = a
			c.mu.Unlock()
		}
		c.head = c.head[:0]
	}
}

// Write implements net.Conn.
func (c *answerConn) Write(p []byte) (int, error) {
	if len(p) < 8 {
		return c.Conn.Write(p)
	}
	correlation := int32(binary.BigEndian.Uint32(p[4:]))
	c.mu.Lock()
	a, ok := c.asked[correlation]
	delete(c.asked, correlation)
	c.mu.Unlock()
	if !ok {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(c.answers.amended(a, p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// amended returns the frame of an answer as clients are to see it, or the frame itself if it can't be read.
func (a *answers) amended(to asked, frame []byte) []byte {
	answer := kmsg.ResponseForKey(to.key)
	answer.SetVersion(to.version)
	body := kbin.Reader{Src: frame[8:]}
	tags := answer.IsFlexible() // Those of ApiVersions, which has none, are not amended.
	if tags {
		kmsg.SkipTags(&body)
	}
	if !body.Ok() || answer.ReadFrom(body.Src) != nil {
		return frame
	}
	amend[to.key](a, answer)
	out := append(make([]byte, 0, len(frame)+64), frame[:8]...)
	if tags {
		out = append(out, 0)
	}
	out = answer.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}
