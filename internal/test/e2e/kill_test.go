package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawTables are the tables of events.
var rawTables = []string{"queries", "signups", "token_calls", "model_events", "reference_points"}

// stored is the end of what raw holds of each partition, by topic and partition.
func (p pipeline) stored(t testing.TB) map[[2]string]uint64 {
	t.Helper()
	var selects []string
	for _, name := range rawTables {
		selects = append(selects, fmt.Sprintf("SELECT '%[1]s.v1', concat(toString(epoch), '/', toString(partition)) AS place, max(offset) + 1 FROM %[1]s_raw GROUP BY place", name))
	}
	ends := map[[2]string]uint64{}
	for _, r := range p.rows(t, strings.Join(selects, " UNION ALL ")) {
		ends[[2]string{r[0], r[1]}] = number(t, r[2])
	}
	return ends
}

// uncovered counts the rows in raw that no ledger row covers, which are those at or beyond the contiguous end of their
// partition. Rows before the ends in known are not counted: an earlier kill left them.
func (p pipeline) uncovered(t testing.TB, known map[[2]string]uint64) uint64 {
	t.Helper()
	_, ends := p.ledger(t)
	for key, end := range known {
		ends[key] = max(ends[key], end)
	}
	before := map[string][]string{}
	for key, end := range ends {
		name := strings.TrimSuffix(key[0], ".v1")
		before[name] = append(before[name], fmt.Sprintf("(concat(toString(epoch), '/', toString(partition)) = '%s' AND offset < %d)", key[1], end))
	}
	var selects []string
	for _, name := range rawTables {
		condition := "false"
		if len(before[name]) > 0 {
			condition = strings.Join(before[name], " OR ")
		}
		selects = append(selects, fmt.Sprintf("SELECT count() AS n FROM %s_raw WHERE NOT (%s)", name, condition))
	}
	return number(t, p.sql(t, "SELECT sum(n) FROM ("+strings.Join(selects, " UNION ALL ")+")"))
}

// quiet waits until the database works on no statement of the namespace any more: what a killed process had sent is done
// or dropped then.
func (p pipeline) quiet(t testing.TB) {
	t.Helper()
	steady := 0
	var last uint64
	eventually(t, "raw rows do not change any more", func() bool {
		now := number(t, p.sql(t, "SELECT sum(total_rows) FROM system.tables WHERE database = currentDatabase() AND (name LIKE '%_raw' OR name = 'ledger')"))
		if now != last {
			steady, last = 0, now
			return false
		}
		steady++
		return steady > 3
	})
}

// dismiss makes the killed members of the consumer group leave, as its session's end would some seconds later.
func (p pipeline) dismiss(t testing.TB) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.brokers))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{p.namespace}
	groups, err := describe.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatalf("describe the consumer group: %v", err)
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = p.namespace
	for _, group := range groups.Groups {
		for _, m := range group.Members {
			member := kmsg.NewLeaveGroupRequestMember()
			member.MemberID = m.MemberID
			leave.Members = append(leave.Members, member)
		}
	}
	if len(leave.Members) == 0 {
		return
	}
	if _, err := leave.RequestWith(t.Context(), client); err != nil {
		t.Fatalf("let %d members leave: %v", len(leave.Members), err)
	}
}

// killing is the state of one test of kill -9.
type killing struct {
	pipeline
	random *rand.Rand
	total  uint64 // offsets to ingest
}

// runFor lets ingest work until it has accounted about n offsets more, though not nearly all, and some random time longer.
func (k *killing) runFor(t testing.TB, ingest *process, n uint64) {
	t.Helper()
	now := k.accounted(t)
	goal := max(now+1, min(now+n, k.total*8/10))
	eventually(t, fmt.Sprintf("%d of %d offsets are accounted", goal, k.total), func() bool {
		if ingest.ended() {
			t.Fatalf("ingest has ended:\n%s", ingest.output())
		}
		return k.accounted(t) >= min(goal, k.total)
	})
	time.Sleep(time.Duration(k.random.IntN(200)) * time.Millisecond)
}

// strike kills ingest at a random moment: it is halted and looked at a bounded number of times until it has stored rows
// that it has not accounted. It returns how many such rows it leaves when all is quiet; known is what raw held before.
func (k *killing) strike(t testing.TB, ingest *process, known map[[2]string]uint64) uint64 {
	t.Helper()
	for range 20 {
		ingest.signal(t, syscall.SIGSTOP)
		if k.uncovered(t, known) > 0 {
			break
		}
		ingest.signal(t, syscall.SIGCONT)
		time.Sleep(time.Duration(5+k.random.IntN(50)) * time.Millisecond)
	}
	ingest.kill()
	k.quiet(t)
	return k.uncovered(t, known)
}

