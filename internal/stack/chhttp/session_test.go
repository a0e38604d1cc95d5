package chhttp

import (
	"testing"
	"time"
)

// known counts the sessions.
func (s *sessions) known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}

func TestSessionsExpire(t *testing.T) {
	s := &sessions{}
	used, err := s.acquire(sessionOptions{id: "used"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "a"} {
		session, err := s.acquire(sessionOptions{id: id})
		if err != nil {
			t.Fatal(err)
		}
		s.release(session, 0, false)
	}
	for s.known() > 1 {
		time.Sleep(time.Millisecond)
	}
	s.expire(used) // A timer that fires late leaves it alone, and so does one whose session has been used since.
	s.release(used, time.Hour, false)
	s.expire(used)
	if _, err := s.acquire(sessionOptions{id: "used", check: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.acquire(sessionOptions{id: "a", check: true}); err == nil || asException(err).Name != "SESSION_NOT_FOUND" {
		t.Fatalf("a session that has expired: %v", err)
	}
}

func TestSessionsBounded(t *testing.T) {
	s := &sessions{}
	var first *httpSession
	for i := range maxSessions {
		session, err := s.acquire(sessionOptions{id: randomID(16)})
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if first = session; i%2 == 0 {
			s.release(session, time.Hour, false)
		}
	}
	if _, err := s.acquire(sessionOptions{id: "more"}); err == nil || asException(err).Name != "USER_SESSION_LIMIT_EXCEEDED" {
		t.Fatalf("more than there may be: %v", err)
	}
	s.release(first, time.Hour, true)
	more, err := s.acquire(sessionOptions{id: "more"})
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	if n := s.known(); n != maxSessions/2 {
		t.Fatalf("%d sessions after the end, want those in use", n)
	}
	s.release(more, time.Hour, false)
	if n := s.known(); n != maxSessions/2-1 {
		t.Fatalf("%d sessions: one went on after the end", n)
	}
}
