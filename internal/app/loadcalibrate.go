package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/internal/procstat"
	"tidemark/producers"
	"tidemark/producers/load"
)

// Calibration measures what the generator of a load test does without a pipeline. The fields without a remark are
// required.
type Calibration struct {
	Options  load.Options
	Recorder *load.Recorder
	// Sender sends to Nowhere, or to a DiscardTopic.
	Sender *producers.Sender
	// Kind is that of the load.Calibration.
	Kind string
	// LogBytes is that of a Load. Optional.
	LogBytes func() (bytes, records uint64)
	// Phase is called when a phase begins. Optional.
	Phase func(name string)

	scheduled atomic.Bool // What is sent is timed.
}

// Acknowledged is the hook of the writer. It tells the Recorder of what is sent by the schedule, without offsets: nobody
// reads the events, so nobody has to find them.
func (c *Calibration) Acknowledged(topic string, partition int32, _ int64, indexes []int32) {
	if c.scheduled.Load() {
		c.Recorder.Acknowledged(topic, partition, -1, indexes)
	}
}

// Run offers events as fast as they can be made, and then by the schedule.
func (c *Calibration) Run(ctx context.Context) (load.Calibration, error) {
	ending := load.Ending{Started: time.Now()}
	c.enter("flat out")
	from, known := procstat.Read()
	_, length := c.Recorder.Measured()
	most, events, err := load.FlatOut(ctx, c.Sender, c.Options, length)
	if err != nil {
		return load.Calibration{}, err
	}
	to, _ := procstat.Read()
	c.enter("by the schedule")
	c.scheduled.Store(true)
	probing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var probe sync.WaitGroup
	probe.Go(func() { c.probe(probing) })
	ending.Result, ending.Err = load.Run(ctx, c.Sender, c.Options, c.Recorder)
	stop()
	probe.Wait()
	if c.LogBytes != nil {
		if bytes, records := c.LogBytes(); records > 0 {
			each := float64(bytes) / float64(records)
			ending.LogBytes = &each
		}
	}
	done := load.Calibrate(c.Recorder, c.Options, ending)
	done.Kind, done.Most = c.Kind, most
	if known && events > 0 {
		each := float64((to.CPU - from.CPU).Microseconds()) / float64(events)
		done.MostCPUUS = &each
	}
	return done, ending.Err
}

// probe reads once per second what this process uses.
func (c *Calibration) probe(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	p := loadProbe{recorder: c.Recorder}
	for ctx.Err() == nil {
		if u, ok := procstat.Read(); ok {
			p.used(load.LoadRole, u)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func (c *Calibration) enter(name string) {
	if c.Phase != nil {
		c.Phase(name)
	}
}

// Nowhere is a log that keeps nothing. It has Count partitions.
type Nowhere struct{ Count int }

// Append implements producers.Log.
func (Nowhere) Append(context.Context, []producers.Record) error { return nil }

// Partitions implements producers.Log.
func (n Nowhere) Partitions(context.Context, string) (int, error) { return n.Count, nil }

// discardRetention is for how long the brokers keep what nobody reads, should nobody remove its topic.
const discardRetention = time.Minute

// DiscardTopic is a log that writes the records of all topics into one that nobody reads.
type DiscardTopic struct {
	producers.Log
	Name string

	client  *consumerkafka.Client
	records []producers.Record
}

// NewDiscardTopic creates the topic with the number of partitions. The caller calls Remove in the end.
func NewDiscardTopic(ctx context.Context, client *consumerkafka.Client, log producers.Log, namespace string, partitions int) (*DiscardTopic, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // It never fails.
	d := &DiscardTopic{Log: log, Name: fmt.Sprintf("%s.load-discard-%x", namespace, id), client: client}
	config := map[string]string{"retention.ms": fmt.Sprint(discardRetention.Milliseconds()), "segment.ms": fmt.Sprint(discardRetention.Milliseconds())}
	_, err := client.CreateTopics(ctx, []consumerkafka.TopicSpec{{Name: d.Name, Partitions: partitions, Config: config}})
	if err != nil {
		return nil, errors.Join(err, d.Remove(ctx))
	}
	return d, nil
}

// Remove deletes the topic, also after the end of ctx.
func (d *DiscardTopic) Remove(ctx context.Context) error {
	const longest = 30 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	if err := d.client.DeleteTopics(ctx, []string{d.Name}); err != nil {
		return fmt.Errorf("delete topic %s, which has a retention of %s: %w", d.Name, discardRetention, err)
	}
	return nil
}

// Append implements producers.Log. It is not for concurrent use.
func (d *DiscardTopic) Append(ctx context.Context, records []producers.Record) error {
	d.records = append(slices.Grow(d.records[:0], len(records)), records...)
	for i := range d.records {
		d.records[i].Topic = d.Name
	}
	return d.Log.Append(ctx, d.records)
}
