package app

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTelling: a worker tells every so often until it is stopped, and not once more.
func TestTelling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told := 0
		stop := telling(tellEvery, func() { told++ })
		time.Sleep(3*tellEvery + tellEvery/2)
		stop()
		time.Sleep(2 * tellEvery)
		if told != 3 {
			t.Errorf("told %d times in 35 s, want 3", told)
		}
	})
}

// TestSparsely: of a failure every 300 ms a minute has one line per 10 s, and each says how many there were.
func TestSparsely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lines, failures := 0, 0
		fail := sparsely(failureEvery, func(_ error, leftOut int) {
			lines++
			failures += 1 + leftOut
		})
		for range 200 {
			fail(errors.New("no broker"))
			time.Sleep(300 * time.Millisecond)
		}
		if lines != 6 || failures < 170 || failures > 200 {
			t.Errorf("%d lines about %d failures in a minute, want 6 about nearly 200", lines, failures)
		}
	})
}
