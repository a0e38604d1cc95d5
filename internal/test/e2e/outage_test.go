package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	kafkatest "tidemark/internal/test/kafka"
	usagev1 "tidemark/schemas/usage/v1"
)

// produce puts values on a topic of the namespace, spread over its partitions.
func (p pipeline) produce(t testing.TB, topic string, partitions int, values ...[]byte) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.brokers), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for i, value := range values {
		records = append(records, &kgo.Record{Topic: p.namespace + "." + topic, Partition: int32(i % partitions), Value: value})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("produce %d records to %s: %v", len(records), topic, err)
	}
}

// letter is one line of "deadletters list --json".
type letter struct {
	Topic            string
	Epoch, Partition int
	Offset           int64
	Reason, Field    string
	Detail           string
}

// letters lists the dead letters; a coordinate that is listed twice fails the test.
func (p pipeline) letters(t testing.TB) []letter {
	t.Helper()
	r := p.ok(t, "deadletters", "list", "--json", "--limit", "0")
	var all []letter
	seen := map[string]bool{}
	for line := range strings.Lines(r) {
		var l letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("deadletters list --json: %v: %s", err, line)
		}
		at := fmt.Sprint(l.Topic, "/", l.Epoch, "/", l.Partition, "/", l.Offset)
		if seen[at] {
			t.Errorf("the dead letter of %s is listed twice", at)
		}
		seen[at] = true
		all = append(all, l)
	}
	return all
}

// TestGarbage puts random bytes on every topic between good events.
func TestGarbage(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(seed >> 32)})
	noise := func(n int) (values [][]byte) {
		values = append(values, nil, []byte{}, bytes.Repeat([]byte{0xff}, 900_000)) // Tombstone, empty, nearly the largest record.
		for i := len(values); i < n; i++ {
			value := make([]byte, random.Uint64()%300)
			_, _ = random.Read(value) // It never fails.
			values = append(values, append([]byte{0xff}, value...))
		}
		return values
	}
	want := p.generate(t, "--events", "2000", "--poison", "0")
	topics := []string{"queries", "signups", "token_calls", "model_events", "reference_points"}
	for _, topic := range topics {
		p.produce(t, topic+".v1", 2, noise(40)...)
	}
	p.produce(t, "runs.v1", 2, noise(10)...)
	want = want.plus(p.generate(t, "--events", "2000", "--poison", "0", "--seed", "2"))
	for _, topic := range topics {
		want = want.plus(truth{topic: {produced: 40, poison: 40}})
	}
	p.settle(t)
	p.verify(t, want)
	p.auditOK(t)
	found := p.letters(t)
	if len(found) != 40*len(topics)+10 {
		t.Errorf("%d dead letters are listed, want %d", len(found), 40*len(topics)+10)
	}
	for _, l := range found {
		if l.Reason != "malformed" && l.Reason != "invalid" || l.Detail == "" {
			t.Errorf("a dead letter without a proper cause: %+v", l)
		}
	}
	at := fmt.Sprintf("%s/%d/%d/%d", found[0].Topic, found[0].Epoch, found[0].Partition, found[0].Offset)
	if out := p.ok(t, "deadletters", "show", at); !strings.Contains(out, at) || !strings.Contains(out, found[0].Reason) {
		t.Errorf("deadletters show %s:\n%s", at, out)
	}
	if r := p.run(t, "deadletters", "show", "token_calls.v1/1/0/999999"); r.code != 1 {
		t.Errorf("a dead letter that is not there: exit code %d, want 1", r.code)
	}
}

var assignedLine = regexp.MustCompile(`partitions assigned.*"partitions": ?(\d+)`)

// assignments are the numbers of partitions of each generation that the process has logged.
func assignments(p *process) (sizes []int) {
	for _, found := range assignedLine.FindAllStringSubmatch(p.stderr.String(), -1) {
		n, err := strconv.Atoi(found[1])
		if err == nil {
			sizes = append(sizes, n)
		}
	}
	return sizes
}

