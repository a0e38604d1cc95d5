package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/producers"
	"tidemark/producers/replay"
	"tidemark/producers/scenario"
)

func TestReplayConfiguration(t *testing.T) {
	f := func(args string, want ...string) {
		t.Helper()
		code, _, errOut := command(t, append([]string{"replay"}, strings.Fields(args)...)...)
		if code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", args, code, exitUsage)
		}
		for _, w := range want {
			if !strings.Contains(errOut, w) {
				t.Errorf("%s: no %q in\n%s", args, w, errOut)
			}
		}
	}
	f("azure-llm f --speed 0 --rate=-1 --limit=-1 --from noon --to 2024", "--speed", "--rate: -1", "--limit: -1", `--from: "noon" is not a time`, `--to: "2024"`)
	f("azure-llm f --rate=-1 --limit=-1 --from 2024-05-11 --to 2024-05-10T00:00:00Z", "--rate: -1", "--limit: -1", "--to: 2024-05-10T00:00:00Z is not after --from")
	f("azure-llm f --filter x --type token_calls --from-offset 1", "--filter: only for table", "--type: only for topic:NAME and cloudevents", "--from-offset and --to-offset: only for topic")
	f("csv f", "--mapping: required")
	f("csv f --mapping /no/such", "--mapping: open /no/such")
	f("csv", "files: none given")
	f("xml f", `"xml" is not one of azure-llm`)
	f("topic:token_calls f --start 2024-05-10 --mapping m --product p", "reads no files", "--start: only for files", "--mapping: only for files", "--product: only for files")
	f("topic:elsewhere", `topic "elsewhere": its name does not tell the type of its events; pass --type`)
	f("topic:elsewhere --type calls", `--type: "calls" is not an event type`)
	f("cloudevents f --type calls", `--type: "calls" is not a type of event such as token_calls`)
	f("topic:lab.runs.v1", "reports about runs are no usage")
	f("topic:token_calls --from-offset 7 --to-offset 7", "7 is not before 7")
	f("table:token_calls_raw", "name a view of events")
	f("table:Lab.token_calls", `table "Lab.token_calls": namespace`)
	f("queue:x", `"queue:x" is not sample:NAME, topic:NAME`)
	f("sample:azure f --mapping m", `sample "azure" is not one of azure-llm, agentic`, "reads no files")
	f("sample:azure-llm --mapping m", "--mapping: not for a sample")
	f("sample:azure-llm --start 2024-05-10", "--start: not for azure-llm")
	f("scenario:x", "scenario")
	f("codex f", "--tenant: required, since nothing in files of codex names one")
	f("claude-code f --tenant t --start 2024-05-10 --mapping /no/such --type token_calls", "--mapping: open /no/such", "--type: only for topic:NAME and cloudevents")
	f("claude-code f --tenant t --start 2024-05-10", "--start: not for claude-code")
}

