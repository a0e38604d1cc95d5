package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// request sees a request before the broker does. It returns the answer to one that the broker would say yes to without
// doing it, and nil for the others, which it may change.
func (a *answers) request(request kmsg.Request) kmsg.Response {
	switch r := request.(type) {
	case *kmsg.ListGroupsRequest: // The broker compares types with their case.
		for i := range r.TypesFilter {
			r.TypesFilter[i] = strings.ToLower(r.TypesFilter[i])
		}
	case *kmsg.CreateTopicsRequest:
		checkTopics(r)
	case *kmsg.AlterConfigsRequest:
		for i := range r.Resources {
			if c := &r.Resources[i]; c.ResourceType == kmsg.ConfigResourceTypeTopic {
				checkSettings(&c.ResourceName, c.Configs, func(s kmsg.AlterConfigsRequestResourceConfig) (string, *string) { return s.Name, s.Value })
			}
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		for i := range r.Resources {
			if c := &r.Resources[i]; c.ResourceType == kmsg.ConfigResourceTypeTopic {
				checkSettings(&c.ResourceName, c.Configs, func(s kmsg.IncrementalAlterConfigsRequestResourceConfig) (string, *string) {
					switch s.Op {
					case kmsg.IncrementalAlterConfigOpSet:
						return s.Name, s.Value
					case kmsg.IncrementalAlterConfigOpAppend:
						return s.Name, nil
					default: // What is not there may be taken away.
						return "", nil
					}
				})
			}
		}
	case *kmsg.DescribeACLsRequest, *kmsg.CreateACLsRequest, *kmsg.DeleteACLsRequest:
		return noACLs(r)
	case *kmsg.ElectLeadersRequest:
		return a.elected(r)
	case *kmsg.AlterReplicaLogDirsRequest:
		return a.moved(r)
	}
	return nil
}

// A request for several topics is refused for some of them by giving the broker a name that it refuses, which holds the
// code, the reason and the name; the answer is unmarked.
const markSeparator = "\x00"

func mark(name *string, refusal *kerr.Error, why string) {
	*name = strings.Join([]string{"", strconv.Itoa(int(refusal.Code)), why, *name}, markSeparator)
}

func unmark(marked string) (name string, code int16, why string, ok bool) {
	parts := strings.SplitN(marked, markSeparator, 4)
	if len(parts) != 4 || parts[0] != "" {
		return marked, 0, "", false
	}
	n, err := strconv.ParseInt(parts[1], 10, 16)
	return parts[3], int16(n), parts[2], err == nil
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// checkTopics refuses topics whose name or settings Kafka refuses: the broker looks at neither.
func checkTopics(r *kmsg.CreateTopicsRequest) {
	for i := range r.Topics {
		t := &r.Topics[i]
		before := t.Topic
		if !topicName.MatchString(t.Topic) || t.Topic == "." || t.Topic == ".." {
			mark(&t.Topic, kerr.InvalidTopicException, fmt.Sprintf("Topic name is invalid: %q has to be 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', and neither '.' nor '..'", t.Topic))
		} else {
			checkSettings(&t.Topic, t.Configs, func(s kmsg.CreateTopicsRequestTopicConfig) (string, *string) { return s.Name, s.Value })
		}
		if t.Topic != before { // No partitions is what the broker does refuse.
			t.NumPartitions, t.ReplicationFactor, t.ReplicaAssignment = 0, 1, nil
		}
	}
}

// Settings of topics, by what their values have to be.
const (
	numericSettings = `compression.gzip.level compression.lz4.level compression.zstd.level delete.retention.ms file.delete.delay.ms
		flush.messages flush.ms index.interval.bytes local.retention.bytes local.retention.ms max.compaction.lag.ms
		max.decompressed.message.bytes max.message.bytes message.timestamp.after.max.ms message.timestamp.before.max.ms
		min.compaction.lag.ms min.insync.replicas remote.copy.lag.bytes remote.copy.lag.ms retention.bytes retention.ms
		segment.bytes segment.index.bytes segment.jitter.ms segment.ms`
	otherSettings = `cleanup.policy compression.type errors.deadletterqueue.group.enable follower.replication.throttled.replicas
		leader.replication.throttled.replicas message.timestamp.type min.cleanable.dirty.ratio preallocate
		remote.log.copy.disable remote.log.delete.on.disable remote.storage.enable unclean.leader.election.enable`
)

var (
	isNumeric = strings.Fields(numericSettings)
	isOther   = strings.Fields(otherSettings)
)

// checkSettings marks a topic if one of its settings is none of Kafka's, or no number where it has to be one. A setting
// without a name is not looked at.
func checkSettings[S any](topic *string, settings []S, get func(S) (name string, value *string)) {
	for _, s := range settings {
		name, value := get(s)
		numeric := slices.Contains(isNumeric, name)
		switch {
		case name != "" && !numeric && !slices.Contains(isOther, name):
			mark(topic, kerr.InvalidConfig, "Unknown topic config name: "+shownSetting(name))
			return
		case numeric && value != nil:
			if _, err := strconv.ParseInt(*value, 10, 64); err != nil {
				mark(topic, kerr.InvalidConfig, fmt.Sprintf("Invalid value %s for configuration %s: Not a number of type LONG", shownSetting(*value), name))
				return
			}
		}
	}
}

// shownSetting is a text of a client as an answer gives it back: without what separates the parts of a mark, and cut.
func shownSetting(text string) string {
	const most = 200
	return strings.ReplaceAll(text[:min(len(text), most)], markSeparator, "")
}

// noACLs says what a Kafka without an authorizer says: nobody is kept from anything here.
func noACLs(request kmsg.Request) kmsg.Response {
	code, why := kerr.SecurityDisabled.Code, kmsg.StringPtr("No Authorizer is configured on the broker")
	switch r := request.(type) {
	case *kmsg.CreateACLsRequest:
		answer := kmsg.NewPtrCreateACLsResponse()
		answer.Version = r.Version
		for range r.Creations {
			answer.Results = append(answer.Results, kmsg.CreateACLsResponseResult{ErrorCode: code, ErrorMessage: why})
		}
		return answer
	case *kmsg.DeleteACLsRequest:
		answer := kmsg.NewPtrDeleteACLsResponse()
		answer.Version = r.Version
		for range r.Filters {
			answer.Results = append(answer.Results, kmsg.DeleteACLsResponseResult{ErrorCode: code, ErrorMessage: why})
		}
		return answer
	default:
		answer := kmsg.NewPtrDescribeACLsResponse()
		answer.Version, answer.ErrorCode, answer.ErrorMessage = request.GetVersion(), code, why
		return answer
	}
}

// elected says that the one broker leads already, as it always does.
func (a *answers) elected(r *kmsg.ElectLeadersRequest) kmsg.Response {
	answer := kmsg.NewPtrElectLeadersResponse()
	answer.Version = r.Version
	for _, t := range r.Topics {
		topic := kmsg.NewElectLeadersResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewElectLeadersResponseTopicPartition()
			partition.Partition = p
			refusal, why := kerr.ElectionNotNeeded, "the only replica leads already"
			if !a.has(t.Topic, p) {
				refusal, why = kerr.UnknownTopicOrPartition, "there is no such partition"
			}
			partition.ErrorCode, partition.ErrorMessage = refusal.Code, &why
			topic.Partitions = append(topic.Partitions, partition)
		}
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}

// moved says that there is but one folder for data.
func (a *answers) moved(r *kmsg.AlterReplicaLogDirsRequest) kmsg.Response {
	answer := kmsg.NewPtrAlterReplicaLogDirsResponse()
	answer.Version = r.Version
	for _, d := range r.Dirs {
		for _, t := range d.Topics {
			topic := kmsg.NewAlterReplicaLogDirsResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				partition := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
				partition.Partition = p
				switch {
				case !a.has(t.Topic, p):
					partition.ErrorCode = kerr.UnknownTopicOrPartition.Code
				case d.Dir != a.dir:
					partition.ErrorCode = kerr.LogDirNotFound.Code
				}
				topic.Partitions = append(topic.Partitions, partition)
			}
			answer.Topics = append(answer.Topics, topic)
		}
	}
	return answer
}
