package stack

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokerDisk keeps the broker from acknowledging what it did not store.
//
//	request -> control -> too little room: refused, nothing of it has happened
//	                   -> the broker: counts the sequence number, then writes the batch
//	                   -> Logf: the write failed, so the batch is lost although it counts as had
//	its next try -> control: written without its number, which the broker would take for a repetition's
//
// The broker calls control and Logf from its one loop, so that what is logged is of the request that was let through last.
type brokerDisk struct {
	disk    disk
	hook    func(message string) // may be nil
	answers *answers             // what else is to be seen to of requests

	mu      sync.Mutex
	cluster *kfake.Cluster
	current []attempt                // batches of the request that the broker has
	lost    map[producedTo]lostBatch // of producers that have not sent them again
	told    map[string]time.Time     // when a message was last passed on
}

// producedTo is a producer's way to one partition.
type producedTo struct {
	producer  int64
	topic     string
	partition int32
}

// lostBatch is a batch whose number counts and that is not there.
type lostBatch struct {
	epoch       int16
	first, size int32
}

// attempt is a batch that the broker was given.
type attempt struct {
	to    producedTo
	batch lostBatch
	again bool // it was lost before
}

func newBrokerDisk(disk disk, hook func(string), answers *answers) *brokerDisk {
	return &brokerDisk{disk: disk, hook: hook, answers: answers, lost: map[producedTo]lostBatch{}, told: map[string]time.Time{}}
}

// watch makes b see every request of a cluster, which has b as its logger.
func (b *brokerDisk) watch(cluster *kfake.Cluster) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cluster = cluster
	b.answers.attach(cluster)
	cluster.Control(b.control)
}

// control decides about one request. It takes its own place anew each time, since the cluster keeps the last request of
// every connection that ever was for each function, and forgets them with it.
func (b *brokerDisk) control(request kmsg.Request) (kmsg.Response, error, bool) { //nolint:revive // the cluster's signature
	b.cluster.DropControl()
	b.cluster.Control(b.control)
	if answer := b.answers.request(request); answer != nil {
		return answer, nil, true
	}
	var names []string
	if r, ok := request.(*kmsg.ProduceRequest); ok {
		names = b.topics(r) // Before the lock: the cluster may log while it answers.
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	switch r := request.(type) {
	case *kmsg.ProduceRequest:
		return b.produce(r, names)
	case *kmsg.CreateTopicsRequest:
		if err := b.disk.room(reserveBytes); err != nil {
			b.tell("topics are not created: " + err.Error())
			return refuseTopics(r, err), nil, true
		}
	case *kmsg.OffsetCommitRequest:
		if err := b.disk.room(lastBytes); err != nil {
			b.tell("offsets are not committed: " + err.Error())
			return refuseCommit(r), nil, true
		}
	}
	return nil, nil, false
}

// topics returns the names of a request's topics, which newer clients send as identifiers alone.
func (b *brokerDisk) topics(r *kmsg.ProduceRequest) []string {
	names := make([]string, len(r.Topics))
	for i := range r.Topics {
		names[i] = r.Topics[i].Topic
		if names[i] != "" {
			continue
		}
		if info := b.cluster.TopicIDInfo(r.Topics[i].TopicID); info != nil {
			names[i] = info.Topic
		}
	}
	return names
}

// settle is called when the broker is done with a request: what was sent again and did not fail again is there.
func (b *brokerDisk) settle() {
	for _, a := range b.current {
		if a.again {
			delete(b.lost, a.to)
		}
	}
	b.current = b.current[:0]
}

// produce refuses a whole request, or lets it through after it has looked for batches that were lost.
func (b *brokerDisk) produce(r *kmsg.ProduceRequest, names []string) (kmsg.Response, error, bool) { //nolint:revive // as for control
	size := 0
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			size += len(r.Topics[i].Partitions[j].Records)
		}
	}
	if err := b.disk.room(reserveBytes + uint64(size)); err != nil {
		b.tell("records are not taken: " + err.Error())
		return refuseProduce(r, err.Error(), nil), nil, true
	}
	refused := map[*kmsg.ProduceRequestTopicPartition]int16{}
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			p := &r.Topics[i].Partitions[j]
			if code := b.batch(producedTo{topic: names[i], partition: p.Partition}, p); code != 0 {
				refused[p] = code
			}
		}
	}
	if len(refused) > 0 {
		b.current = b.current[:0]
		return refuseProduce(r, "an earlier batch of this producer was lost on a full disk and has to come first", refused), nil, true
	}
	return nil, nil, false
}

