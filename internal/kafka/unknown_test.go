package kafka

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// TestGrace: a topic may be unknown for 2 s without a break.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Grace
		for i, step := range []struct {
			wait             time.Duration
			unknown, expired bool
		}{
			{0, false, false},
			{time.Hour, true, false},
			{2 * time.Second, true, false},
			{time.Millisecond, true, true},
			{time.Hour, false, false},
			{time.Hour, true, false},
			{time.Second, false, false},
			{1500 * time.Millisecond, true, false},
			{2 * time.Second, true, false},
			{time.Nanosecond, true, true},
		} {
			time.Sleep(step.wait)
			if got := g.Expired(step.unknown); got != step.expired {
				t.Errorf("step %d: expired %v, want %v", i, got, step.expired)
			}
		}
	})
}

func TestUnknownTopic(t *testing.T) {
	for topic, want := range map[string]string{
		"lab.runs.v1":         "unknown topic lab.runs.v1: run `tidemark migrate --namespace lab` to create it",
		"lab.dead_letters.v1": "unknown topic lab.dead_letters.v1: run `tidemark migrate --namespace lab` to create it",
		"shop.orders":         "unknown topic shop.orders", // It is not Tidemark's.
	} {
		if err := UnknownTopic(topic); !errors.Is(err, ErrUnknownTopic) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if !IsUnknownTopic(fmt.Errorf("topic x: %w", kafkago.UnknownTopicID)) || IsUnknownTopic(kafkago.LeaderNotAvailable) {
		t.Error("a leader that is not there counts as an unknown topic")
	}
}
