package health

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// topicPartition is a partition of a topic, whatever the incarnation.
type topicPartition struct {
	topic string
	id    uint32
}

// partition is a partition of one incarnation of a topic. The brokers tell the incarnation by its id, not by its epoch
// as the ledger does.
type partition struct {
	topicPartition
	topicID string // As the database writes it.
}

// seen is a row of log_ends.
type seen struct {
	partition
	position int64
	waiting  int64 // Since when offsets wait, microseconds since 1970; 0 when none do.
	age      int64 // Microseconds by the database's clock; negative after that was set back.
	version  uint64
}

// PollEnds asks the brokers for the ends of all partitions and writes them to log_ends beside the position of the
// ledger. It does nothing if some worker did so within maxAge. The rows of a topic that the brokers do not answer for
// stay as they are, and the error names the topic.
func (r *Reporter) PollEnds(ctx context.Context, maxAge time.Duration) error {
	before, err := r.readSeen(ctx)
	if err != nil {
		return fmt.Errorf("read the last ends of the log: %w", err)
	}
	if isRecent(before, maxAge) {
		return nil
	}
	// The ledger first: a position read after the ends could be beyond them.
	if err := r.readPositions(ctx); err != nil {
		return fmt.Errorf("read the positions of the ledger: %w", err)
	}
	var errs []error
	var rows, gone []string
	for _, spec := range schemas.Specs() {
		topic, err := r.Log.Topic(ctx, spec.Topic)
		if err == nil && len(topic.Partitions) == 0 {
			err = errors.New("there is no such topic")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read the ends of %s: %w", spec.Topic, err))
			continue
		}
		rows = append(rows, r.values(spec.Topic, topic, before)...)
		for at := range before {
			if _, ok := topic.Partitions[int32(at.id)]; at.topic == spec.Topic && !ok {
				gone = append(gone, fmt.Sprintf("topic = %s AND partition = %d", schemas.Quote(at.topic), at.id))
			}
		}
	}
	if len(rows) > 0 {
		if err := r.DB.Exec(ctx, "INSERT INTO "+schemas.LogEndsTable+" (topic, partition, topic_id, start_offset, end_offset, accounted, waiting_since, seen_by, version) VALUES "+strings.Join(rows, ", ")); err != nil {
			errs = append(errs, fmt.Errorf("write the ends of the log: %w", err))
		}
	}
	if len(gone) > 0 { // The topic was created again with fewer partitions.
		if err := r.DB.Exec(ctx, "ALTER TABLE "+schemas.LogEndsTable+" DELETE WHERE "+strings.Join(gone, " OR ")); err != nil {
			errs = append(errs, fmt.Errorf("delete partitions that are gone: %w", err))
		}
	}
	return errors.Join(errs...)
}

// readSeen reads log_ends.
func (r *Reporter) readSeen(ctx context.Context) (map[topicPartition]seen, error) {
	all := map[topicPartition]seen{}
	err := r.DB.Query(ctx, "SELECT toString(topic), toString(topic_id), partition, toInt64(accounted), toUnixTimestamp64Micro(waiting_since), "+
		schemas.NowSQL+" - toUnixTimestamp64Micro(seen_at), version FROM "+schemas.LogEndsTable+" FINAL", func(scan func(...any) error) error {
		var s seen
		if err := scan(&s.topic, &s.topicID, &s.id, &s.position, &s.waiting, &s.age, &s.version); err != nil {
			return err
		}
		all[s.topicPartition] = s
		return nil
	})
	return all, err
}

// isRecent reports whether the rows of every type are at most so old.
func isRecent(before map[topicPartition]seen, maxAge time.Duration) bool {
	topics := map[string]bool{}
	for _, s := range before {
		if s.age < 0 || s.age > maxAge.Microseconds() {
			return false
		}
		topics[s.topic] = true
	}
	return len(topics) == len(schemas.Specs())
}

// overlap is how much of the ledger is read again: a row may become visible after its time.
const overlap = 10 * time.Minute

// readPositions reads how far the ledger is: all of it the first time, then what was written since. The first time
// costs two columns of the whole ledger.
func (r *Reporter) readPositions(ctx context.Context) error {
	var now int64
	err := r.DB.Query(ctx, "SELECT "+schemas.NowSQL, func(scan func(...any) error) error { return scan(&now) })
	if err != nil {
		return err
	}
	condition := ""
	if r.read > 0 {
		condition = fmt.Sprintf(" WHERE written_at >= fromUnixTimestamp64Micro(%d)", min(r.read, now)-overlap.Microseconds())
	}
	if r.positions == nil {
		r.positions = map[partition]int64{}
	}
	err = r.DB.Query(ctx, "SELECT toString(l.topic), toString(t.topic_id), l.partition, toInt64(l.position) FROM (SELECT topic, epoch, partition, max(to_offset) AS position FROM "+schemas.LedgerTable+condition+
		" GROUP BY topic, epoch, partition) AS l INNER JOIN (SELECT topic, epoch, topic_id FROM "+schemas.TopicsTable+" FINAL) AS t USING (topic, epoch)", func(scan func(...any) error) error {
		var at partition
		var position int64
		if err := scan(&at.topic, &at.topicID, &at.id, &position); err != nil {
			return err
		}
		r.positions[at] = max(r.positions[at], position)
		return nil
	})
	if err == nil {
		r.read = now
	}
	return err
}

// values returns the rows of log_ends for a topic.
func (r *Reporter) values(name string, topic Topic, before map[topicPartition]seen) []string {
	id := fmt.Sprintf("%x-%x-%x-%x-%x", topic.ID[0:4], topic.ID[4:6], topic.ID[6:8], topic.ID[8:10], topic.ID[10:16])
	var rows []string
	for _, number := range slices.Sorted(maps.Keys(topic.Partitions)) {
		ends := topic.Partitions[number]
		at := partition{topicPartition{name, uint32(number)}, id}
		position, last := r.positions[at], before[at.topicPartition]
		since := "0"
		switch {
		case position == ends.End:
		case last.partition == at && last.position == position && last.waiting > 0 && last.waiting <= r.read: // Else the clock was set back.
			since = fmt.Sprintf("fromUnixTimestamp64Micro(%d)", last.waiting)
		default:
			since = "now64(6)"
		}
		rows = append(rows, fmt.Sprintf("(%s, %d, %s, %d, %d, %d, %s, %s, %d)", schemas.Quote(name), number, schemas.Quote(id),
			max(ends.Start, 0), max(ends.End, 0), position, since, schemas.Quote(r.Roles[0]), last.version+1))
	}
	return rows
}
