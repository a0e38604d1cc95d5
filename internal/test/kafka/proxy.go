package kafkatest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy stands between clients and a broker on loopback, and can do to their connections what a network does. It is safe
// for concurrent use.
type Proxy struct {
	listener net.Listener
	wg       sync.WaitGroup

	mu       sync.Mutex
	target   string
	conns    map[net.Conn]struct{}
	stalled  chan struct{} // not nil while stalled; closed when it ends
	swallow  map[int16]int
	swallows int
	closed   bool
}

// NewProxy listens on a free port.
func NewProxy() (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it takes no time
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, conns: map[net.Conn]struct{}{}, swallow: map[int16]int{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetTarget says where the broker is.
func (p *Proxy) SetTarget(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = addr
}

// Close ends all connections.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Resume()
	err := p.listener.Close()
	p.Cut()
	p.wg.Wait()
	return err
}

// Cut ends the connections there are.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close() // Its users see the error.
	}
}

// Stall holds everything back, in both directions, until Resume.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// Resume ends a Stall.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

// SwallowAnswers lets the next n requests with an API key through, and ends their connections instead of giving back the
// broker's answer, when that has come.
func (p *Proxy) SwallowAnswers(key int16, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow[key] = n
}

// Swallowed is the number of answers that were not given back.
func (p *Proxy) Swallowed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.swallows
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := net.DialTimeout("tcp", target, 2*time.Second) //nolint:noctx // it has a timeout
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{proxy: p, client: client, server: server, swallow: map[uint32]bool{}}
		if !p.add(client, server) {
			return
		}
		p.wg.Go(l.requests)
		p.wg.Go(l.answers)
	}
}

func (p *Proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			_ = c.Close()
		} else {
			p.conns[c] = struct{}{}
		}
	}
	return !p.closed
}

func (p *Proxy) wait() {
	p.mu.Lock()
	stalled := p.stalled
	p.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
}

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	mu      sync.Mutex
	swallow map[uint32]bool // by correlation id, which kafka clients count per connection
}

func (l *link) close() {
	l.proxy.mu.Lock()
	delete(l.proxy.conns, l.client)
	delete(l.proxy.conns, l.server)
	l.proxy.mu.Unlock()
	_ = errors.Join(l.client.Close(), l.server.Close()) // Closing is all that is left.
}

// requests copies frames from the client to the broker, looking at their API keys.
func (l *link) requests() {
	defer l.close()
	_ = copyFrames(l.server, l.client, func(frame []byte) error {
		l.proxy.wait()
		if len(frame) >= 12 {
			l.mark(int16(binary.BigEndian.Uint16(frame[4:])), binary.BigEndian.Uint32(frame[8:]))
		}
		return nil
	})
}

func (l *link) mark(key int16, correlation uint32) {
	l.proxy.mu.Lock()
	swallow := l.proxy.swallow[key] > 0
	if swallow {
		l.proxy.swallow[key]--
	}
	l.proxy.mu.Unlock()
	if swallow {
		l.mu.Lock()
		l.swallow[correlation] = true
		l.mu.Unlock()
	}
}

var errSwallowed = errors.New("answer swallowed")

// answers copies frames from the broker to the client.
func (l *link) answers() {
	defer l.close()
	_ = copyFrames(l.client, l.server, func(frame []byte) error {
		l.proxy.wait()
		l.mu.Lock()
		swallow := len(frame) >= 8 && l.swallow[binary.BigEndian.Uint32(frame[4:])]
		l.mu.Unlock()
		if swallow {
			l.proxy.mu.Lock()
			l.proxy.swallows++
			l.proxy.mu.Unlock()
			return errSwallowed
		}
		return nil
	})
}

func copyFrames(dst io.Writer, src io.Reader, look func(frame []byte) error) error {
	var frame []byte
	for {
		frame = append(frame[:0], 0, 0, 0, 0)
		if _, err := io.ReadFull(src, frame); err != nil {
			return err
		}
		size := int(binary.BigEndian.Uint32(frame))
		if cap(frame) < 4+size {
			frame = append(make([]byte, 0, 4+size), frame...)
		}
		frame = frame[:4+size]
		if _, err := io.ReadFull(src, frame[4:]); err != nil {
			return err
		}
		if err := look(frame); err != nil {
			return err
		}
		if _, err := dst.Write(frame); err != nil {
			return err
		}
	}
}
