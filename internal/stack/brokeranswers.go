package stack

import (
	"net"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// answers sets right what the broker answers otherwise than Kafka does, so that Kafka's own tools and admin client read it.
type answers struct {
	dir      string // where the broker's data is
	maxBytes string // the largest batch of a topic that has no limit of its own

	mu      sync.RWMutex // held for reading while the cluster is asked, for writing to forget it
	cluster *kfake.Cluster
}

// attach says which cluster to ask; nil before it is closed, since it answers no more then.
func (a *answers) attach(cluster *kfake.Cluster) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cluster = cluster
}

// topic returns the name of a topic, "" if there is none of that identifier.
func (a *answers) topic(id [16]byte) string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.cluster == nil {
		return ""
	}
	if info := a.cluster.TopicIDInfo(id); info != nil {
		return info.Topic
	}
	return ""
}

// has reports whether there is a partition.
func (a *answers) has(topic string, partition int32) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.cluster != nil && a.cluster.PartitionInfo(topic, partition) != nil
}

// amend has what is done to an answer, by request key.
var amend = map[int16]func(*answers, kmsg.Response){
	kmsg.OffsetFetch.Int16():             on((*answers).offsetFetch),
	kmsg.DescribeGroups.Int16():          on((*answers).describeGroups),
	kmsg.ListGroups.Int16():              on((*answers).listGroups),
	kmsg.CreateTopics.Int16():            on((*answers).createTopics),
	kmsg.DescribeConfigs.Int16():         on((*answers).describeConfigs),
	kmsg.AlterConfigs.Int16():            on((*answers).alterConfigs),
	kmsg.IncrementalAlterConfigs.Int16(): on((*answers).incrementalAlterConfigs),
	kmsg.DescribeLogDirs.Int16():         on((*answers).describeLogDirs),
	kmsg.DescribeClientQuotas.Int16():    on((*answers).describeClientQuotas),
	kmsg.ConsumerGroupDescribe.Int16():   on((*answers).describeConsumerGroups),
	kmsg.DescribeTopicPartitions.Int16(): on((*answers).describeTopicPartitions),
	kmsg.ShareGroupDescribe.Int16():      on((*answers).describeShareGroups),
}

func on[R kmsg.Response](do func(*answers, R)) func(*answers, kmsg.Response) {
	return func(a *answers, r kmsg.Response) {
		if typed, ok := r.(R); ok {
			do(a, typed)
		}
	}
}

// notNil makes a list that is not there an empty one. Kafka's client reads these lists without looking whether they are.
func notNil[T any](list *[]T) {
	if *list == nil {
		*list = []T{}
	}
}

// offsetFetch: a group that is not there has no offsets, which is no error.
func (a *answers) offsetFetch(r *kmsg.OffsetFetchResponse) {
	for i := range r.Groups {
		if g := &r.Groups[i]; g.ErrorCode == kerr.GroupIDNotFound.Code {
			g.ErrorCode = 0
		}
	}
	if r.ErrorCode == kerr.GroupIDNotFound.Code {
		r.ErrorCode = 0
	}
}

func (a *answers) describeGroups(r *kmsg.DescribeGroupsResponse) {
	for i := range r.Groups {
		for j := range r.Groups[i].Members {
			host(&r.Groups[i].Members[j].ClientHost)
		}
	}
}

// host gives a member's address as Kafka does: a slash and no port.
func host(address *string) {
	if h, _, err := net.SplitHostPort(*address); err == nil {
		*address = "/" + h
	}
}

// listGroups: a type begins with a capital, and a group of the consumer protocol says so.
func (a *answers) listGroups(r *kmsg.ListGroupsResponse) {
	for i := range r.Groups {
		g := &r.Groups[i]
		if g.GroupType != "" {
			g.GroupType = strings.ToUpper(g.GroupType[:1]) + g.GroupType[1:]
		}
		if g.ProtocolType == "" && g.GroupType == "Consumer" {
			g.ProtocolType = "consumer"
		}
	}
}

