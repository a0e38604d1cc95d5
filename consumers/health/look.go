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

// place is a partition of one incarnation of a topic.
type place struct {
	topic     string
	id        string // Of the incarnation, as the database writes it.
	partition uint32
}

// seen is a row of log_ends.
type seen struct {
	place
	position, waiting int64 // Since when it waits, microseconds since 1970; 0 when it does not.
	age               int64 // Microseconds by the database's clock; negative after that was put back.
	version           uint64
}

// Look asks the brokers where every partition ends and writes it down beside the position of the ledger, unless all of it
// was seen less than a time ago, by whomever. A topic that cannot be asked for keeps what was seen of it last, and is in
// the error.
func (r *Reporter) Look(ctx context.Context, unless time.Duration) error {
	before, err := r.before(ctx)
	if err != nil {
		return fmt.Errorf("read the ends of the log seen last: %w", err)
	}
	if recent(before, unless) {
		return nil
	}
	// First the ledger: what is written meanwhile is then behind the log, as it is, and not ahead of it.
	if err := r.follow(ctx); err != nil {
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
			errs = append(errs, fmt.Errorf("ask for the ends of %s: %w", spec.Topic, err))
			continue
		}
		rows = append(rows, r.rows(spec.Topic, topic, before)...)
		for at := range before {
			if _, ok := topic.Partitions[int32(at.partition)]; at.topic == spec.Topic && !ok {
				gone = append(gone, fmt.Sprintf("topic = %s AND partition = %d", schemas.Quote(at.topic), at.partition))
			}
		}
	}
	if len(rows) > 0 {
		if err := r.DB.Exec(ctx, "INSERT INTO log_ends (topic, partition, topic_id, start_offset, end_offset, accounted, waiting_since, seen_by, version) VALUES "+strings.Join(rows, ", ")); err != nil {
			errs = append(errs, fmt.Errorf("write the ends of the log: %w", err))
		}
	}
	if len(gone) > 0 { // The topic was made again with fewer.
		if err := r.DB.Exec(ctx, "ALTER TABLE log_ends DELETE WHERE "+strings.Join(gone, " OR ")); err != nil {
			errs = append(errs, fmt.Errorf("forget partitions that are gone: %w", err))
		}
	}
	return errors.Join(errs...)
}

// partitionOf names a partition whatever the incarnation.
type partitionOf struct {
	topic     string
	partition uint32
}

// before reads what was seen last.
func (r *Reporter) before(ctx context.Context) (map[partitionOf]seen, error) {
	all := map[partitionOf]seen{}
	err := r.DB.Query(ctx, "SELECT toString(topic), toString(topic_id), partition, toInt64(accounted), toUnixTimestamp64Micro(waiting_since), "+
		"toUnixTimestamp64Micro(now64(6)) - toUnixTimestamp64Micro(seen_at), version FROM log_ends FINAL", func(scan func(...any) error) error {
		var s seen
		if err := scan(&s.topic, &s.id, &s.partition, &s.position, &s.waiting, &s.age, &s.version); err != nil {
			return err
		}
		all[partitionOf{s.topic, s.partition}] = s
		return nil
	})
	return all, err
}

// recent reports whether every type has been seen within a time.
func recent(before map[partitionOf]seen, within time.Duration) bool {
	topics := map[string]bool{}
	for _, s := range before {
		if s.age < 0 || s.age > within.Microseconds() {
			return false
		}
		topics[s.topic] = true
	}
	return len(topics) == len(schemas.Specs())
}

// overlap is how much of the ledger is read again: a row may become visible later than its time says.
const overlap = 10 * time.Minute

// follow reads how far the ledger is: all of it the first time, then what was written since. A first reading costs two
// columns of the whole ledger.
func (r *Reporter) follow(ctx context.Context) error {
	var now int64
	err := r.DB.Query(ctx, "SELECT toUnixTimestamp64Micro(now64(6))", func(scan func(...any) error) error { return scan(&now) })
	if err != nil {
		return err
	}
	condition := ""
	if r.read > 0 {
		condition = fmt.Sprintf(" WHERE written_at >= fromUnixTimestamp64Micro(%d)", min(r.read, now)-overlap.Microseconds())
	}
	if r.positions == nil {
		r.positions = map[place]int64{}
	}
	err = r.DB.Query(ctx, "SELECT toString(l.topic), toString(t.topic_id), l.partition, toInt64(l.position) FROM (SELECT topic, epoch, partition, max(to_offset) AS position FROM ledger"+condition+
		" GROUP BY topic, epoch, partition) AS l INNER JOIN (SELECT topic, epoch, topic_id FROM topics FINAL) AS t USING (topic, epoch)", func(scan func(...any) error) error {
		var at place
		var position int64
		if err := scan(&at.topic, &at.id, &at.partition, &position); err != nil {
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

// rows are the values of log_ends for a topic.
func (r *Reporter) rows(name string, topic Topic, before map[partitionOf]seen) []string {
	id := fmt.Sprintf("%x-%x-%x-%x-%x", topic.ID[0:4], topic.ID[4:6], topic.ID[6:8], topic.ID[8:10], topic.ID[10:16])
	var rows []string
	for _, partition := range slices.Sorted(maps.Keys(topic.Partitions)) {
		ends := topic.Partitions[partition]
		at := place{name, id, uint32(partition)}
		position, last := r.positions[at], before[partitionOf{name, uint32(partition)}]
		since := "0"
		switch {
		case position == ends.End:
		case last.place == at && last.position == position && last.waiting > 0 && last.waiting <= r.read: // Else the clock was put back.
			since = fmt.Sprintf("fromUnixTimestamp64Micro(%d)", last.waiting)
		default:
			since = "now64(6)"
		}
		rows = append(rows, fmt.Sprintf("(%s, %d, %s, %d, %d, %d, %s, %s, %d)", schemas.Quote(name), partition, schemas.Quote(id),
			max(ends.Start, 0), max(ends.End, 0), position, since, schemas.Quote(r.Roles[0]), last.version+1))
	}
	return rows
}