// TestReplayNames checks which topic or table of which namespace a name means.
func TestReplayNames(t *testing.T) {
	for args, want := range map[string]string{
		"topic:token_calls":                      "tidemark.token_calls.v1 token_calls",
		"topic:token_calls.v1":                   "tidemark.token_calls.v1 token_calls",
		"topic:queries --namespace lab":          "lab.queries.v1 queries",
		"topic:lab.signups.v1":                   "lab.signups.v1 signups",
		"topic:mirror --type model_events":       "mirror model_events",
		"topic:lab.signups.v1 --type queries":    "lab.signups.v1 queries",
		"table:token_calls --namespace lab":      "lab token_calls",
		"table:a.reference_points --namespace b": "a reference_points",
	} {
		command := parsed(t, strings.Fields("replay "+args))
		options, err := command.options()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := command.opener(&options); err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		got := ""
		switch {
		case options.Topic != nil:
			got = options.Topic.Name + " " + options.Topic.Type.String()
		case options.Table != nil:
			got = options.Table.Namespace + " " + options.Table.Type.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

// parsed returns the replay that a command line asks for, with its namespace.
func parsed(t *testing.T, args []string) *replayCmd {
	t.Helper()
	var commands root
	parser, err := kong.New(&commands, twins(), kong.Vars{"version": "x"})
	if err != nil {
		t.Fatal(err)
	}
	line, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	commands.Replay.chooseNamespace(line)
	return &commands.Replay
}

// TestReplayNamespace checks that scenarios go to a namespace of their own unless another is named, the usual one too.
func TestReplayNamespace(t *testing.T) {
	f := func(args, want string) {
		t.Helper()
		if got := parsed(t, strings.Fields("replay "+args)).Namespace; got != want {
			t.Errorf("%s: namespace %s, want %s", args, got, want)
		}
	}
	f("scenario:x", "tidemark_scenarios")
	f("scenario:x --namespace tidemark", "tidemark")
	f("--namespace lab scenario:x", "lab")
	f("azure-llm f", "tidemark")
	f("topic:token_calls", "tidemark")
	t.Setenv("TIDEMARK_NAMESPACE", "tidemark")
	f("scenario:x", "tidemark")
}

// TestReplayDryRun needs neither brokers nor a database.
func TestReplayDryRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(file, []byte("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,1000,2\n2024-05-10 00:01:00,3,4\nx,1,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := command(t, "replay", "azure-llm", file, "--dry-run", "--speed", "10", "--clickhouse", "http://127.0.0.1:1", "--brokers", "127.0.0.1:1")
	flat := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"dry run of azure-llm: nothing is sent", "3 rows, events from 2024-05-10T00:00:00Z to 2024-05-10T00:01:00Z", "token_calls 2 2 0 0 0 1,003 6",
		"unknown 2 1,003 0 0 6 0", "at this speed the replay takes 6s", "ClickHouse at http://127.0.0.1:1 does not answer",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitFound || !strings.Contains(errOut, file+":4:1: TIMESTAMP") {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
	if code, _, errOut := command(t, "replay", "azure-llm", file, "--dry-run", "--limit", "2", "--clickhouse", "http://127.0.0.1:1"); code != exitOK {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
}

// TestReplayDryRunOfFolder shows what a folder of logs gives, and why lines of it are no calls.
func TestReplayDryRunOfFolder(t *testing.T) {
	code, out, errOut := command(t, "replay", "claude-code", "../../producers/replay/testdata/logs/claude-code", "--tenant", "acme", "--dry-run", "--clickhouse", "http://127.0.0.1:1")
	flat := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{
		"dry run of claude-code: nothing is sent 13 rows, events from 2026-03-01T10:00:01Z to 2026-03-01T11:00:00Z",
		"2 rows became no event: a line of a session that is no answer of a model", "1 row became no event: a message that the agent made up without a model",
		"2 rows were left out, because a newer row of their id counts", "3 rows were left out, because another row of their id is the same",
		"token_calls 4 4 0 0 0 3,929 259",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d\n%s", code, errOut)
	}
}

// TestReplayDryRunCountsEvents expects what repeats an event, or is none, not to be called new.
func TestReplayDryRunCountsEvents(t *testing.T) {
	const limit = 2000
	one, err := scenario.Load("diurnal")
	if err != nil {
		t.Fatal(err)
	}
	source, err := scenario.Open(one, "")
	if err != nil {
		t.Fatal(err)
	}
	var b producers.Batch
	var truth producers.Truth
	if err := source.Next(&b, limit); err != nil {
		t.Fatal(err)
	}
	truth.Add(b.Items)
	events := truth.Total().Events
	if events == limit {
		t.Fatal("nothing is repeated: the test shows nothing")
	}
	code, out, errOut := command(t, "replay", "scenario:diurnal", "--dry-run", "--limit", strconv.Itoa(limit), "--clickhouse", stacktest.Start(t).HTTPURL(), "--namespace", "nothing_is_there")
	if want := fmt.Sprintf("nothing_is_there has already stored 0 of %s events; %[1]s would be new\n", number(events)); code != exitOK || !strings.Contains(out, want) {
		t.Errorf("exit code %d, no %q in\n%s%s", code, want, out, errOut)
	}
}

// TestReplayedPartition reads a partition of which the beginning goes away: that is told, and no offset is passed over.
func TestReplayedPartition(t *testing.T) {
	log := &ingesttest.Log{MaxRecords: 2}
	for i := range 6 {
		log.Append(ingest.Record{Value: []byte{byte(i)}, Control: i == 4})
	}
	p := &topicPartition{source: log.Source()}
	f := func(from, next int64, removed bool, offsets ...int64) {
		t.Helper()
		records, to, err := p.Fetch(t.Context(), from)
		var got []int64
		for _, r := range records {
			got = append(got, r.Offset)
		}
		if to != next || !slices.Equal(got, offsets) || errors.Is(err, replay.ErrRemoved) != removed || err != nil && !removed {
			t.Errorf("from %d: got %v up to %d, %v", from, got, to, err)
		}
	}
	f(0, 2, false, 0, 1)
	log.DeleteBefore(3)
	f(2, 3, true)
	f(3, 5, false, 3)
	f(5, 6, false, 5)
	f(6, 6, false)
}

// TestReplayTells replays, dry, files of which not all is usage, or not all is found, and looks at what is told and at the
// exit code.
func TestReplayTells(t *testing.T) {
	f := func(mapping, data string, wantCode int, want ...string) {
		t.Helper()
		dir := t.TempDir()
		files := map[string]string{"m.yaml": "source: s\ntime: at\nid: [id]\n" + mapping, "f.jsonl": data}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		code, out, errOut := command(t, "replay", "jsonl", filepath.Join(dir, "f.jsonl"), "--mapping", filepath.Join(dir, "m.yaml"), "--dry-run", "--clickhouse", "http://127.0.0.1:1")
		if code != wantCode {
			t.Errorf("exit code %d, want %d\n%s%s", code, wantCode, out, errOut)
		}
		for _, w := range want {
			if !strings.Contains(out+errOut, w) {
				t.Errorf("no %q in\n%s%s", w, out, errOut)
			}
		}
	}
	fields := "fields: {tenant: {constant: t}, product: {constant: p}, model: {constant: m}, input_uncached: in"
	row := `{"id":"1","at":"2026-03-01T10:00:00Z","in":5,"n":7,"kind":"x"}` + "\n"
	f(fields+"}\n", row, 0, "the first 1 event:", "input_uncached  in", "2026-03-01T10:00:00Z")
	f(fields+", output_visible: out}\n", row, 1, "out, mapped to output_visible, is in none of the 1 row (there are at, id, in, kind, n)", "optional: true")
	f(fields+", output_visible: {column: out, optional: true}, provider: by}\n", row, 0, "by, mapped to provider, is in none of the 1 row")
	cost := ", reported_cost_nanos: {column: usd, unit: one}, cost_currency: {constant: USD}"
	f(fields+cost+"}\n", strings.Replace(row, `"n"`, `"usd":"-0.0000000005","n"`, 1)+strings.Replace(row, `"id":"1"`, `"id":"2","usd":1.25`, 1), 0, "reported cost: 1.2499999995 USD")
	f(fields+cost+"}\n", strings.Replace(row, `"n"`, `"usd":"$1","n"`, 1), 1, "1 row counts without reported_cost_nanos", `numbers: {marks: ["$"]}`)
	f("revision: n\n"+fields+"}\n", row+strings.Replace(row, `"in":5`, `"in":6`, 1), 1, "1 record contradicts an earlier record of the same event")
	f(strings.Replace(fields, "input_uncached: in", "input_uncached: {column: inn, default: \"0\"}", 1)+"}\n", row, 1, "inn, mapped to input_uncached, is in none of the 1 row", "it is 0 in all of them")
	f("where: {knd: {not: x}}\n"+fields+"}\n", row, 0, "knd, mapped to where, is in none of the 1 row")
	f("where: {kind: y}\n"+fields+"}\n", row, 1, "none of the 1 row matches")
	f("where: {kind: x}\n"+fields+"}\n", row+strings.Replace(row, `"x"`, `"y"`, 1), 0, "1 row does not match the mapping's where")
	f("each: calls\n"+fields+"}\n", row, 1, "in 1 record the array")
	f(fields+", weight: n}\n", row, 0, "1 row has a weight above 1", "map requests instead")
	f(fields+", country: kind}\n", row, 0, `1 row counts without country: it is not 2 upper-case letters, for example "x"`)
}
