package stack

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tidemark/internal/kafka/batch"
)

// brokerRig is a broker whose disk a test fills.
type brokerRig struct {
	t        *testing.T
	dir      string
	stack    *Stack
	free     atomic.Uint64
	mu       sync.Mutex
	messages []string
}

func newBrokerRig(t *testing.T) *brokerRig {
	t.Helper()
	r := &brokerRig{t: t, dir: t.TempDir()}
	r.free.Store(1 << 40)
	r.start()
	r.create("topic")
	return r
}

func (r *brokerRig) start() {
	r.t.Helper()
	s, err := Start(r.t.Context(), Config{DataDir: r.dir, KafkaListen: "127.0.0.1:0", NoClickHouse: true, Hooks: Hooks{Broker: func(message string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.messages = append(r.messages, message)
	}}})
	if err != nil {
		r.t.Fatal(err)
	}
	s.broker.mu.Lock()
	s.broker.disk.free = func(string) (uint64, error) { return r.free.Load(), nil }
	s.broker.mu.Unlock()
	r.stack = s
	r.t.Cleanup(func() { _ = s.Close() })
}

// block makes writes to the partition fail, as they do on a disk that fills up in this moment; unblock ends it.
func (r *brokerRig) block() {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Join(r.dir, "kafka", "partitions"), 0o750); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.partition(), nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *brokerRig) unblock() {
	r.t.Helper()
	if err := os.Remove(r.partition()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *brokerRig) partition() string { return filepath.Join(r.dir, "kafka", "partitions", "topic-0") }

// ask sends one request.
func ask[Answer kmsg.Response](r *brokerRig, request kmsg.Request) Answer {
	r.t.Helper()
	answer, err := exchange(r.t.Context(), r.stack.KafkaAddr(), request)
	if err != nil {
		r.t.Fatal(err)
	}
	typed, ok := answer.(Answer)
	if !ok {
		r.t.Fatalf("the answer is a %T", answer)
	}
	return typed
}

func (r *brokerRig) create(topic string) int16 {
	r.t.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, 1, 1
	request.Topics = append(request.Topics, t)
	request.Version = 4
	return ask[*kmsg.CreateTopicsResponse](r, request).Topics[0].ErrorCode
}

func (r *brokerRig) produce(producer int64, epoch int16, sequence int32, values ...string) (code int16, offset int64) {
	r.t.Helper()
	var e batch.Encoder
	for _, v := range values {
		e.Add(nil, []byte(v), nil)
	}
	none, err := batch.NewCompressor(batch.None)
	if err != nil {
		r.t.Fatal(err)
	}
	request := kmsg.NewPtrProduceRequest()
	request.Version, request.Acks = 8, -1
	t := kmsg.NewProduceRequestTopic()
	t.Topic = "topic"
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = e.AppendBatch(nil, none, time.Now().UnixMilli(), batch.Producer{ID: producer, Epoch: epoch, Sequence: sequence})
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	answer := ask[*kmsg.ProduceResponse](r, request).Topics[0].Partitions[0]
	return answer.ErrorCode, answer.BaseOffset
}

// values reads the whole partition.
func (r *brokerRig) values() string {
	r.t.Helper()
	request := kmsg.NewPtrFetchRequest()
	request.Version, request.MaxBytes = 10, 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic = "topic"
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes, p.CurrentLeaderEpoch = 1<<20, -1
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	answer := ask[*kmsg.FetchResponse](r, request)
	var values []string
	for data := answer.Topics[0].Partitions[0].RecordBatches; len(data) > 0; {
		size := 12 + int(binary.BigEndian.Uint32(data[8:]))
		var b kmsg.RecordBatch
		if err := b.ReadFrom(data[:size]); err != nil {
			r.t.Fatal(err)
		}
		records := b.Records
		for range b.NumRecords {
			length, n := binary.Varint(records)
			var record kmsg.Record
			if err := record.ReadFrom(records[:n+int(length)]); err != nil {
				r.t.Fatal(err)
			}
			values, records = append(values, string(record.Value)), records[n+int(length):]
		}
		data = data[size:]
	}
	return strings.Join(values, " ")
}

// exchange sends a request of a version without flexible fields to a broker, and reads its answer.
func exchange(ctx context.Context, address string, request kmsg.Request) (kmsg.Response, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, 1)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, err
	}
	answer := request.ResponseKind()
	return answer, answer.ReadFrom(body[4:])
}

