package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// reachTimeout bounds the attempt to connect to one broker.
const reachTimeout = 5 * time.Second

// reach says why none of the brokers takes a connection, nil when one does. A command asks before it begins: what comes
// after waits through an outage for as long as it lasts, and a wrong address would look like one.
func (k kafkaFlags) reach(ctx context.Context) error {
	dialer := net.Dialer{Timeout: reachTimeout}
	var errs []error
	for _, broker := range k.Brokers {
		conn, err := dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			// Nothing was said on it, so there is nothing to lose.
			_ = conn.Close()
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("no broker of --brokers answers: %w", errors.Join(errs...))
}
