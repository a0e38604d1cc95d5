package stack_test

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tidemark/internal/stack"
	"tidemark/internal/test/env"
	kafkatest "tidemark/internal/test/kafka"
)

// toolCall is one call of a tool of Kafka's, and what has to come of it on every broker.
type toolCall struct {
	call string // parts separated by blanks, or by tabs where a part has blanks
	fail bool   // the tool ends with another exit code than 0
	want string // a regular expression
	not  string // one that must not match, if any
}

// toolCalls build on each other. Where a tool ends with 0 whatever happened, want tells.
var toolCalls = []toolCall{
	{call: "BrokerApiVersionsCommand", want: `DescribeTopicPartitions\(75\): 0 \[usable: 0\]`},
	{call: "TopicCommand --create --topic t1 --partitions 2", want: `^Created topic t1\.$`},
	{call: "TopicCommand --create --topic t2 --partitions 1 --replication-factor 1 --config retention.ms=3600000", want: `^Created topic t2\.$`},
	{call: "TopicCommand --create --topic t3 --replica-assignment @NODE", want: `^Created topic t3\.$`},
	{call: "TopicCommand --create --topic t1", fail: true, want: `already exists`},
	{call: "TopicCommand --create --topic bad --config nosuch=1", fail: true, want: `Unknown topic config name: nosuch`},
	{call: "TopicCommand --create --topic bad --config retention.ms=abc", fail: true, want: `Invalid value abc for configuration retention\.ms`},
	{call: "TopicCommand\t--create\t--topic\tb d", fail: true, want: `Topic name is invalid`},
	{call: "TopicCommand --create --topic ..", fail: true, want: `Topic name is invalid|Topic name cannot be`},
	{call: "TopicCommand --list", want: `t1 \| t2 \| t3$`, not: `bad|b d`},
	{call: "TopicCommand --describe", want: `Topic: t1\t.*PartitionCount: 2\t.*Leader: \d\tReplicas: \d\tIsr: \d\tElr: \tLastKnownElr: .*Topic: t3`},
	{call: "TopicCommand --describe --topic t2", want: `PartitionCount: 1\t.*retention\.ms=3600000`, not: `message\.max\.bytes`},
	{call: "TopicCommand --describe --topic nosuch", fail: true, want: `does not exist as expected`},
	{call: "TopicCommand --describe --under-replicated-partitions", want: `^$`},
	{call: "TopicCommand --alter --topic t1 --partitions 3", want: `^$`},
	{call: "TopicCommand --alter --topic t1 --partitions 1", fail: true, want: `Error while executing topic command`},
	{call: "ConsoleProducer --topic t1 @INa|b|c", want: `^$`},
	{call: "consumer.ConsoleConsumer --topic t1 --from-beginning --max-messages 3 --timeout-ms 30000 --group g1", want: `a \| b \| c`},
	{call: "consumer.ConsoleConsumer --topic t1 --from-beginning --max-messages 3 --timeout-ms 30000 --group g2 --consumer-property group.protocol=consumer", want: `a \| b \| c`},
	{call: "GetOffsetShell --topic t1", want: `t1:\d:3`},
	{call: "GetOffsetShell --topic t1 --time earliest", want: `t1:0:0 \| t1:1:0 \| t1:2:0`},
	{call: "GetOffsetShell --topic t1 --time max-timestamp", want: `^t1:\d:\d$`},
	{call: "GetOffsetShell --topic nosuch", fail: true, want: `Could not match any topic-partitions`},
	{call: "Member classic classic t1", want: `^$`},
	{call: "Member modern consumer t1", want: `^$`},
	{call: "consumer.group.ConsumerGroupCommand --list", want: `modern`, not: `^$`},
	{call: "consumer.group.ConsumerGroupCommand --list --state Stable", want: `classic +Stable`, not: `g1`},
	{call: "consumer.group.ConsumerGroupCommand --list --type", want: `g1 +Classic`},
	{call: "consumer.group.ConsumerGroupCommand --list --type consumer", want: `modern +Consumer`, not: `g1|classic`},
	{call: "consumer.group.ConsumerGroupCommand --list --type classic", want: `classic +Classic`, not: `modern`},
	{call: "GroupsCommand --list", want: `modern +Consumer +consumer`},
	{call: "GroupsCommand --list --protocol consumer", want: `modern +Consumer +consumer`},
	{call: "consumer.group.ConsumerGroupCommand --describe --group g1", want: `LAG.*g1 +t1 +\d +3 +3 +0`},
	{call: "consumer.group.ConsumerGroupCommand --describe --group classic", want: `classic +t1 +\d +(0|3) +(0|3) +0 +consumer-classic\S+ +/127\.0\.0\.1 `},
	{call: "consumer.group.ConsumerGroupCommand --describe --group modern", want: `modern +t1 +\d +(0|3) +(0|3) +0 +\S+ +/127\.0\.0\.1 `},
	{call: "consumer.group.ConsumerGroupCommand --describe --all-groups --members --verbose", want: `modern .*t1:0,1,2`, not: `Error`},
	{call: "consumer.group.ConsumerGroupCommand --describe --all-groups --state", want: `modern .*Stable +1`, not: `Error`},
	{call: "consumer.group.ConsumerGroupCommand --describe --group nosuch", want: `GroupIdNotFoundException`},
	{call: "Admin removeMembers", want: `^null$`},
	{call: "Leave", want: `^$`},
	{call: "consumer.group.ConsumerGroupCommand --reset-offsets --group g1 --all-topics --to-earliest --execute", want: `g1 +t1 +0 +0`},
	{call: "consumer.group.ConsumerGroupCommand --reset-offsets --group g2 --all-topics --shift-by -1 --dry-run", want: `g2 +t1 +\d +2`},
	{call: "consumer.group.ConsumerGroupCommand --reset-offsets --group gnew --topic t1 --by-duration PT1H --execute", want: `gnew +t1 +0 +0`},
	{call: "consumer.group.ConsumerGroupCommand --delete-offsets --group gnew --topic t1:0", want: `t1 +0 +Successful`},
	{call: "consumer.group.ConsumerGroupCommand --delete --group g1", want: `was successful`},
	{call: "consumer.group.ConsumerGroupCommand --delete --group nosuch", want: `GroupIdNotFoundException`},
	{call: "ConfigCommand --describe --entity-type topics --entity-name t2", want: `retention\.ms=3600000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=3600000`},
	{call: "ConfigCommand --describe --entity-type topics", want: `topic t2 are`},
	{call: "ConfigCommand --describe --entity-type topics --entity-name t2 --all", want: `cleanup\.policy=delete`, not: `\| +message\.max\.bytes`},
	{call: "ConfigCommand --describe --entity-type brokers --entity-name @NODE --all", want: `All configs for broker`},
	{call: "ConfigCommand --alter --entity-type topics --entity-name t2 --add-config retention.ms=1000", want: `Completed updating config for topic t2`},
	{call: "ConfigCommand --describe --entity-type topics --entity-name t2", want: `retention\.ms=1000`},
	{call: "ConfigCommand --alter --entity-type topics --entity-name t2 --delete-config retention.ms", want: `Completed updating config for topic t2`},
	{call: "ConfigCommand --alter --entity-type topics --entity-name t2 --add-config nosuch=1", fail: true, want: `Unknown topic config name: nosuch`},
	{call: "ConfigCommand --alter --entity-type topics --entity-name t2 --add-config retention.ms=abc", fail: true, want: `Invalid value abc`},
	{call: "ConfigCommand --alter --entity-type groups --entity-name g2 --add-config consumer.session.timeout.ms=46000", want: `Completed`},
	{call: "ConfigCommand --describe --entity-type groups --entity-name g2", want: `DYNAMIC_GROUP_CONFIG:consumer\.session\.timeout\.ms=46000`},
	{call: "ConfigCommand --alter --entity-type users --entity-name u --add-config SCRAM-SHA-256=[password=p]", want: `Completed`},
	{call: "Admin clientQuotas", want: `^\{\}$`},
	{call: "ConfigCommand --alter --entity-type clients --entity-name c --add-config consumer_byte_rate=1000", want: `Completed`},
	{call: "ConfigCommand --describe --entity-type clients --entity-name c", want: `consumer_byte_rate=1000`},
	{call: "ConfigCommand --alter --entity-type clients --entity-name c --delete-config consumer_byte_rate", want: `Completed`},
	{call: "DeleteRecordsCommand\t--offset-json-file\t@FILE{\"partitions\":[{\"topic\":\"t1\",\"partition\":0,\"offset\":0}],\"version\":1}", want: `low_watermark: 0`},
	{call: "LeaderElectionCommand --election-type preferred --topic t1 --partition 0", want: `already elected`},
	{call: "LeaderElectionCommand --election-type preferred --all-topic-partitions", want: `^$`},
	{call: "LogDirsCommand --describe --topic-list t1", want: `"partition":"t1-0".*"logDir":"/\S*"`, not: `/mem/`},
	{call: "Admin moveLogDir", fail: true, want: `LogDirNotFoundException`},
	{call: "reassign.ReassignPartitionsCommand\t--execute\t--reassignment-json-file\t@FILE{\"version\":1,\"partitions\":[{\"topic\":\"t1\",\"partition\":0,\"replicas\":[@NODE]}]}", want: `Successfully started`},
	{call: "reassign.ReassignPartitionsCommand --list", want: `No partition reassignments found`},
	{call: "Admin transaction", want: `^Ongoing null$`},
	{call: "TransactionsCommand list", want: `tx`},
	{call: "TransactionsCommand describe-producers --topic t1 --partition 0", want: `ProducerId`},
	{call: "AclCommand --list", fail: true, want: `SecurityDisabledException: No Authorizer is configured`},
	{call: "AclCommand --add --allow-principal User:u --operation read --topic t1", fail: true, want: `SecurityDisabledException`},
	{call: "AclCommand --remove --force --allow-principal User:u --operation read --topic t1", fail: true, want: `SecurityDisabledException`},
	{call: "FeatureCommand describe", want: `group\.version`},
	{call: "ClientMetricsCommand --list", want: `^$`},
	{call: "Admin createTopics", want: `^2 1 DYNAMIC_TOPIC_CONFIG$`},
	{call: "Admin validateTopics", want: `^2$`},
	{call: "Admin topicsInOne", want: `^1 \S*InvalidTopicException: Topic name is invalid`},
	{call: "Admin describeById", want: `^3$`},
	{call: "Admin deleteById", want: `^null$`},
	{call: "Admin offsetsOfNobody", want: `^\{nobody=\{\}\}$`},
	{call: "Admin listOffsets", want: `^true$`},
	{call: "TopicCommand --delete --topic t2", want: `^$`},
	{call: "TopicCommand --delete --topic nosuch", fail: true, want: `does not exist as expected`},
	{call: "TopicCommand --list", want: `t1 \| t3`, not: `t2|t4`},
}

