package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/segmentio/kafka-go/protocol"

	"tidemark/internal/kafka/wire"
)

// AnyBroker routes an Exchange to a broker that the pool chooses.
const AnyBroker int32 = -1

// Controller routes an Exchange to the cluster's controller.
const Controller int32 = -2

// maxResponse bounds the bytes read for one answer, whatever its length field.
const maxResponse = 256 << 20

// Exchange is one request and its answer, in bytes. Its buffers belong to the pool's connection from the call of Do until
// Done reports true: a call that ended by its context may leave a connection still reading or writing them.
type Exchange struct {
	Broker  int32 // A node id, AnyBroker or Controller.
	Key     int16
	Version int16
	// Request is the whole frame, begun by AppendHeader and ended by FinishFrame.
	Request []byte
	// Response is the buffer for the answer; it grows as needed. After Do it is the answer behind the correlation id; in
	// flexible versions it still begins with the header's tags.
	Response []byte

	done atomic.Bool
}

// AppendHeader begins a request frame in dst, whose size FinishFrame sets.
func (c *Cluster) AppendHeader(dst []byte, key, version int16, flexible bool) []byte {
	dst = wire.AppendInt32(dst, 0)
	dst = wire.AppendInt16(dst, key)
	dst = wire.AppendInt16(dst, version)
	dst = wire.AppendInt32(dst, 0) // The correlation id: a connection has one request in flight.
	dst = wire.AppendString(dst, c.cfg.ClientID, false)
	return wire.AppendTags(dst, flexible)
}

// FinishFrame sets the size of the frame that fills buf. extra counts bytes that are part of the frame but not of buf.
func FinishFrame(buf []byte, extra int) {
	binary.BigEndian.PutUint32(buf, uint32(len(buf)-4+extra))
}

// Do sends e.Request and reads e.Response. ctx must have a deadline, or Do waits for a silent broker until ctx ends.
func (c *Cluster) Do(ctx context.Context, e *Exchange) error {
	e.done.Store(false)
	if _, err := c.transport.RoundTrip(ctx, c.addr, &rawMessage{e}); err != nil {
		if c.isClosed() {
			return ErrClosed
		}
		return c.attempts.explain(err)
	}
	return nil
}

// Done reports that no connection uses the buffers of e any longer. It is true after a Do that returned nil.
func (e *Exchange) Done() bool { return e.done.Load() }

func (c *Cluster) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// rawMessage makes an Exchange a message that kafka-go routes, and sends by calling RawExchange.
type rawMessage struct{ exchange *Exchange }

var (
	_ protocol.BrokerMessage = (*rawMessage)(nil)
	_ protocol.RawExchanger  = (*rawMessage)(nil)
)

// ApiKey is part of protocol.Message.
func (m *rawMessage) ApiKey() protocol.ApiKey { return protocol.ApiKey(m.exchange.Key) } //nolint:staticcheck // kafka-go's name

// Broker is part of protocol.BrokerMessage: it routes by node id alone.
func (m *rawMessage) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	if m.exchange.Broker == Controller {
		return protocol.Broker{ID: cluster.Controller}, nil
	}
	return protocol.Broker{ID: m.exchange.Broker}, nil
}

// Required is part of protocol.RawExchanger.
func (m *rawMessage) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange is part of protocol.RawExchanger: it is called with the connection locked for one request.
func (m *rawMessage) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	e := m.exchange
	defer e.done.Store(true)
	if _, err := rw.Write(e.Request); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, unexpected(err)
	}
	size := int(int32(binary.BigEndian.Uint32(head[:])))
	if size < 4 || size > maxResponse {
		return nil, fmt.Errorf("read kafka response: impossible size %d", size)
	}
	if id := binary.BigEndian.Uint32(head[4:]); id != 0 {
		return nil, fmt.Errorf("read kafka response: correlation id %d, want 0", id)
	}
	size -= 4
	if cap(e.Response) < size {
		e.Response = make([]byte, size)
	}
	e.Response = e.Response[:size]
	if _, err := io.ReadFull(rw, e.Response); err != nil {
		return nil, unexpected(err)
	}
	return m, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
