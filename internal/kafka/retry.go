package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Temporary reports that the request that failed with err may succeed when it is sent again, perhaps to another broker:
// the network failed, a broker is starting, a leader moved. The request may or may not have been executed.
func Temporary(err error) bool {
	var code kafkago.Error
	if errors.As(err, &code) {
		return temporaryCode(code)
	}
	var certificate *tls.CertificateVerificationError
	var unknownCA x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case errors.Is(err, ErrClosed), errors.As(err, &certificate), errors.As(err, &unknownCA), errors.As(err, &hostname):
		return false
	}
	return true
}

func temporaryCode(code kafkago.Error) bool {
	switch code {
	case kafkago.Unknown,
		kafkago.InvalidMessage, // A checksum that failed on the way.
		kafkago.UnknownTopicOrPartition,
		kafkago.LeaderNotAvailable,
		kafkago.NotLeaderForPartition,
		kafkago.RequestTimedOut,
		kafkago.BrokerNotAvailable,
		kafkago.ReplicaNotAvailable,
		kafkago.NetworkException,
		kafkago.GroupLoadInProgress,
		kafkago.GroupCoordinatorNotAvailable,
		kafkago.NotCoordinatorForGroup,
		kafkago.NotEnoughReplicas,
		kafkago.NotEnoughReplicasAfterAppend,
		kafkago.NotController,
		kafkago.KafkaStorageError,
		kafkago.FencedLeaderEpoch,
		kafkago.UnknownLeaderEpoch,
		kafkago.OffsetNotAvailable,
		kafkago.ReassignmentInProgress,
		kafkago.ThrottlingQuotaExceeded,
		kafkago.UnknownTopicID,
		kafkago.InconsistentTopicID:
		return true
	}
	return false
}

// Backoff is the wait between tries: it doubles from Min to Max, and each wait is spread over its upper half.
type Backoff struct {
	// Min and Max bound the wait. Default 50 ms and 2 s.
	Min, Max time.Duration
	next     time.Duration
}

// Reset starts again at Min.
func (b *Backoff) Reset() { b.next = 0 }

// Wait waits for the next interval, or until ctx ends, and then returns its cause.
func (b *Backoff) Wait(ctx context.Context) error {
	b.Min = cmp.Or(b.Min, 50*time.Millisecond)
	b.Max = max(cmp.Or(b.Max, 2*time.Second), b.Min)
	b.next = cmp.Or(b.next, b.Min)
	d := b.next/2 + rand.N(b.next/2+1)
	b.next = min(2*b.next, b.Max)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
