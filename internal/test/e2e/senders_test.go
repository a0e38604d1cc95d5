package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/internal/test/env"
	"tidemark/schemas"
)

const sendersPage = "sending-events.md"

// sender is a language in which docs/sending-events.md shows a producer.
type sender struct {
	language string
	files    []string          // What the blocks of the language are saved as, in their order.
	fetched  string            // The folder in .cache.
	manifest string            // Beside testdata/senders.
	commands int               // Which block of shell commands it is.
	links    map[string]string // Where the page's names of tools and folders lie in what is fetched.
	needs    string
}

var senders = []sender{
	{"python", []string{"tidemark.py", "send.py"}, "sender-python", "python/requirements.txt", 0, nil, "python3"},
	{"java", []string{"Tidemark.java", "Send.java"}, "sender-java", "java/pom.xml", 1, map[string]string{"lib": "lib", "bin/protoc": "lib/protoc-*.exe"}, "javac"},
}

// TestSenders runs the producers that the page shows, twice each, with the real clients, and looks at what was counted.
func TestSenders(t *testing.T) {
	for _, s := range senders {
		t.Run(s.language, func(t *testing.T) {
			_, err := exec.LookPath(s.needs)
			env.Require(t, s.needs, err == nil, "install it (Debian: apt-get install python3 default-jdk-headless)")
			folder := env.Fetched(t, s.fetched, "internal/test/e2e/testdata/senders/"+s.manifest)
			p := sharedPipeline(t)
			p.ok(t, "migrate", "--partitions", "3")
			key := []byte("0123456789abcdef")
			s.run(t, p, folder, key)
			p.settle(t)
			p.auditOK(t)
			p.wantSent(t, schemas.NewUserHasher(key).Hash("acme", "alice"))
			s.run(t, p, folder, key) // All of it again, as after a crash.
			p.settle(t)
			p.auditOK(t)
			p.wantSent(t, schemas.NewUserHasher(key).Hash("acme", "alice"))
			for _, row := range p.rows(t, "SELECT DISTINCT tenant, source, id, partition FROM token_calls_raw") {
				if want := fmt.Sprint(schemas.IdentityOf(row[0], row[1], row[2]).Partition(3)); row[3] != want {
					t.Errorf("%q lies in another partition than %s", row, want)
				}
			}
		})
	}
}

// run does what the page says, with the addresses of p.
func (s sender) run(t *testing.T, p pipeline, folder string, key []byte) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range env.Snippets(t, sendersPage, s.language) {
		write(t, filepath.Join(dir, s.files[i]), text)
	}
	write(t, filepath.Join(dir, "user-hash.key"), fmt.Sprintf("%x\n", key))
	link := func(from, to string) {
		t.Helper()
		found, err := filepath.Glob(from)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", from, found, err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(found[0], to); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(env.ModuleRoot(t), "schemas"), filepath.Join(dir, "schemas"))
	for name, from := range s.links {
		link(filepath.Join(folder, from), filepath.Join(dir, name))
	}
	const said = " 127.0.0.1:9092 tidemark acme "
	script := env.Snippets(t, sendersPage, "sh")[s.commands]
	if strings.Count(script, said) != 1 {
		t.Fatalf("the commands of %s do not call the producer with%q:\n%s", s.language, said, script)
	}
	script = strings.Replace(script, said, " "+p.brokers+" "+p.namespace+" acme ", 1)
	script = regexp.MustCompile(`(?m)^python -m pip .*\n`).ReplaceAllString(script, "") // Done by scripts/deps.
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)                       //nolint:gosec // the page's own
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+strings.Join([]string{filepath.Join(dir, "bin"), filepath.Join(folder, "venv", "bin"), os.Getenv("PATH")}, ":"), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", s.language, err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantSent looks at what the page says that its producer sends: in the view, in the rollup, and which numbers are unknown.
func (p pipeline) wantSent(t *testing.T, user uint64) {
	t.Helper()
	want := [][]string{
		{"gateway", "req-1", "chat", fmt.Sprint(user), "DE", "1", "100", "900", "\\N", "50", "1250000"},
		{"bill", "2026-03-01/m-1", "api", "0", "", "15", "1500", "\\N", "\\N", "0", "\\N"},
	}
	got := p.rows(t, "SELECT source, id, product, user, country, calls, input_uncached, input_cache_read, input_cache_write, output_visible, latency_us FROM token_calls ORDER BY time DESC")
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("the view has %q, want %q", got, want)
	}
	if sums := strings.Join(p.row(t, "SELECT sum(calls), sum(input_tokens), sum(output_tokens) FROM token_calls_1h WHERE tenant = 'acme'"), " "); sums != "16 2500 50" {
		t.Errorf("the rollup has %s", sums)
	}
}

