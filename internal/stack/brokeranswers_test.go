package stack

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// nullIsRead are the lists that Kafka's client takes for empty when they are null, as Kafka itself sends them.
var nullIsRead = map[string]bool{"FetchResponseTopicPartition.AbortedTransactions": true}

// TestNoNullLists goes through every answer that the broker offers, in every version: none may hold a null list, on which
// Kafka's admin client fails.
func TestNoNullLists(t *testing.T) {
	s, err := Start(t.Context(), Config{DataDir: t.TempDir(), KafkaListen: "127.0.0.1:0", NoClickHouse: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(s.KafkaAddr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offered, err := kmsg.NewPtrApiVersionsRequest().RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	lists := 0
	for _, key := range offered.ApiKeys {
		for version := key.MinVersion; version <= key.MaxVersion; version++ {
			answer := kmsg.ResponseForKey(key.ApiKey)
			answer.SetVersion(version)
			fill(reflect.ValueOf(answer).Elem())
			lists += nulls(answer, func(string) {})
			if amend[key.ApiKey] != nil {
				answer = reread(t, answer, (&answers{}).amended(asked{key.ApiKey, version}, frame(answer)))
			}
			nulls(answer, func(list string) {
				t.Errorf("%s version %d: %s is null", kmsg.NameForKey(key.ApiKey), version, list)
			})
		}
	}
	if lists < 7 {
		t.Errorf("%d lists can be null, want at least those of CreateTopics, DescribeClientQuotas and DescribeTopicPartitions", lists)
	}
}

// fill puts one element into every list of structures.
func fill(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "UnknownTags" {
				fill(v.Field(i))
			}
		}
	}
}

// nulls makes every list null that can be sent as null, and calls found with each that was. It returns how many can be.
func nulls(answer kmsg.Response, found func(list string)) int {
	n := 0
	var walk func(v reflect.Value, name string)
	walk = func(v reflect.Value, name string) {
		switch v.Kind() {
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), name)
			}
			if v.Type().Elem().Kind() == reflect.Uint8 || nullIsRead[name] {
				return
			}
			before := reflect.New(v.Type()).Elem()
			before.Set(v)
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			empty := answer.AppendTo(nil)
			v.SetZero()
			if bytes.Equal(empty, answer.AppendTo(nil)) {
				v.Set(before)
				return
			}
			n++
			if before.IsNil() {
				found(name)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Field(i).CanSet() {
					walk(v.Field(i), v.Type().Name()+"."+v.Type().Field(i).Name)
				}
			}
		}
	}
	walk(reflect.ValueOf(answer).Elem(), "")
	return n
}

// frame is an answer as it is sent.
func frame(answer kmsg.Response) []byte {
	out := make([]byte, 8)
	if answer.IsFlexible() {
		out = append(out, 0)
	}
	out = answer.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}

func reread(t *testing.T, like kmsg.Response, frame []byte) kmsg.Response {
	t.Helper()
	if got := int(binary.BigEndian.Uint32(frame)); got != len(frame)-4 {
		t.Fatalf("the frame says %d bytes and has %d", got, len(frame)-4)
	}
	answer := kmsg.ResponseForKey(like.Key())
	answer.SetVersion(like.GetVersion())
	body := kbin.Reader{Src: frame[8:]}
	if answer.IsFlexible() {
		kmsg.SkipTags(&body)
	}
	if err := answer.ReadFrom(body.Src); err != nil {
		t.Fatalf("%s version %d: %v", kmsg.NameForKey(like.Key()), like.GetVersion(), err)
	}
	return answer
}

// TestRequestsAreFollowed: whatever pieces a request comes in, its answer is known by its correlation.
func TestRequestsAreFollowed(t *testing.T) {
	request := func(key, version int16, correlation int32, body int) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+body))
		b = binary.BigEndian.AppendUint16(b, uint16(key))
		b = binary.BigEndian.AppendUint16(b, uint16(version))
		b = binary.BigEndian.AppendUint32(b, uint32(correlation))
		return append(b, make([]byte, body)...)
	}
	stream := bytes.Join([][]byte{
		request(kmsg.Produce.Int16(), 9, 1, 100), request(kmsg.CreateTopics.Int16(), 7, 2, 33),
		request(kmsg.Fetch.Int16(), 12, 3, 0), request(kmsg.ListGroups.Int16(), 5, -4, 5),
	}, nil)
	want := map[int32]asked{2: {kmsg.CreateTopics.Int16(), 7}, -4: {kmsg.ListGroups.Int16(), 5}}
	for size := 1; size <= len(stream); size++ {
		c := answerConn{asked: map[int32]asked{}}
		for rest := stream; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			c.follow(rest[:min(size, len(rest))])
		}
		if !reflect.DeepEqual(c.asked, want) {
			t.Fatalf("in pieces of %d bytes: got %v, want %v", size, c.asked, want)
		}
	}
}
