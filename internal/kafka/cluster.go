package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

const (
	dialTimeout = 5 * time.Second
	// brokerListTTL bounds how long a broker that joined, or moved to another address, stays unknown.
	brokerListTTL = 2 * time.Second
)

// ErrClosed is returned by requests on a Cluster that was closed.
var ErrClosed = errors.New("kafka connection is closed")

// Cluster is a pool of connections to one Kafka cluster. It is safe for concurrent use.
type Cluster struct {
	cfg       Config
	mechanism sasl.Mechanism // Nil without SASL.
	attempts  *attempts
	addr      net.Addr
	transport *kafkago.Transport
	stop      context.CancelFunc
	metadata  metadata

	mu     sync.Mutex
	conns  map[*trackedConn]struct{}
	closed bool
}

// Open checks cfg and prepares a pool. It does not connect: the first request does.
func Open(cfg Config) (*Cluster, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	mechanism, err := cfg.mechanism()
	if err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, addr: kafkago.TCP(cfg.Brokers...), conns: map[*trackedConn]struct{}{}}
	if mechanism != nil {
		c.attempts = &attempts{Mechanism: mechanism}
		c.mechanism = c.attempts
	}
	c.metadata.init()
	ctx := &closeContext{done: make(chan struct{})}
	c.stop = ctx.close
	c.transport = &kafkago.Transport{
		Dial:           c.dial,
		DialTimeout:    dialTimeout,
		ClientID:       cfg.ClientID,
		SASL:           c.mechanism,
		MetadataTTL:    brokerListTTL,
		MetadataTopics: []string{}, // Not nil: nil asks for every topic of the cluster, this for none.
		Context:        ctx,
	}
	return c, nil
}

// Client returns a kafka-go client for its own typed requests: those to a group's coordinator, to the controller or to
// any broker. Requests that kafka-go routes by topic do not work: the transport knows no topics.
func (c *Cluster) Client(timeout time.Duration) *kafkago.Client {
	return &kafkago.Client{Addr: c.addr, Timeout: timeout, Transport: c.transport}
}

// Close ends every connection. Requests that are running fail.
func (c *Cluster) Close() error {
	c.mu.Lock()
	c.closed = true
	conns := make([]*trackedConn, 0, len(c.conns))
	for conn := range c.conns {
		conns = append(conns, conn)
	}
	c.mu.Unlock()
	c.stop()
	c.transport.CloseIdleConnections()
	for _, conn := range conns {
		_ = conn.Close() // Its user sees the error.
	}
	return nil
}

// dial connects, with TLS where configured, and registers the connection, so that Close can end it even while a request
// waits for an answer.
func (c *Cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if c.cfg.TLS != nil {
		cfg := c.cfg.TLS
		if cfg.ServerName == "" {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			cfg = cfg.Clone()
			cfg.ServerName = host
		}
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = secure
	}
	tracked := &trackedConn{Conn: conn, cluster: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close() // Nobody has seen it.
		return nil, ErrClosed
	}
	c.conns[tracked] = struct{}{}
	return tracked, nil
}

type trackedConn struct {
	net.Conn
	cluster *Cluster
}

func (t *trackedConn) Close() error {
	t.cluster.mu.Lock()
	delete(t.cluster.conns, t)
	t.cluster.mu.Unlock()
	return t.Conn.Close()
}

// closeContext ends when the cluster is closed. It is the root of the transport's own goroutines, which belong to the
// cluster and to no caller's context.
type closeContext struct {
	once sync.Once
	done chan struct{}
}

func (c *closeContext) close()                      { c.once.Do(func() { close(c.done) }) }
func (c *closeContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *closeContext) Done() <-chan struct{}       { return c.done }
func (c *closeContext) Value(any) any               { return nil }
func (c *closeContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}