// TestKilled drains two million events while ingest is killed ten times, the stack once and the rollup a few times, each
// with kill -9 at a random moment. Everything is counted once in the end. At least five of the ten kills have to hit
// between the storing of rows and their accounting.
func TestKilled(t *testing.T) {
	t.Parallel()
	const kills, events = 10, 2_000_000
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	server := ownServer(t)
	k := killing{pipeline: server.pipeline("killed"), random: rand.New(rand.NewPCG(seed, 0))}
	k.ok(t, "migrate")
	want := k.generate(t, "--events", fmt.Sprint(events), "--seed", "4", "--duplicates", "0.02", "--conflicts", "0.002", "--poison", "0.001",
		"--users", "100000", "--run", "killed")
	k.total = want.produced()
	if k.total != events {
		t.Fatalf("%d events were produced, want %d", k.total, events)
	}

	began := time.Now()
	hits := 0
	var left []uint64
	for i := range kills {
		known := k.stored(t)
		// Small blocks, so that ten kills find work to interrupt.
		ingest := k.start(t, "ingest", "--block-rows", "4096")
		k.runFor(t, ingest, 1+k.random.Uint64N(2*(k.total*3/4-min(k.accounted(t), k.total/2))/(kills+1)))
		at := k.accounted(t)
		n := k.strike(t, ingest, known)
		if left = append(left, n); n > 0 {
			hits++
		}
		t.Logf("kill %d after %s at about %d offsets left %d rows of its own that no ledger row covers", i+1, time.Since(began).Round(time.Millisecond), at, n)
		if i > 0 { // The first one is left to the end of its session.
			k.dismiss(t)
		}
	}
	if hits < kills/2 {
		t.Errorf("%d of %d kills left rows that no ledger row covered, want %d at least: %v", hits, kills, kills/2, left)
	}

	k.killStack(t, server)
	k.ok(t, "ingest", "--until-caught-up")
	k.killRollup(t)
	k.ok(t, "rollup", "--until-caught-up")
	k.verify(t, want)
	k.reported(t, want)
	k.auditOK(t)
	var poison uint64
	for _, c := range want {
		poison += c.poison
	}
	if n := len(k.letters(t)); uint64(n) != poison {
		t.Errorf("%d dead letters are listed, want %d", n, poison)
	}
}

// killStack kills broker and database under a working ingester and starts them again on the same folder and ports.
func (k *killing) killStack(t testing.TB, server *server) {
	t.Helper()
	ingest := k.start(t, "ingest")
	k.runFor(t, ingest, 1+k.random.Uint64N(50_000))
	before := k.accounted(t)
	server.process.kill()
	if before == k.total {
		t.Error("all was ingested before the stack was killed: the test shows nothing")
	}
	time.Sleep(time.Duration(k.random.IntN(1000)) * time.Millisecond)
	kafka, clickhouse := server.kafka, server.clickhouse
	server.start(t)
	if server.kafka != kafka || server.clickhouse != clickhouse {
		t.Fatalf("the stack came back on %s and %s, and was on %s and %s", server.kafka, server.clickhouse, kafka, clickhouse)
	}
	if now := k.accounted(t); now < before {
		t.Errorf("%d offsets are accounted after the stack was killed, and %d were before", now, before)
	}
	eventually(t, "ingest goes on after the stack is back", func() bool {
		if ingest.ended() {
			t.Fatalf("ingest did not outlive the outage:\n%s", ingest.output())
		}
		return k.accounted(t) > before
	})
	if code := ingest.stop(t); code != 0 {
		t.Errorf("ingest stops with exit code %d, want 0", code)
	}
}

// killRollup kills the rollup at random moments of its work: at its beginning, and after it has published something more.
func (k *killing) killRollup(t testing.TB) {
	t.Helper()
	published := func() uint64 { return number(t, k.sql(t, "SELECT count() FROM rollup_versions")) }
	var left []uint64
	for i := range 3 {
		rollup := k.start(t, "rollup", "--until-caught-up")
		before := published()
		if i > 0 {
			eventually(t, "the rollup publishes", func() bool { return rollup.ended() || published() > before })
		}
		time.Sleep(time.Duration(k.random.IntN(500)) * time.Millisecond)
		if rollup.ended() {
			break
		}
		rollup.kill()
		left = append(left, published())
	}
	t.Logf("the kills of the rollup left %d published buckets", left)
	if len(left) == 0 {
		t.Error("the rollup was done before it could be killed: the test shows nothing")
	}
}
