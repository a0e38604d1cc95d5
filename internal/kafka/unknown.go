package kafka

import (
	"errors"
	"fmt"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/schemas"
)

// ErrUnknownTopic is what errors wrap when a topic is not there. Neither reading nor writing creates a topic.
var ErrUnknownTopic = errors.New("unknown topic")

// UnknownTopic returns the error for a topic, given by its full name, that is not there. It wraps ErrUnknownTopic.
func UnknownTopic(topic string) error {
	namespace, short, _ := strings.Cut(topic, ".")
	if _, ours := schemas.SpecByTopic(short); ours || short == schemas.DeadLettersTopic {
		return fmt.Errorf("%w %s: run `tidemark migrate --namespace %s` to create it", ErrUnknownTopic, topic, namespace)
	}
	return fmt.Errorf("%w %s", ErrUnknownTopic, topic)
}

// IsUnknownTopic reports that err is a broker's answer that a topic, or one incarnation of it, is not there.
func IsUnknownTopic(err error) bool {
	return errors.Is(err, kafkago.UnknownTopicOrPartition) || errors.Is(err, kafkago.UnknownTopicID) || errors.Is(err, kafkago.InconsistentTopicID)
}

// unknownTopicGrace is how long a topic may be unknown: brokers learn of a new topic one after the other.
const unknownTopicGrace = 2 * time.Second

// Grace is the time that a topic may be unknown before a caller gives up. It is for one loop of retries. The zero value
// is ready for use.
type Grace struct{ since time.Time }

// Expired reports that the topic has been unknown for more than 2 s without a break. The caller tells after each try
// whether the topic is unknown now.
func (g *Grace) Expired(unknown bool) bool {
	switch {
	case !unknown:
		g.since = time.Time{}
	case g.since.IsZero():
		g.since = time.Now()
	}
	return unknown && time.Since(g.since) > unknownTopicGrace
}
