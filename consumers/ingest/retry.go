package ingest

import (
	"context"
	"errors"
	"time"
)

// retry repeats one step of a session:
//
//	retry := s.retry(StepInsert)
//	for retry.next(ctx) {
//		retry.err = s.Store.Insert(...)
//	}
type retry struct {
	session *session
	step    Step
	begun   bool
	repeats uint32 // How often the step was begun again.
	err     error  // Of the last attempt, or why there was no further one.
}

func (s *session) retry(step Step) retry { return retry{session: s, step: step} }

// next reports whether the step is to be attempted, after a pause if the last attempt failed. It is not when the attempt
// succeeded, when ctx has ended, or when another attempt cannot help.
func (r *retry) next(ctx context.Context) bool {
	if !r.begun {
		r.begun = true
		return true
	}
	s := r.session
	var refused *RefusedError
	switch {
	case r.err == nil, errors.As(r.err, &refused), errors.Is(r.err, ErrFenced):
		return false
	case ctx.Err() != nil:
		r.err = ctx.Err()
		return false
	}
	s.reportRepeat(r.step, r.err)
	rest := sleep
	if r.step == StepResume { // There is no open block.
		rest = s.sleepOrDrain
	}
	if err := rest(ctx, s.pause(r.step, int(r.repeats))); err != nil {
		r.err = err
		return false
	}
	if r.step == StepResume && s.draining() && s.accounted >= s.mustReach {
		r.err = errDrained
		return false
	}
	r.repeats++
	return true
}

// reportRepeat tells that a step failed and is repeated.
func (s *session) reportRepeat(step Step, err error) {
	if s.Hooks.Resend != nil {
		s.Hooks.Resend(s.Partition, step, err)
	}
}

// pause returns how long to wait after that many failures in a row: RetryMin doubled for each up to RetryMax, less up
// to a half. The part taken off differs between workers, steps and attempts, and is the same each time, so that a
// simulation can be repeated.
func (s *session) pause(step Step, failures int) time.Duration {
	d := s.limits.RetryMin
	for range min(failures, 40) {
		if d = min(2*d, s.limits.RetryMax); d == s.limits.RetryMax {
			break
		}
	}
	h := uint64(s.Partition.ID)<<32 ^ uint64(s.Generation)<<16 ^ uint64(len(step))<<8 ^ uint64(failures)
	h = (h + 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9
	return d - d/2*time.Duration(h>>48)/(1<<16)
}

// sleepOrDrain is sleep, but returns early when the worker is asked to drain meanwhile.
func (s *session) sleepOrDrain(ctx context.Context, d time.Duration) error {
	if s.draining() {
		return sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.Drain:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// sleep waits, or returns the error of ctx when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