// outage is how long an outage lasts.
func outage() time.Duration {
	if long {
		return 30 * time.Second
	}
	return 8 * time.Second
}

// TestDatabaseOutage lets ClickHouse answer errors, nothing, and lose answers, while events come in: ingest keeps its
// membership, drops nothing, and drains after.
func TestDatabaseOutage(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	gate, through := newGate(t, p)
	ingest := through.start(t, "ingest", "--block-rows", "1000")
	want := p.generate(t, "--events", "5000")
	eventually(t, "some is accounted", func() bool { return p.accounted(t) > 0 })
	for i, mode := range []gateMode{failing, silent, lossy} {
		gate.set(mode)
		began := time.Now()
		want = want.plus(p.generate(t, "--events", "5000", "--seed", strconv.Itoa(i+2)))
		if mode == lossy {
			eventually(t, "all is accounted though answers are lost", func() bool { return p.accounted(t) == want.produced() })
		} else {
			before := p.accounted(t) // What was under way has got through the gate or has not.
			time.Sleep(max(time.Second, outage()/2-time.Since(began)))
			if now := p.accounted(t); now != before {
				t.Errorf("%d offsets were accounted while the database was away", now-before)
			}
		}
		t.Logf("mode %d lasted %s and met %d requests", mode, time.Since(began).Round(time.Millisecond), gate.count(mode))
		if gate.count(mode) == 0 {
			t.Errorf("no request came in mode %d: the test shows nothing", mode)
		}
		if ingest.ended() {
			t.Fatalf("ingest has ended:\n%s", ingest.output())
		}
	}
	gate.set(open)
	if n := len(assignments(ingest)); n != 1 {
		t.Errorf("ingest had %d generations, want 1: it lost its membership", n)
	}
	if code := ingest.stop(t); code != 0 {
		t.Errorf("ingest stops with exit code %d, want 0", code)
	}
	p.settle(t)
	p.verify(t, want)
	p.reported(t, want)
	p.auditOK(t)
}

// TestRefusedRow makes the database refuse one row of a block.
func TestRefusedRow(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "1")
	p.sql(t, "ALTER TABLE token_calls_raw ADD CONSTRAINT known CHECK country != 'XX'")
	want := p.generate(t, "--events", "3000", "--poison", "0")
	before := want["token_calls"].produced
	event, err := proto.Marshal(&usagev1.TokenCall{Source: "test", Id: "refused", TimeUs: new(int64(1_772_409_600_000_000)), Tenant: "acme", Product: "api", Country: "XX",
		Model: "m", Status: usagev1.Status_STATUS_OK})
	if err != nil {
		t.Fatal(err)
	}
	p.produce(t, "token_calls.v1", 1, event)
	want = want.plus(p.generate(t, "--events", "3000", "--poison", "0", "--seed", "2")).plus(truth{"token_calls": {produced: 1, poison: 1}})
	p.settle(t)
	p.verify(t, want)
	p.auditOK(t)
	found := p.letters(t)
	if len(found) != 1 || found[0].Reason != "refused" || found[0].Topic != "token_calls.v1" || found[0].Offset != int64(before) {
		t.Errorf("dead letters %+v, want one of token_calls.v1 offset %d, refused", found, before)
	}
	p.sql(t, "ALTER TABLE token_calls_raw DROP CONSTRAINT known")
}

