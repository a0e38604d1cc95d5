package clickhouse

import (
	"context"
	"fmt"

	"tidemark/schemas"
)

// epochTries bounds how often Epoch claims a number that another worker took.
const epochTries = 5

// Epoch returns the number, from 1, of the incarnation of the topic (without its namespace) that has the given id, and
// gives it the next number if it has none.
//
// Workers that ask for the same incarnation at the same time claim the same number. If workers see two different
// incarnations within a few milliseconds, both can claim the same number: then the table keeps the later claim, and the
// worker of the other one claims the next number when it asks again.
func (s *Store) Epoch(ctx context.Context, topic string, topicID schemas.TopicID) (uint32, error) {
	id := fmt.Sprintf("toUUID('%x-%x-%x-%x-%x')", topicID[0:4], topicID[4:6], topicID[6:8], topicID[8:10], topicID[10:16])
	for range epochTries {
		epoch, err := s.knownEpoch(ctx, topic, id)
		if err != nil || epoch != 0 {
			return epoch, err
		}
		claim := fmt.Sprintf("INSERT INTO "+schemas.TopicsTable+" (topic, epoch, topic_id) SELECT %[1]s, max(epoch) + 1, %[2]s FROM "+schemas.TopicsTable+" FINAL WHERE topic = %[1]s HAVING countIf(topic_id = %[2]s) = 0",
			schemas.Quote(topic), id)
		attempt, end := s.startAttempt(ctx, "number the incarnation of "+topic)
		if err := end(s.db.Exec(attempt, claim)); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("number the incarnation of %s: other workers took the number %d times", topic, epochTries)
}

// knownEpoch returns 0 when the incarnation has no number. With FINAL the answer is what a merge will keep.
func (s *Store) knownEpoch(ctx context.Context, topic, id string) (epoch uint32, err error) {
	sql := fmt.Sprintf("SELECT min(epoch) FROM "+schemas.TopicsTable+" FINAL WHERE topic = %s AND topic_id = %s", schemas.Quote(topic), id)
	attempt, end := s.startAttempt(ctx, "read the incarnations of "+topic)
	err = end(s.db.Query(attempt, sql, func(scan func(...any) error) error { return scan(&epoch) }))
	return epoch, err
}