var (
	requiredRow  = regexp.MustCompile("(?m)^\\| `tidemark\\.([a-z_]+)\\.v1` \\| `\\w+` \\| (.*) \\|$")
	conditionRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (?:with|where) `(\\w+)`(?: is `(\\w+)`)? \\|$")
	codeName     = regexp.MustCompile("`(\\w+)`")
)

// TestRequiredFields sends events that have what the page says is required and nothing else, which count, and each of them
// without one such field, which becomes a dead letter that names it.
func TestRequiredFields(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "docs", sendersPage))
	if err != nil {
		t.Fatal(err)
	}
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "1")
	rows := requiredRow.FindAllStringSubmatch(string(text), -1)
	conditions := conditionRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) != 5 || len(conditions) != 3 {
		t.Fatalf("the page has %d types and %d conditions", len(rows), len(conditions))
	}
	want := map[string]string{} // By detail and topic, the field.
	for _, row := range rows {
		spec, ok := schemas.SpecByName(row[1])
		if !ok {
			t.Fatalf("no type is %s", row[1])
		}
		least := schemas.NewEvent(spec.Type)
		var required []protoreflect.FieldDescriptor
		for _, m := range codeName.FindAllStringSubmatch(row[2], -1) {
			required = append(required, set(t, least, m[1], ""))
		}
		values := [][]byte{encode(t, least)}
		for _, f := range required {
			without := proto.CloneOf(least)
			without.ProtoReflect().Clear(f)
			values = append(values, encode(t, without))
			want[spec.Topic+": "+string(f.Name())+" is missing"] = string(f.Name())
		}
		for _, c := range conditions {
			if fields := least.ProtoReflect().Descriptor().Fields(); fields.ByName(protoreflect.Name(c[1])) == nil || fields.ByName(protoreflect.Name(c[2])) == nil {
				continue
			}
			with := proto.CloneOf(least)
			set(t, with, c[2], c[3])
			values = append(values, encode(t, with))
			want[spec.Topic+": "+c[1]+" is missing"] = c[1]
		}
		p.produce(t, spec.Topic, 1, values...)
	}
	p.settle(t)
	p.auditOK(t)
	for _, row := range rows {
		if n := p.row(t, "SELECT count() FROM "+row[1])[0]; n != "1" {
			t.Errorf("%s: %s events count, want the one that has what is required", row[1], n)
		}
	}
	p.wantLetters(t, want)
	listed := p.ok(t, "deadletters", "list", "--reason", "invalid")
	if !strings.Contains(listed, `"model is missing"`) {
		t.Errorf("the list does not say what is missing:\n%s", listed)
	}
}

// wantLetters looks at the dead letters: which field each names, by topic and detail.
func (p pipeline) wantLetters(t *testing.T, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, l := range p.letters(t) {
		detail, _, _ := strings.Cut(l.Detail, " is missing")
		got[l.Topic+": "+detail+" is missing"] = l.Field
		if l.Reason != schemas.ReasonInvalid {
			t.Errorf("%+v", l)
		}
	}
	for what, field := range want {
		if got[what] != field {
			t.Errorf("%s: the dead letter names %q", what, got[what])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d kinds of dead letters, want %d: %v", len(got), len(want), got)
	}
}

// set gives a field a value that is not its zero: of an enum the one named, else the first.
func set(t *testing.T, e schemas.Event, name, value string) protoreflect.FieldDescriptor {
	t.Helper()
	f := e.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(name))
	if f == nil {
		t.Fatalf("%T has no %s", e, name)
	}
	var v protoreflect.Value
	switch f.Kind() {
	case protoreflect.StringKind:
		v = protoreflect.ValueOfString("x")
	case protoreflect.Sfixed64Kind:
		v = protoreflect.ValueOfInt64(1_772_359_200_000_000)
	case protoreflect.Uint64Kind:
		v = protoreflect.ValueOfUint64(1)
	case protoreflect.EnumKind:
		n := protoreflect.EnumNumber(1)
		if value != "" {
			n = f.Enum().Values().ByName(protoreflect.Name(value)).Number()
		}
		v = protoreflect.ValueOfEnum(n)
	default:
		t.Fatalf("no value for %s", f.FullName())
	}
	e.ProtoReflect().Set(f, v)
	return f
}

func encode(t *testing.T, e schemas.Event) []byte {
	t.Helper()
	value, err := schemas.AppendEvent(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