// refusedTools are calls that the embedded broker refuses, with what the client says: they are listed in docs/kafka-tools.md.
var refusedTools = []toolCall{
	{call: "MetadataQuorumCommand describe --status", fail: true, want: `The node does not support DESCRIBE_QUORUM`},
	{call: "DelegationTokenCommand --describe --command-config @FILEretries=1", fail: true, want: `The node does not support DESCRIBE_DELEGATION_TOKEN`},
	{call: "streams.StreamsGroupCommand --describe --group nosuch", fail: true, want: `The node does not support STREAMS_GROUP_DESCRIBE`},
	{call: "ConfigCommand --describe --entity-type broker-loggers --entity-name @NODE", fail: true, want: `InvalidRequestException`},
	{call: "ClusterTool unregister --id 7", want: `does not support the broker unregistration API`},
	{call: "Admin limit", want: `^16777216$`},
}

func TestKafkaTools(t *testing.T) {
	root := env.ModuleRoot(t)
	_, err := exec.LookPath("javac")
	env.Require(t, "a Java compiler", err == nil, "apt-get install default-jdk-headless")
	jars, err := filepath.Glob(filepath.Join(root, ".cache", "kafka", "lib", "kafka-tools-4*.jar"))
	env.Require(t, "Kafka's tools", err == nil && len(jars) > 0, "make deps")
	t.Run("embedded", func(t *testing.T) {
		s, err := stack.Start(t.Context(), stack.Config{DataDir: t.TempDir(), KafkaListen: "127.0.0.1:0", NoClickHouse: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		runTools(t, root, s.KafkaAddr(), append(toolCalls[:len(toolCalls):len(toolCalls)], refusedTools...), 1)
	})
	t.Run("apache", func(t *testing.T) { runTools(t, root, kafkatest.StartApache(t).Addr(), toolCalls, 50) })
}

// runTools runs calls in one Java process, one after the other. Those that only look are tried so many times: a change is
// acknowledged by Kafka's controller before its broker knows of it.
func runTools(t *testing.T, root, address string, calls []toolCall, tries int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", filepath.Join(root, ".cache", "kafka", "lib", "*"),
		filepath.Join("testdata", "KafkaTools.java"), address)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(out)
	answers.Buffer(nil, 1<<20)
	for _, c := range calls {
		line := c.call
		if !strings.Contains(line, "\t") {
			line = strings.ReplaceAll(line, " ", "\t")
		}
		var wrong string
		for try := 0; try == 0 || wrong != "" && c.looks() && try < tries; try++ {
			if _, err := fmt.Fprintln(in, line); err != nil || !answers.Scan() {
				t.Fatalf("%s: no answer: %v, %v\n%s", c.call, err, answers.Err(), complaints.String())
			}
			wrong = c.check(answers.Text())
		}
		if wrong != "" {
			t.Errorf("%s: %s", c.call, wrong)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, complaints.String())
	}
}

func (c toolCall) looks() bool {
	return strings.Contains(c.call, "--describe") || strings.Contains(c.call, "--list") || strings.HasPrefix(c.call, "GetOffsetShell")
}

// check returns what is wrong with an answer, "" for nothing.
func (c toolCall) check(answer string) string {
	code, said, _ := strings.Cut(answer, "\t")
	switch {
	case (code != "0") != c.fail:
		return fmt.Sprintf("exit code %s: %.1200s", code, said)
	case !regexp.MustCompile(c.want).MatchString(said), c.not != "" && regexp.MustCompile(c.not).MatchString(said):
		return fmt.Sprintf("got %.1200s\nwant %s, not %q", said, c.want, c.not)
	}
	return ""
}
