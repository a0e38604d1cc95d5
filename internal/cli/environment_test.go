package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestTwins: a variable is of one flag with one meaning, in all commands that have it. A flag that means something else in another
// command belongs to ownTwins.
func TestTwins(t *testing.T) {
	parser, err := newParser(Streams{})
	if err != nil {
		t.Fatal(err)
	}
	alike := []string{ // In other words, the same.
		"compression", "conflicts", "duplicates", "late", "namespace", "out-of-order", "poison", "seed", "tenants", "until-caught-up", "user-hash-key-file", "users",
		"data-dir", "kafka-listen", // Of a stack, whose folder and ports are others in a demonstration.
	}
	meanings, variable := map[string]string{}, map[string]string{}
	found := map[string]string{}
	for _, node := range parser.Model.Leaves(false) {
		for _, flag := range node.Flags {
			if slices.Contains(withoutTwin, flag.Name) {
				if len(flag.Envs) > 0 {
					t.Errorf("%s --%s can be set by %s", node.Path(), flag.Name, flag.Envs)
				}
				continue
			}
			if len(flag.Envs) != 1 || !strings.HasSuffix(flag.Envs[0], "_"+strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))) {
				t.Errorf("%s --%s has the variables %q", node.Path(), flag.Name, flag.Envs)
				continue
			}
			name := flag.Envs[0]
			if of, taken := variable[name]; taken && of != flag.Name {
				t.Errorf("%s is of --%s and of --%s", name, of, flag.Name)
			}
			variable[name] = flag.Name
			if meaning, known := meanings[name]; known && meaning != flag.Help && !slices.Contains(alike, flag.Name) {
				t.Errorf("%s means two things:\n%s\n%s", name, meaning, flag.Help)
			}
			meanings[name] = flag.Help
			found[node.Path()+" --"+flag.Name] = name
		}
	}
	for flag, want := range map[string]string{
		"load run --rate": "TIDEMARK_LOAD_RATE", "generate --rate": "TIDEMARK_GENERATE_RATE", "cost report --from": "TIDEMARK_COST_REPORT_FROM",
		"ingest --window": "TIDEMARK_WINDOW", "query --clickhouse-user": "TIDEMARK_CLICKHOUSE_USER", "audit --output": "TIDEMARK_OUTPUT",
	} {
		if found[flag] != want {
			t.Errorf("%s has the variable %q, want %s", flag, found[flag], want)
		}
	}
}

// TestOneCommandsVariable: a variable for one command does not reach another, and none drops a namespace.
func TestOneCommandsVariable(t *testing.T) {
	t.Setenv("TIDEMARK_RATE", "7")
	t.Setenv("TIDEMARK_GENERATE_RATE", "8")
	t.Setenv("TIDEMARK_YES", "true")
	var commands root
	parser, err := kong.New(&commands, twins())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"generate --events 1", "replay azure-llm f", "namespaces drop lab"} {
		if _, err := parser.Parse(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(line, "generate") && commands.Generate.Rate != 8, strings.HasPrefix(line, "replay") && commands.Replay.Rate != 0, commands.Namespaces.Drop.Yes:
			t.Errorf("%s: the rates are %g and %g, and --yes is %t", line, commands.Generate.Rate, commands.Replay.Rate, commands.Namespaces.Drop.Yes)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	f := func(variable, want string) {
		t.Helper()
		got, err := unknownVariables([]string{"HOME=/", variable + "=x", "TIDEMARK_NAMESPACE=lab", "TIDEMARK_KAFKA_PASSWORD=p"})
		if err != nil || strings.Join(got, "\n") != want {
			t.Errorf("%s: %q, %v, want %q", variable, got, err, want)
		}
	}
	const has = " is unknown and has no effect"
	f("TIDEMARK_BROKERS", "")
	f("TIDEMARK_CLICKHOUSE_SERVICE_HOST", "")
	f("TIDEMARK_PORT_9108_TCP_ADDR", "")
	f("TIDEMARK_BROKER", "the environment variable TIDEMARK_BROKER"+has+"; did you mean TIDEMARK_BROKERS?")
	f("TIDEMARK_CLICKHOSUE", "the environment variable TIDEMARK_CLICKHOSUE"+has+"; did you mean TIDEMARK_CLICKHOUSE?")
	f("TIDEMARK_RATE", "the environment variable TIDEMARK_RATE"+has+"; did you mean TIDEMARK_DEMO_RATE or TIDEMARK_GENERATE_RATE or TIDEMARK_LOAD_RATE or TIDEMARK_MAX_RATE or TIDEMARK_MIN_RATE or TIDEMARK_REPLAY_RATE?")
	f("TIDEMARK_YES", "the environment variable TIDEMARK_YES"+has)
	f("TIDEMARK_WHATEVER_THIS_IS", "the environment variable TIDEMARK_WHATEVER_THIS_IS"+has)
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 2}, {"kitten", "sitting", 3}, {"rate", "rates", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
