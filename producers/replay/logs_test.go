package replay

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	usagev1 "tidemark/schemas/usage/v1"
)

// logFormats are the formats of which testdata/logs has files, each in a folder of its name.
var logFormats = []string{"claude-code", "codex", "gemini-cli", "qwen-code", "otlp", "litellm", "openai-jsonl", "anthropic-jsonl"}

// logFiles returns the files of a format.
func logFiles(t testing.TB, format string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join("testdata/logs", format), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func logOptions(format string, files ...string) Options {
	return Options{Format: format, Files: files, Tenant: "acme", Users: testUsers, Run: "test"}
}

// state says what a call counts, and what tells it from others.
func state(c *usagev1.TokenCall) string {
	return fmt.Sprintf("%s %s:%s revision %d", figuresOf(c), c.Source, c.Id, c.Revision)
}

func states(calls []*usagev1.TokenCall) []string {
	var all []string
	for _, c := range calls {
		all = append(all, state(c))
	}
	slices.Sort(all)
	return all
}

// TestLogs reads logs of every format.
func TestLogs(t *testing.T) {
	const other, container = "a line of a session that is no answer of a model", "an object without calls"
	for _, test := range []struct {
		format   string
		want     []string
		noCalls  map[string]int64
		problems []string
		joined   int64
	}{
		{
			"claude-code", []string{
				"2026-03-01T10:00:01.1Z claude-opus-4-5: 1 call, input 1110 (cache read 1000, cache write 100), output 159 gen_ai.response:req_1 revision 156",
				"2026-03-01T10:00:06Z claude-opus-4-5: 1 call, input 1112 (cache read 1100, cache write 0), output 20 (reasoning 5) gen_ai.response:req_2 revision 0",
				"2026-03-01T10:00:08Z claude-haiku-4-5: 1 call, input 500, output 50 gen_ai.response:msg_4 revision 0",
				"2026-03-01T11:00:00Z claude-opus-4-5: 1 call, input 1207 (cache read 1200, cache write 0), output 30 gen_ai.response:req_3 revision 0",
			}, map[string]int64{other: 2, "a message that the agent made up without a model": 1, "an answer without usage": 1}, nil, 0,
		},
		{
			"codex", []string{
				"2026-03-01T12:00:05Z gpt-5.2-codex: 1 call, input 1000 (cache read 640), output 300 (reasoning 200) gen_ai.reporter:codex/019c-a/1000-640-300-200 revision 0",
				"2026-03-01T12:00:09Z gpt-5.2-codex: 1 call, input 1400 (cache read 1000), output 50 (reasoning 0) gen_ai.reporter:codex/019c-a/2400-1640-350-200 revision 0",
				"2026-03-01T13:00:40Z gpt-5.2: 1 call, input 1500 (cache read 1000), output 10 (reasoning 0) gen_ai.reporter:codex/019c-a/2500-1640-310-200 revision 0",
			}, map[string]int64{other: 7, "an answer without usage": 1, "an estimate of the context, for which no model was called": 1}, nil, 0,
		},
		{
			"gemini-cli", []string{
				"2026-03-01T14:00:02Z gemini-3-pro: 1 call, input 1050 (cache read 640), output 300 (reasoning 200) gen_ai.reporter:gemini_cli/9c1d/m2 revision 0",
				"2026-03-02T14:00:02Z gemini-3-flash: 1 call, input 900 (cache read 0), output 90 (reasoning 30) gen_ai.reporter:gemini_cli/7d6f0a52-7f0e-4f39-8f0e-000000000001 revision 80",
			}, map[string]int64{other: 3, "an answer without usage": 1}, nil, 0,
		},
		{
			"qwen-code", []string{
				"2026-03-01T15:00:02Z qwen3-coder-plus: 1 call, input 1000 (cache read 640), output 300 (reasoning 200) gen_ai.reporter:qwen-code/0b6f0a52-7f0e-4f39-8f0e-000000000002 revision 0",
				"2026-03-01T16:00:00Z qwen3-coder-plus: 1 call, input 100 (cache read 0), output 30 (reasoning 20) gen_ai.reporter:qwen-code/22bb/m1 revision 0",
			}, map[string]int64{other: 1}, nil, 0,
		},
		{
			"otlp", []string{
				"2026-03-01T08:00:00Z gpt-5.2: 1 call, input 1000, output 300, latency 1.5s gen_ai.response:chatcmpl-cap0001 revision 0",
				"2026-03-01T08:01:00Z claude-opus-4-5: 1 call, input 1000 (cache read 640), output 300 gen_ai.response:req_7 revision 0",
			}, map[string]int64{"not a model call": 1, "metrics: they repeat what spans and records say": 1, container: 1}, nil, 0,
		},
		{
			"litellm", []string{
				"2026-03-01T08:02:00.5Z gpt-5.2: 1 call, input 1000 (cache read 640), output 300 (reasoning 200), cost 0.0049 USD, latency 1s gen_ai.response:chatcmpl-2 revision 0",
				"2026-03-01T08:04:00.25Z gpt-5.2: 1 call, input 100, output 20, cost 0.002 USD, latency 1s gen_ai.response:chatcmpl-4 revision 0",
			}, map[string]int64{"answered from the gateway's cache": 1}, nil, 0,
		},
		{
			"openai-jsonl", []string{
				"2026-03-01T08:05:00Z gpt-5.2-2025-12-11: 1 call, input 1000 (cache read 640), output 300 (reasoning 200) gen_ai.response:chatcmpl-5 revision 0",
				"2026-03-01T08:06:00Z gpt-5.2: 1 call, input 75 (cache read 0), output 1186 (reasoning 1024) gen_ai.response:resp_6 revision 0",
				"2026-03-01T08:07:00Z gpt-5.2: 1 call, input 10, output 5 gen_ai.response:chatcmpl-7 revision 0",
			}, map[string]int64{"no usage is in it": 1}, []string{"5: created is missing"}, 0,
		},
		{
			"anthropic-jsonl", []string{
				"2026-03-01T17:00:00Z claude-opus-4-5: 1 call, input 1128 (cache read 640, cache write 128), output 300 (reasoning 200) gen_ai.response:msg_8 revision 0",
				"2026-03-01T18:01:00Z claude-haiku-4-5: 1 call, input 5, output 2 gen_ai.response:msg_9 revision 0",
			}, map[string]int64{"no usage is in it": 1},
			[]string{`3: timestamp is missing, and a message of Anthropic has no time: wrap it as {"response": {...}, "timestamp": "2026-11-28T10:00:00Z"}`}, 0,
		},
	} {
		log, result := replayed(t, logOptions(test.format, logFiles(t, test.format)...))
		if got := states(log.calls); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", test.format, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
		if !maps.Equal(result.NoCalls, test.noCalls) {
			t.Errorf("%s: %v, want %v", test.format, result.NoCalls, test.noCalls)
		}
		var problems []string
		for _, p := range result.Problems {
			problems = append(problems, fmt.Sprintf("%d: %s", p.Line, p.Text))
		}
		if !slices.Equal(problems, test.problems) {
			t.Errorf("%s: %q", test.format, problems)
		}
		all := result.Sent + result.Replaced + result.Repeated + result.Skipped + result.Joined
		for _, n := range result.NoCalls {
			all += n
		}
		if all != result.Rows {
			t.Errorf("%s: %d rows, and %d became something: %+v", test.format, result.Rows, all, result.Reading)
		}
	}
}

// TestLogsInAnyOrder shuffles the files, gives some twice and some packed: the events are the same, and in the order of time.
func TestLogsInAnyOrder(t *testing.T) {
	for _, format := range logFormats {
		files := logFiles(t, format)
		log, _ := replayed(t, logOptions(format, files...))
		want := states(log.calls)
		var copies []string
		for i, name := range files {
			copies = append(copies, write(t, fmt.Sprintf("%d-%s.gz", len(files)-i, filepath.Base(name)), zipped(t, read(t, name))))
		}
		slices.Reverse(files)
		for _, some := range [][]string{files, copies, append(slices.Clone(copies), files...)} {
			o := logOptions(format, some...)
			o.Speed = 1e9
			log, _ := replayed(t, o)
			if got := states(log.calls); !slices.Equal(got, want) {
				t.Errorf("%s of %v:\n%s\nwant\n%s", format, some, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if !slices.IsSortedFunc(log.calls, byTime) {
				t.Errorf("%s: the events are not in order", format)
			}
		}
	}
}

// TestLogsThatGrow reads each log line by line as it grows: what an earlier replay sent is in a later one, with a higher revision
// wherever it says something else.
func TestLogsThatGrow(t *testing.T) {
	for _, format := range logFormats {
		var texts []string
		files := logFiles(t, format)
		slices.SortStableFunc(files, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") }) // Those of subagents last.
		for _, name := range files {
			texts = append(texts, string(read(t, name)))
		}
		before := map[string]*usagev1.TokenCall{}
		name := filepath.Join(t.TempDir(), "log.jsonl")
		var grown strings.Builder
		for line := range strings.Lines(strings.Join(texts, "")) {
			grown.WriteString(line)
			if err := os.WriteFile(name, []byte(grown.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			log, _ := replayed(t, logOptions(format, name))
			now := map[string]*usagev1.TokenCall{}
			for _, c := range log.calls {
				now[c.Source+":"+c.Id] = c
			}
			for id, was := range before {
				is := now[id]
				switch {
				case is == nil:
					t.Fatalf("%s: %s is gone with the line %s", format, id, line)
				case is.GetTimeUs() != was.GetTimeUs(), is.Revision < was.Revision, is.Revision == was.Revision && figuresOf(is) != figuresOf(was):
					t.Fatalf("%s: %s was %s and is %s", format, id, state(was), state(is))
				}
			}
			before = now
		}
	}
}

// TestLogsOfFolder reads the folder of each agent: it finds the files that its patterns name, and says so if there are none.
func TestLogsOfFolder(t *testing.T) {
	for _, format := range logFormats[:4] {
		log, _ := replayed(t, logOptions(format, logFiles(t, format)...))
		folder, result := replayed(t, logOptions(format, filepath.Join("testdata/logs", format)))
		if !slices.Equal(states(log.calls), states(folder.calls)) {
			t.Errorf("%s: %v", format, states(folder.calls))
		}
		if len(folder.runs) != 1 || folder.runs[0].Detail != format {
			t.Errorf("%s: the report of the run names files: %v, %+v", format, folder.runs, result)
		}
		empty := t.TempDir()
		if _, err := run(t, logOptions(format, empty)); err == nil || !strings.Contains(err.Error(), empty+" has no file ") {
			t.Errorf("%s: %v", format, err)
		}
	}
	if _, err := run(t, logOptions("otlp", t.TempDir())); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("got %v", err)
	}
	if err := (Options{Format: "codex", Files: []string{"f"}}).Validate(); err == nil || err.Error() != "tenant: required, since nothing in files of codex names one" {
		t.Errorf("got %v", err)
	}
}

// TestUnreadableLogs loses nothing but what cannot be read: a file of a folder, and lines.
func TestUnreadableLogs(t *testing.T) {
	folder := t.TempDir()
	good := string(read(t, "testdata/logs/claude-code/-home-ada-shop/session-2.jsonl"))
	for name, text := range map[string]string{
		"a.jsonl": "PK\x03\x04 SECRET", "b.jsonl": "{\"type\":\"assistant\",\"SECRET\n" + good + good[:300], "c.jsonl": "",
		"d.jsonl": strings.NewReplacer(`"input_tokens":7`, `"input_tokens":-7`, "msg_1", "msg_1x", "10:00:06.000Z", "SECRET").Replace(good), "e.txt": "SECRET",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, result := replayed(t, logOptions("claude-code", folder))
	if len(log.calls) != 4 || result.Skipped != 5 {
		t.Errorf("%v\n%+v", states(log.calls), result)
	}
	var problems []string
	for _, p := range result.Problems {
		problems = append(problems, strings.TrimPrefix(p.String(), folder+"/"))
	}
	want := []string{
		"a.jsonl: the file is a ZIP archive or a workbook (XLSX, ODS): unpack it (unzip -p FILE | tidemark replay ... -), or save the workbook as CSV",
		"b.jsonl:1:27: unexpected end of JSON input",
		"b.jsonl:5:1: " + unended,
		"d.jsonl:2:68: timestamp is no time",
		"d.jsonl:3:224: message.usage.input_tokens is not a whole number from 0 to 1e12",
	}
	if !slices.Equal(problems, want) {
		t.Errorf("got\n%s", strings.Join(problems, "\n"))
	}
}

// TestLogsKeepSecrets looks for prompts, answers, folders and addresses, all of which are the same word in testdata.
func TestLogsKeepSecrets(t *testing.T) {
	for _, format := range logFormats {
		log, result := replayed(t, logOptions(format, logFiles(t, format)...))
		for _, e := range append(log.all, nil) {
			if text := fmt.Sprint(e); strings.Contains(text, "SECRET") {
				t.Errorf("%s: %s", format, text)
			}
		}
		if text := fmt.Sprintf("%+v", result.Reading); strings.Contains(text, "SECRET") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// TestLargeChat reads a chat that does not fit into memory as it reads one that does.
func TestLargeChat(t *testing.T) {
	chat := func(content string) string {
		var b strings.Builder
		b.WriteString(`{"sessionId":"9c1d","startTime":"2026-03-01T14:00:00.000Z","messages":[`)
		for i := range 200 {
			fmt.Fprintf(&b, `{"id":"m%d","timestamp":"2026-03-01T14:00:00.%03dZ","type":"gemini","content":%q,"model":"gemini-3-pro","tokens":{"input":%d,"output":1,"total":%d}},`, i, i, content, i, i+1)
		}
		b.WriteString(`{"id":"u","type":"user"}],"lastUpdated":"2026-03-01T15:00:00.000Z"}`)
		return b.String()
	}
	read := func(text string) []string {
		t.Helper()
		file := filepath.Join(t.TempDir(), "session-1.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if kind, err := Recognize(file); kind != "gemini-cli" || err != nil {
			t.Errorf("recognized as %q: %v", kind, err)
		}
		log, result := replayed(t, logOptions("gemini-cli", file))
		if result.Skipped > 0 {
			t.Error(result.Problems)
		}
		return states(log.calls)
	}
	want := read(chat("x"))
	got := read(chat(strings.Repeat("x", 100<<10)))
	if !slices.Equal(got, want) || len(want) != 200 {
		t.Errorf("%d calls, want %d: %.300q", len(got), len(want), got)
	}
}
