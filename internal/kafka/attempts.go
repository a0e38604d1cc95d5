package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// attempts counts authentications. Some brokers answer a wrong password by ending the connection, which by itself looks
// like a broker that is restarting. When several attempts failed and none ever succeeded, the password is wrong.
type attempts struct {
	sasl.Mechanism
	started   atomic.Int32
	succeeded atomic.Bool
}

const hopelessAttempts = 3

// Start is part of sasl.Mechanism.
func (a *attempts) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	a.started.Add(1)
	m, first, err := a.Mechanism.Start(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &attempt{StateMachine: m, attempts: a}, first, nil
}

type attempt struct {
	sasl.StateMachine
	attempts *attempts
}

// Next is part of sasl.StateMachine.
func (a *attempt) Next(ctx context.Context, challenge []byte) (bool, []byte, error) {
	done, answer, err := a.StateMachine.Next(ctx, challenge)
	if done && err == nil {
		a.attempts.succeeded.Store(true)
	}
	return done, answer, err
}

// explain turns the error of an ended connection into a failed authentication after enough failed attempts.
func (a *attempts) explain(err error) error {
	ended := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	if a == nil || !ended || a.succeeded.Load() || a.started.Load() < hopelessAttempts {
		return err
	}
	return fmt.Errorf("%w: the broker ended the connection during authentication: %w", kafkago.SASLAuthenticationFailed, err)
}