func (r *brokerRig) want(what string, code, wantCode int16) {
	r.t.Helper()
	if code != wantCode {
		r.t.Errorf("%s: code %d (%v), want %d", what, code, kerr.ErrorForCode(code), wantCode)
	}
}

func (r *brokerRig) wantMessage(part string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !strings.Contains(strings.Join(r.messages, "\n"), part) {
		r.t.Errorf("no message says %q: %q", part, r.messages)
	}
}

// TestFullDiskIsRefused fills the disk before records come, and gives it room again.
func TestFullDiskIsRefused(t *testing.T) {
	r := newBrokerRig(t)
	code, _ := r.produce(7, 0, 0, "a")
	r.want("before", code, 0)
	r.free.Store(reserveBytes)
	for range 2 { // The second time it must not be taken for a copy.
		code, _ = r.produce(7, 0, 1, "b")
		r.want("full", code, kerr.KafkaStorageError.Code)
	}
	code, _ = r.produce(-1, -1, -1, "b")
	r.want("full, without a number", code, kerr.KafkaStorageError.Code)
	r.want("a topic while full", r.create("other"), 0) // Exactly the reserve is left.
	r.free.Store(reserveBytes - 1)
	r.want("a topic while full", r.create("another"), kerr.KafkaStorageError.Code)
	if got := r.values(); got != "a" {
		t.Errorf("while full the log reads %q", got)
	}
	r.wantMessage("is full")
	r.free.Store(1 << 40)
	code, offset := r.produce(7, 0, 1, "b")
	r.want("after", code, 0)
	if got := r.values(); got != "a b" || offset != 1 {
		t.Errorf("the log reads %q, the last offset is %d", got, offset)
	}
}

// TestFailedWriteIsNotACopy lets writes fail that the broker has counted.
func TestFailedWriteIsNotACopy(t *testing.T) {
	r := newBrokerRig(t)
	r.block()
	for range 3 {
		code, _ := r.produce(7, 0, 0, "a", "b")
		r.want("a failed write", code, kerr.UnknownServerError.Code)
		code, _ = r.produce(7, 0, 2, "c")
		r.want("the one behind it", code, kerr.OutOfOrderSequenceNumber.Code)
	}
	code, _ := r.produce(8, 0, 0, "x")
	r.want("another producer", code, kerr.UnknownServerError.Code)
	r.wantMessage("persist batch")
	r.unblock()
	code, _ = r.produce(7, 0, 2, "c")
	r.want("the one behind it, with room", code, kerr.OutOfOrderSequenceNumber.Code)
	code, _ = r.produce(7, 0, 0, "a", "b")
	r.want("again", code, 0)
	code, _ = r.produce(7, 0, 2, "c")
	r.want("the one behind it, then", code, 0)
	code, offset := r.produce(7, 0, 2, "c")
	r.want("a copy", code, 0)
	if offset != 2 {
		t.Errorf("the copy is at %d", offset)
	}
	code, _ = r.produce(8, 1, 0, "x")
	r.want("another producer, anew", code, 0)
	code, _ = r.produce(8, 1, 1, "y")
	r.want("another producer, further", code, 0)
	if got, want := r.values(), "a b c x y"; got != want {
		t.Errorf("the log reads %q, want %q", got, want)
	}
}

// TestFailedWriteAcrossRestart ends the broker in order while it counts a batch that it does not have.
func TestFailedWriteAcrossRestart(t *testing.T) {
	r := newBrokerRig(t)
	r.block()
	code, _ := r.produce(7, 0, 0, "a")
	r.want("a failed write", code, kerr.UnknownServerError.Code)
	r.unblock()
	if err := r.stack.Close(); err != nil {
		t.Fatal(err)
	}
	r.start()
	code, _ = r.produce(7, 0, 0, "a")
	r.want("after the restart", code, 0)
	if got := r.values(); got != "a" {
		t.Errorf("the log reads %q", got)
	}
}

// TestDiskRoom asks for the room of a real disk.
func TestDiskRoom(t *testing.T) {
	d := disk{t.TempDir(), freeBytes}
	if err := d.room(1); err != nil {
		t.Error(err)
	}
	if err := d.room(1 << 62); err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("an endless need: %v", err)
	}
	if err := (disk{"/nosuch", freeBytes}).room(1 << 62); err != nil {
		t.Errorf("a disk that cannot be asked: %v", err)
	}
}
