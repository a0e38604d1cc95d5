package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// runSlow keeps clients that send a few bytes per second and prints what the receiver's process holds at most.
func (l *load) runSlow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()
	var clients sync.WaitGroup
	for i := range l.slow {
		clients.Go(func() { l.dribble(ctx, uint64(i)) })
	}
	most, peak := int64(0), int64(0)
	for ctx.Err() == nil {
		now, err := measure(l.pid)
		if err != nil {
			return err
		}
		most, peak = max(most, now.resident), now.peak
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	clients.Wait()
	fmt.Printf("clients %d resident_mb %d peak_mb %d\n", l.slow, most>>20, peak>>20)
	return nil
}

// dribble sends a request in small pieces, and begins again when the receiver has enough of it.
func (l *load) dribble(ctx context.Context, n uint64) {
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
		if err != nil {
			return
		}
		body := l.requests[n%prepared].renew(nil, n, l.salt)
		piece := 2000 // The header and the beginning come at once.
		for len(body) > 0 && ctx.Err() == nil {
			piece = min(piece, len(body))
			if _, err := conn.Write(body[:piece]); err != nil {
				break
			}
			body, piece = body[piece:], 5
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
		_ = conn.Close()
	}
}
