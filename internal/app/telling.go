package app

import (
	"sync"
	"time"
)

const (
	// tellEvery is the time between two lines of a worker's log about what it does.
	tellEvery = 10 * time.Second
	// failureEvery is the time between two lines about a failure that repeats itself.
	failureEvery = 10 * time.Second
)

// telling calls tell again and again until the returned function is called, which waits for the last call.
func telling(every time.Duration, tell func()) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				tell()
			}
		}
	}()
	return func() {
		close(ended)
		<-done
	}
}

// sparsely returns a function that calls tell for the first error, and then at most once per interval, with how many errors it left
// out since. It is safe for concurrent use.
func sparsely(every time.Duration, tell func(err error, leftOut int)) func(error) {
	var mu sync.Mutex
	var last time.Time
	leftOut := 0
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if !last.IsZero() && now.Sub(last) < every {
			leftOut++
			return
		}
		tell(err, leftOut)
		last, leftOut = now, 0
	}
}