// Offsets in a record batch.
const (
	atMagic       = 16
	atCRC         = 17
	atAttributes  = 21
	atProducer    = 43
	atEpoch       = 51
	atSequence    = 53
	atCount       = 57
	batchHead     = 61
	transactional = 0x10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch looks at one batch. It returns the code to refuse it with, 0 to let it through.
func (b *brokerDisk) batch(to producedTo, p *kmsg.ProduceRequestTopicPartition) int16 {
	if len(p.Records) < batchHead || p.Records[atMagic] != 2 {
		return 0 // The broker says what is wrong with it.
	}
	be := binary.BigEndian
	to.producer = int64(be.Uint64(p.Records[atProducer:]))
	if to.producer < 0 {
		return 0
	}
	batch := lostBatch{int16(be.Uint16(p.Records[atEpoch:])), int32(be.Uint32(p.Records[atSequence:])), int32(be.Uint32(p.Records[atCount:]))}
	lost, again := b.lost[to]
	switch {
	case again && batch.epoch != lost.epoch: // The producer begins anew, which the broker sees too.
		delete(b.lost, to)
		again = false
	case again && be.Uint16(p.Records[atAttributes:])&transactional != 0:
		return kerr.UnknownProducerID.Code // Its transaction cannot be whole any more.
	case again && batch == lost:
		p.Records = withoutProducer(p.Records)
	case again && (int64(batch.first)-int64(lost.first)+math.MaxInt32)%math.MaxInt32 < math.MaxInt32/2:
		return kerr.OutOfOrderSequenceNumber.Code
	}
	b.current = append(b.current, attempt{to: to, batch: batch, again: again && batch == lost})
	return 0
}

// withoutProducer returns a copy of a batch that has no producer and no number.
func withoutProducer(batch []byte) []byte {
	batch = append([]byte(nil), batch...)
	for i := atProducer; i < atCount; i++ {
		batch[i] = 0xff
	}
	binary.BigEndian.PutUint32(batch[atCRC:], crc32.Checksum(batch[atAttributes:], castagnoli))
	return batch
}

// Logf implements kfake.Logger.
func (b *brokerDisk) Logf(level kfake.LogLevel, format string, args ...any) {
	if level > kfake.LogLevelWarn {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasPrefix(format, "persist batch ") {
		b.lose(args)
	}
	b.tell(fmt.Sprintf(format, args...))
}

// lose notes that a batch of the current request was not written. The arguments are those of the broker's message: topic
// and partition, or the folder of the partition. All batches of a request are meant when it cannot be told which.
func (b *brokerDisk) lose(args []any) {
	is := func(attempt) bool { return true }
	if len(args) > 0 {
		first, _ := args[0].(string)
		partition, split := any(nil), len(args) > 2
		if split {
			partition = args[1]
		}
		is = func(a attempt) bool {
			if split {
				return first == a.to.topic && partition == any(a.to.partition)
			}
			return filepath.Base(first) == fmt.Sprintf("%s-%d", url.PathEscape(a.to.topic), a.to.partition)
		}
	}
	for i := range b.current {
		if a := &b.current[i]; is(*a) {
			a.again = false
			b.lost[a.to] = a.batch
		}
	}
}

// tellEvery is how long the same message is not passed on again.
const tellEvery = 10 * time.Second

// tell passes a message on.
func (b *brokerDisk) tell(message string) {
	kind, _, _ := strings.Cut(message, ":")
	if b.hook == nil || time.Since(b.told[kind]) < tellEvery {
		return
	}
	if len(b.told) > 100 {
		clear(b.told)
	}
	b.told[kind] = time.Now()
	b.hook(message)
}

// outstanding reports whether the broker counts batches that it does not have.
func (b *brokerDisk) outstanding() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	return len(b.lost) > 0
}

// refuseProduce answers for all partitions, with a code of their own or one that asks for another try.
func refuseProduce(r *kmsg.ProduceRequest, why string, codes map[*kmsg.ProduceRequestTopicPartition]int16) kmsg.Response {
	if r.Acks == 0 {
		return nil // Nobody waits for an answer.
	}
	answer := kmsg.NewPtrProduceResponse()
	answer.Version = r.Version
	for i := range r.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = r.Topics[i].Topic, r.Topics[i].TopicID
		for j := range r.Topics[i].Partitions {
			p := &r.Topics[i].Partitions[j]
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.BaseOffset, partition.LogStartOffset = p.Partition, -1, 0
			partition.ErrorCode, partition.ErrorMessage = kerr.KafkaStorageError.Code, kmsg.StringPtr(why)
			if code, ok := codes[p]; ok {
				partition.ErrorCode = code
			}
			topic.Partitions = append(topic.Partitions, partition)
		}
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}

func refuseTopics(r *kmsg.CreateTopicsRequest, why error) kmsg.Response {
	answer := kmsg.NewPtrCreateTopicsResponse()
	answer.Version = r.Version
	for _, t := range r.Topics {
		topic := kmsg.NewCreateTopicsResponseTopic()
		topic.Topic, topic.ErrorCode, topic.ErrorMessage = t.Topic, kerr.KafkaStorageError.Code, kmsg.StringPtr(why.Error())
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}

func refuseCommit(r *kmsg.OffsetCommitRequest) kmsg.Response {
	answer := kmsg.NewPtrOffsetCommitResponse()
	answer.Version = r.Version
	for _, t := range r.Topics {
		topic := kmsg.NewOffsetCommitResponseTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			partition := kmsg.NewOffsetCommitResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, kerr.CoordinatorNotAvailable.Code
			topic.Partitions = append(topic.Partitions, partition)
		}
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}
