package cli

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// reachTimeout bounds the attempt to connect to one broker.
	reachTimeout = 5 * time.Second
	// speakTimeout bounds the wait for a first word of what has accepted a connection.
	speakTimeout = 2 * time.Second
)

// brokersError is why none of the brokers can be used.
type brokersError struct{ err error }

func (e *brokersError) Error() string { return "no broker of --brokers answers: " + e.err.Error() }

func (e *brokersError) Unwrap() error { return e.err }

// reach returns an error unless one of the brokers accepts a connection. A command calls it before it begins: what follows
// waits through an outage for as long as it lasts, and a wrong address would look like one. So it is also an error if what
// accepts the connection shows that it is something else than a broker; what says nothing may be a broker that is slow.
func (k kafkaFlags) reach(ctx context.Context) error {
	var errs []error
	for _, broker := range k.Brokers {
		err := k.stranger(ctx, broker)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return &brokersError{errors.Join(errs...)}
}

// stranger returns an error if nothing listens at an address, or something that is no broker.
func (k kafkaFlags) stranger(ctx context.Context, address string) error {
	if k.KafkaTLS {
		_, err := firstWord(ctx, address, nil)
		return err
	}
	word, err := firstWord(ctx, address, versionsRequest)
	if word == "" && err == nil { // An HTTP server still waits for the end of the line.
		word, err = firstWord(ctx, address, []byte("GET / HTTP/1.0\r\n\r\n"))
	}
	switch {
	case err != nil:
		return err
	case word == "HTTP":
		return fmt.Errorf("%s speaks HTTP, not Kafka's protocol", address)
	case len(word) >= 2 && word[:2] == "\x15\x03": // An alert.
		return fmt.Errorf("%s speaks TLS: give --kafka-tls", address)
	}
	return nil
}

// versionsRequest asks a broker for the versions of its requests (ApiVersions, version 0), which it answers before a login too.
var versionsRequest = func() []byte {
	const client = "tidemark-reach"
	request := binary.BigEndian.AppendUint16([]byte{0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 1}, uint16(len(client)))
	request = append(request, client...)
	binary.BigEndian.PutUint32(request, uint32(len(request)-4))
	return request
}()

// firstWord connects, sends a request and returns the first four bytes of the answer, fewer if there are no more in time. Without a
// request it only connects. The error says that nobody accepts the connection.
func firstWord(ctx context.Context, address string, request []byte) (string, error) {
	conn, err := (&net.Dialer{Timeout: reachTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // Nothing on it matters any more.
	if request == nil {
		return "", nil
	}
	var word [4]byte
	n := 0
	if err := conn.SetDeadline(time.Now().Add(speakTimeout)); err == nil {
		if _, err = conn.Write(request); err == nil {
			n, _ = io.ReadFull(conn, word[:]) // What was read is enough.
		}
	}
	return string(word[:n]), nil
}
