package kafka

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// GroupDialer opens the connections of a kafka-go ConsumerGroup. They differ from the others in two ways. Close ends them
// all at once, so that leaving a group never waits for a broker that does not answer. And no request on them creates a
// topic, although the leader of a kafka-go group asks for that whenever it requests a topic's metadata.
type GroupDialer struct {
	cluster *Cluster
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	closed  bool
}

// GroupDialer returns a dialer; its connections count as the cluster's.
func (c *Cluster) GroupDialer() *GroupDialer {
	return &GroupDialer{cluster: c, conns: map[net.Conn]struct{}{}}
}

// Dialer returns the dialer as kafka-go's type.
func (g *GroupDialer) Dialer() *kafkago.Dialer {
	return &kafkago.Dialer{
		ClientID:      g.cluster.cfg.ClientID,
		Timeout:       dialTimeout,
		DialFunc:      g.dial,
		SASLMechanism: g.cluster.mechanism,
	}
}

// Brokers are the addresses to begin with.
func (g *GroupDialer) Brokers() []string { return g.cluster.cfg.Brokers }

// Close ends every connection; dialing fails from then on.
func (g *GroupDialer) Close() {
	g.mu.Lock()
	g.closed = true
	conns := make([]net.Conn, 0, len(g.conns))
	for c := range g.conns {
		conns = append(conns, c)
	}
	g.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // Its user sees the error.
	}
}

func (g *GroupDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout) // kafka-go passes a context without a deadline.
	defer cancel()
	inner, err := g.cluster.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	// Authentication has no deadline of its own in kafka-go; each request of the group sets another one.
	if err := inner.SetDeadline(time.Now().Add(2 * dialTimeout)); err != nil {
		_ = inner.Close()
		return nil, err
	}
	conn := &groupConn{Conn: inner, dialer: g}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		_ = inner.Close() // Nobody has seen it.
		return nil, ErrClosed
	}
	g.conns[conn] = struct{}{}
	return conn, nil
}

type groupConn struct {
	net.Conn
	dialer *GroupDialer
	filter noCreateFilter
}

func (c *groupConn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.conns, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}

// Write writes b, after changing metadata requests in it not to create topics.
func (c *groupConn) Write(b []byte) (int, error) { return c.Conn.Write(c.filter.apply(b)) }

// noCreateFilter follows the requests of one connection and clears the last byte of metadata requests that have the
// field "allow auto topic creation" there (versions 4 to 7). A write may end anywhere inside a request.
type noCreateFilter struct {
	head []byte // Of the current request, up to 8 bytes: size, key, version.
	left int    // Bytes of the current request behind head.
}

const requestHead = 8

func (f *noCreateFilter) apply(b []byte) []byte {
	out := b
	for at := 0; at < len(b); {
		if len(f.head) < requestHead {
			n := min(requestHead-len(f.head), len(b)-at)
			f.head = append(f.head, b[at:at+n]...)
			if at += n; len(f.head) < requestHead {
				return out
			}
			f.left = int(binary.BigEndian.Uint32(f.head)) - (requestHead - 4)
		}
		n := min(f.left, len(b)-at)
		f.left -= n
		if at += n; f.left > 0 {
			return out
		}
		key, version := binary.BigEndian.Uint16(f.head[4:]), binary.BigEndian.Uint16(f.head[6:])
		if n > 0 && key == keyMetadata && version >= 4 && version <= 7 && out[at-1] != 0 {
			if &out[0] == &b[0] {
				out = append([]byte(nil), b...) // b belongs to the caller.
			}
			out[at-1] = 0
		}
		f.head = f.head[:0]
	}
	return out
}
