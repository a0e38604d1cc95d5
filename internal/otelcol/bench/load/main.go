// Command load sends prepared requests of 100 spans over HTTP and measures the answers and the receiver's process.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	var l load
	flag.StringVar(&l.address, "address", "", "host:port of the receiver's HTTP")
	flag.IntVar(&l.pid, "pid", 0, "process of the receiver")
	flag.IntVar(&l.connections, "connections", 16, "connections that send one request after the other")
	flag.IntVar(&l.rate, "rate", 0, "spans per second; 0 sends as fast as the answers come")
	flag.IntVar(&l.each, "each", 1, "one of so many spans is a call to a model")
	flag.IntVar(&l.slow, "slow", 0, "clients that send a few bytes per second, instead of the load")
	flag.DurationVar(&l.duration, "duration", 10*time.Second, "how long")
	flag.DurationVar(&l.warm, "warm", 2*time.Second, "how long before that nothing is measured")
	flag.Parse()
	if err := l.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

type load struct {
	address                      string
	pid, connections, rate, slow int
	each                         int
	duration, warm               time.Duration

	salt     uint64
	next     atomic.Uint64 // The number of the next request.
	refused  atomic.Uint64
	requests []*request
}

// maxRequests bounds a run.
const maxRequests = 1_000_000

func (l *load) run(ctx context.Context) (err error) {
	if l.requests, err = requests(l.address, l.each); err != nil {
		return err
	}
	l.salt = uint64(time.Now().UnixMilli()) & 0xffffff
	if l.slow > 0 {
		return l.runSlow(ctx)
	}
	begin := time.Now().Add(l.warm)
	ctx, cancel := context.WithDeadline(ctx, begin.Add(l.duration))
	defer cancel()
	var mu sync.Mutex
	var took []time.Duration
	var failed error
	var workers sync.WaitGroup
	for range l.connections {
		workers.Go(func() {
			mine, err := l.work(ctx, begin)
			mu.Lock()
			defer mu.Unlock()
			took, failed = append(took, mine...), errors.Join(failed, err)
		})
	}
	time.Sleep(time.Until(begin))
	before, err := measure(l.pid)
	if err != nil {
		return err
	}
	<-ctx.Done()
	after, err := measure(l.pid)
	if err != nil {
		return err
	}
	workers.Wait()
	if failed != nil || len(took) == 0 {
		return fmt.Errorf("%d answers: %w", len(took), failed)
	}
	slices.Sort(took)
	spans, cpu := len(took)*spansOfRequest, after.cpu-before.cpu
	fmt.Printf("spans %d refused %d seconds %.1f cpu %.2f spans_per_cpu_second %.0f p50_ms %.2f p99_ms %.2f max_ms %.1f resident_mb %d\n", spans, l.refused.Load(), l.duration.Seconds(),
		cpu.Seconds(), float64(spans)/cpu.Seconds(), ms(took[len(took)/2]), ms(took[len(took)*99/100]), ms(took[len(took)-1]), after.peak>>20)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// work sends requests over one connection and returns how long the answers took that came after begin. At a rate the time
// counts from when a request was due.
func (l *load) work(ctx context.Context, begin time.Time) (took []time.Duration, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	start := begin.Add(-l.warm)
	var buffer []byte
	for {
		n := l.next.Add(1)
		due := time.Now()
		if l.rate > 0 {
			due = start.Add(time.Duration(n) * time.Second * spansOfRequest / time.Duration(l.rate))
			time.Sleep(time.Until(due))
		}
		if ctx.Err() != nil || n > maxRequests {
			return took, nil
		}
		buffer = l.requests[n%prepared].renew(buffer, n, l.salt)
		if _, err := conn.Write(buffer); err != nil {
			return took, err
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return took, err
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		switch {
		case err != nil:
			return took, err
		case response.StatusCode == http.StatusServiceUnavailable:
			l.refused.Add(1)
			continue
		case response.StatusCode != http.StatusOK || len(text) > 2:
			return took, fmt.Errorf("the answer is %s: %q", response.Status, text)
		}
		if done := time.Now(); done.After(begin) && ctx.Err() == nil {
			took = append(took, done.Sub(due))
		}
	}
}