func (a *answers) createTopics(r *kmsg.CreateTopicsResponse) {
	for i := range r.Topics {
		t := &r.Topics[i]
		notNil(&t.Configs)
		for j := range t.Configs {
			if c := &t.Configs[j]; c.Source < 0 {
				c.Source = int8(kmsg.ConfigSourceDynamicTopicConfig)
			}
		}
		if name, code, why, ok := unmark(t.Topic); ok {
			t.Topic, t.ErrorCode, t.ErrorMessage = name, code, &why
			t.NumPartitions, t.ReplicationFactor = -1, -1
		}
	}
}

func (a *answers) alterConfigs(r *kmsg.AlterConfigsResponse) {
	for i := range r.Resources {
		c := &r.Resources[i]
		if name, code, why, ok := unmark(c.ResourceName); ok {
			c.ResourceName, c.ErrorCode, c.ErrorMessage = name, code, &why
		}
	}
}

func (a *answers) incrementalAlterConfigs(r *kmsg.IncrementalAlterConfigsResponse) {
	for i := range r.Resources {
		c := &r.Resources[i]
		if name, code, why, ok := unmark(c.ResourceName); ok {
			c.ResourceName, c.ErrorCode, c.ErrorMessage = name, code, &why
		}
	}
}

// The largest batch, as a setting of brokers and of topics.
const (
	brokerMaxBytes = "message.max.bytes"
	topicMaxBytes  = "max.message.bytes"
)

// describeConfigs: a topic's limit is what the broker goes by, under the topic's name for it; the folder of the data is the
// true one; a value that was set is the first of its own synonyms.
func (a *answers) describeConfigs(r *kmsg.DescribeConfigsResponse) {
	for i := range r.Resources {
		resource := &r.Resources[i]
		kept := resource.Configs[:0]
		for _, c := range resource.Configs {
			topic := resource.ResourceType == kmsg.ConfigResourceTypeTopic
			if topic && c.Name == brokerMaxBytes {
				continue
			}
			if topic && c.Name == topicMaxBytes && c.Source == kmsg.ConfigSourceDefaultConfig {
				c.Value, c.Source = &a.maxBytes, kmsg.ConfigSourceStaticBrokerConfig
			}
			if c.Name == "log.dir" && c.Source == kmsg.ConfigSourceDefaultConfig {
				c.Value, c.Source = &a.dir, kmsg.ConfigSourceStaticBrokerConfig
			}
			own := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
			own.Name, own.Value, own.Source = c.Name, c.Value, c.Source
			if c.Value != nil {
				c.ConfigSynonyms = append([]kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{own}, c.ConfigSynonyms...)
			}
			kept = append(kept, c)
		}
		resource.Configs = kept
	}
}

func (a *answers) describeLogDirs(r *kmsg.DescribeLogDirsResponse) {
	for i := range r.Dirs {
		r.Dirs[i].Dir = a.dir
	}
}

func (a *answers) describeClientQuotas(r *kmsg.DescribeClientQuotasResponse) { notNil(&r.Entries) }

// describeConsumerGroups: an assignment names its topics.
func (a *answers) describeConsumerGroups(r *kmsg.ConsumerGroupDescribeResponse) {
	for i := range r.Groups {
		for j := range r.Groups[i].Members {
			m := &r.Groups[i].Members[j]
			host(&m.ClientHost)
			a.named(&m.Assignment)
			a.named(&m.TargetAssignment)
		}
	}
}

// named fills in the topics' names, and leaves out topics that are deleted.
func (a *answers) named(assignment *kmsg.Assignment) {
	kept := assignment.TopicPartitions[:0]
	for _, t := range assignment.TopicPartitions {
		if t.Topic == "" {
			t.Topic = a.topic(t.TopicID)
		}
		if t.Topic != "" {
			kept = append(kept, t)
		}
	}
	assignment.TopicPartitions = kept
}

func (a *answers) describeShareGroups(r *kmsg.ShareGroupDescribeResponse) {
	for i := range r.Groups {
		for j := range r.Groups[i].Members {
			host(&r.Groups[i].Members[j].ClientHost)
		}
	}
}

func (a *answers) describeTopicPartitions(r *kmsg.DescribeTopicPartitionsResponse) {
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			p := &r.Topics[i].Partitions[j]
			notNil(&p.EligibleLeaderReplicas)
			notNil(&p.LastKnownELR)
		}
	}
}
