package e2e

import (
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// server is a running "tidemark stack".
type server struct {
	process      *process
	dir          string
	kafka        string // host:port, empty without a broker
	clickhouse   string // http://host:port
	listen       []string
	listenedOnce bool
}

var (
	kafkaLine      = regexp.MustCompile(`(?m)^kafka +(\S+)$`)
	clickhouseLine = regexp.MustCompile(`(?m)^clickhouse +(\S+)$`)
)

// startServer starts a stack on free ports with its data in dir. The caller ends it.
func startServer(t testing.TB, dir string, args ...string) *server {
	t.Helper()
	s := &server{dir: dir, listen: append([]string{"--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"}, args...)}
	s.start(t)
	return s
}

// ownServer starts a stack for one test.
func ownServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := startServer(t, t.TempDir(), args...)
	t.Cleanup(func() {
		s.process.kill()
		if t.Failed() {
			t.Logf("the stack said last:\n%s", s.process.output())
		}
	})
	return s
}

// start starts the stack and waits for its addresses; after a kill on the addresses it had.
func (s *server) start(t testing.TB) {
	t.Helper()
	s.process = launch(t, nil, nil, append([]string{"stack", "--data-dir", s.dir}, s.listen...)...)
	eventually(t, "the stack is ready", func() bool {
		if s.process.ended() {
			t.Fatalf("the stack ended at its start:\n%s", s.process.output())
		}
		return strings.Contains(s.process.stdout.String(), "ready, press Ctrl-C to stop")
	})
	out := s.process.stdout.String()
	if found := kafkaLine.FindStringSubmatch(out); found != nil {
		s.kafka = found[1]
	}
	found := clickhouseLine.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("the stack does not say where ClickHouse listens:\n%s", out)
	}
	s.clickhouse = found[1]
	if !s.listenedOnce && s.kafka != "" { // Once more on the same ports, as clients expect.
		s.listenedOnce = true
		s.listen = append(s.listen, "--kafka-listen", s.kafka, "--http-listen", strings.TrimPrefix(s.clickhouse, "http://"))
	}
}

// pipeline is a namespace on the stack.
func (s *server) pipeline(namespace string) pipeline {
	return pipeline{namespace: namespace, brokers: s.kafka, clickhouse: s.clickhouse, database: s.clickhouse}
}

// pipeline is a namespace and how its commands reach broker and database.
type pipeline struct {
	namespace  string
	brokers    string
	clickhouse string // for the commands: may be a gate
	database   string // for the test itself
	vars       []string
}

func (p pipeline) env() []string {
	return append([]string{"TIDEMARK_NAMESPACE=" + p.namespace, "TIDEMARK_BROKERS=" + p.brokers, "TIDEMARK_CLICKHOUSE=" + p.clickhouse}, p.vars...)
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command to its end.
func (p pipeline) run(t testing.TB, args ...string) result {
	t.Helper()
	return p.feed(t, nil, args...)
}

// feed is run with a standard input.
func (p pipeline) feed(t testing.TB, stdin io.Reader, args ...string) result {
	t.Helper()
	began := time.Now()
	child := launch(t, p.env(), stdin, args...)
	defer child.kill() // When wait gives up.
	code := child.wait(t)
	t.Logf("[%s] %s: exit %d after %s\n%s", p.namespace, child.name, code, time.Since(began).Round(time.Millisecond), child.output())
	return result{code: code, stdout: child.stdout.String(), stderr: child.stderr.String()}
}

// ok runs a command that has to exit with 0 and returns its standard output.
func (p pipeline) ok(t testing.TB, args ...string) string {
	t.Helper()
	r := p.run(t, args...)
	if r.code != 0 {
		t.Fatalf("[%s] tidemark %s: exit code %d", p.namespace, strings.Join(args, " "), r.code)
	}
	return r.stdout
}

// start starts a command that runs until it is ended, at the latest with the test.
func (p pipeline) start(t testing.TB, args ...string) *process {
	t.Helper()
	child := launch(t, p.env(), nil, args...)
	t.Cleanup(func() {
		child.kill()
		if t.Failed() {
			t.Logf("[%s] %s wrote\n%s", p.namespace, child.name, child.output())
		}
	})
	return child
}

// sql sends a statement to ClickHouse's HTTP interface, as curl would, and returns the answer.
func (p pipeline) sql(t testing.TB, statement string) string {
	t.Helper()
	address := p.database + "/?" + url.Values{"database": {p.namespace}, "mutations_sync": {"2"}}.Encode()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %v: %s", statement, response.Status, err, answer)
	}
	return strings.TrimSpace(string(answer))
}

// rows is sql for a statement that answers with rows.
func (p pipeline) rows(t testing.TB, statement string) [][]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(p.sql(t, statement+" FORMAT CSV"))).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return records
}

// row is sql for a statement that answers with one row.
func (p pipeline) row(t testing.TB, statement string) []string {
	t.Helper()
	rows := p.rows(t, statement)
	if len(rows) != 1 {
		t.Fatalf("%s: %d rows, want 1", statement, len(rows))
	}
	return rows[0]
}

// query is the first row that "tidemark query" gives, as CSV.
func (p pipeline) query(t testing.TB, statement string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(p.ok(t, "query", "--format", "csv", statement)), "\n")
	if len(lines) < 2 {
		t.Fatalf("%s: no row", statement)
	}
	return lines[1]
}

// settle drains the log and brings the rollups up to it.
func (p pipeline) settle(t testing.TB, ingest ...string) {
	t.Helper()
	p.ok(t, slices.Concat([]string{"ingest", "--until-caught-up"}, ingest)...)
	p.ok(t, "rollup", "--until-caught-up")
}

// verdictOK is the last line of an audit that found no difference; it names what was lost and what is dead.
var verdictOK = regexp.MustCompile(`(?m)^audit: OK(, [0-9]+ records were lost to retention before they were read)?(, [0-9]+ dead letters?)?\n\z`)

// auditOK runs the audit, which has to find nothing.
func (p pipeline) auditOK(t testing.TB, args ...string) {
	t.Helper()
	r := p.run(t, slices.Concat([]string{"audit", "--settled"}, args)...)
	if r.code != 0 || !verdictOK.MatchString(r.stdout) || strings.Contains(r.stdout, "pending") {
		t.Fatalf("[%s] the audit is not OK: exit code %d", p.namespace, r.code)
	}
}
