package clickhouse

import (
	"context"
	"fmt"
	"net"
	"time"
)

// deadlineFree hides a deadline from the driver, which would turn it into the setting max_execution_time: the server
// would then end an INSERT half-way with an error of its own. The context still ends when it ends.
type deadlineFree struct{ context.Context }

func (deadlineFree) Deadline() (time.Time, bool) { return time.Time{}, false }

func withoutDeadline(ctx context.Context) context.Context { return deadlineFree{ctx} }

// silentError is the cause of an attempt that ended because the server did not answer. It is not a context error: the
// caller's context has not ended.
type silentError struct{ after time.Duration }

func (e *silentError) Error() string {
	return fmt.Sprintf("ClickHouse did not answer within %s", e.after)
}

// limitAttempt bounds one attempt without giving it a deadline (see deadlineFree). The caller calls the returned
// function when the attempt is over.
func limitAttempt(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(&silentError{limit}) })
	return ctx, func() {
		timer.Stop()
		cancel(context.Canceled)
	}
}

// watchedConn ends a connection on which nothing moves. Reading and writing both restart the wait, so a read that was
// pending before a request was written does not count the idle time.
type watchedConn struct {
	net.Conn
	silence time.Duration
}

func (c *watchedConn) Read(p []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(c.silence)) // Fails where reading will.
	return c.Conn.Read(p)
}

func (c *watchedConn) Write(p []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(c.silence)) // Fails where writing will.
	return c.Conn.Write(p)
}