// TestSlowBroker generates against a broker that stalls over and over: memory stays bounded, nothing is lost.
func TestSlowBroker(t *testing.T) {
	t.Parallel()
	const limitKB = 300 << 10
	events, longest := "400000", 3*time.Second
	if long {
		events, longest = "4000000", 30*time.Second
	}
	broker := kafkatest.StartFake(t)
	p := sharedPipeline(t)
	p.brokers = broker.Addr()
	p.ok(t, "migrate")
	generate := p.start(t, "generate", "--events", events)
	peak, stalls := 0, 0
	for !generate.ended() {
		broker.Proxy.Stall()
		stalls++
		stall := 300 * time.Millisecond
		if stalls == 2 {
			stall = longest
		}
		for range 10 {
			time.Sleep(stall / 10)
			peak = max(peak, resident(generate))
		}
		if stalls == 4 {
			broker.Proxy.Cut() // And once the connections break.
		}
		broker.Proxy.Resume()
		time.Sleep(30 * time.Millisecond)
	}
	if code := generate.wait(t); code != 0 {
		t.Fatalf("generate: exit code %d", code)
	}
	t.Logf("%d stalls, at most %d MB resident", stalls, peak>>10)
	if peak > limitKB {
		t.Errorf("generate had %d MB resident, more than %d", peak>>10, limitKB>>10)
	}
	if stalls < 5 {
		t.Errorf("the broker stalled %d times only: the test shows little", stalls)
	}
	want := parseTruth(t, generate.stdout.String())
	if strconv.FormatUint(want.produced(), 10) != events {
		t.Errorf("%d records are acknowledged, want %s", want.produced(), events)
	}
	p.settle(t)
	p.verify(t, want)
	p.reported(t, want)
	p.auditOK(t)
}

// resident is the process' resident memory in KB, 0 when it is over.
func resident(p *process) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kb, err := strconv.Atoi(fields[1])
			if err == nil {
				return kb
			}
		}
	}
	return 0
}

// TestTwoIngesters shares a backlog between two processes and kills one: the other takes over all partitions.
func TestTwoIngesters(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "4")
	want := p.generate(t, "--events", "20000")
	first := p.start(t, "ingest", "--block-rows", "500")
	second := p.start(t, "ingest", "--block-rows", "500")
	last := func(ingest *process) int {
		sizes := assignments(ingest)
		if len(sizes) == 0 {
			return 0
		}
		return sizes[len(sizes)-1]
	}
	eventually(t, "both have partitions", func() bool {
		a, b := last(first), last(second)
		return a > 0 && b > 0 && a+b == 24
	})
	want = want.plus(p.generate(t, "--events", "50000", "--seed", "2"))
	first.kill()
	want = want.plus(p.generate(t, "--events", "20000", "--seed", "3"))
	eventually(t, "the other owns all", func() bool { return last(second) == 24 })
	eventually(t, "the log is drained", func() bool { return p.accounted(t) == want.produced() })
	if code := second.stop(t); code != 0 {
		t.Errorf("ingest stops with exit code %d, want 0", code)
	}
	p.settle(t)
	p.verify(t, want)
	p.auditOK(t)
}

// TestSpareIngester: a process for which no partition is left stands by, and takes over when the owner dies.
func TestSpareIngester(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "1")
	want := p.generate(t, "--events", "2000")
	ingesters := [2]*process{p.start(t, "ingest"), p.start(t, "ingest")}
	last := func(i int) int {
		sizes := assignments(ingesters[i])
		if len(sizes) == 0 {
			return -1
		}
		return sizes[len(sizes)-1]
	}
	owner := 0
	eventually(t, "one owns all, the other nothing", func() bool {
		if last(1) == 6 {
			owner = 1
		}
		return last(0)+last(1) == 6 && last(0)*last(1) == 0
	})
	eventually(t, "the log is drained", func() bool { return p.accounted(t) == want.produced() })
	spare := ingesters[1-owner]
	if spare.ended() {
		t.Fatalf("the process without a partition has ended:\n%s", spare.output())
	}
	ingesters[owner].kill()
	want = want.plus(p.generate(t, "--events", "2000", "--seed", "2"))
	eventually(t, "the spare has taken over", func() bool { return p.accounted(t) == want.produced() })
	if code := spare.stop(t); code != 0 {
		t.Errorf("ingest stops with exit code %d, want 0", code)
	}
	p.settle(t)
	p.verify(t, want)
}
