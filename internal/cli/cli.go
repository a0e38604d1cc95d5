// Package cli holds the commands of the program. A command reads flags and environment, validates them as a whole, opens the
// connections, hands them to a process of package app or to a core package, and prints the results. Only this package turns
// errors into messages and exit codes.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Streams are what a command reads and writes; tests pass their own.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// root is the command line. Every flag has an environment variable, see nameTwins. If both are set, the flag wins.
type root struct {
	ShowVersion versionFlag `name:"version" help:"Print the version and exit."`

	Demo        demoCmd        `cmd:"" help:"Run the whole pipeline in one process on the embedded stack, with a live view and an audit at the end."`
	Stack       stackCmd       `cmd:"" help:"Run the embedded stack on loopback: a Kafka-protocol broker and the ClickHouse engine."`
	Migrate     migrateCmd     `cmd:"" help:"Create or upgrade the database and the topics of a namespace."`
	Generate    generateCmd    `cmd:"" help:"Produce a seeded synthetic workload and print exactly what it contains."`
	Load        loadCommands   `cmd:"" help:"Offer a running pipeline events at a rate, time every one of them until readers see it, and give a verdict."`
	Replay      replayCmd      `cmd:"" help:"Send recorded usage (files, a topic, a table, a scenario) to the log again, at any speed, without counting it twice."`
	Collect     collectCmd     `cmd:"" help:"Receive usage events over HTTP and gRPC: OTLP, CloudEvents and JSON lines."`
	Scenarios   scenariosCmd   `cmd:"" help:"List, show and check the usage histories that can be replayed."`
	Ingest      ingestCmd      `cmd:"" help:"Move events from Kafka to ClickHouse and count each exactly once."`
	Rollup      rollupCmd      `cmd:"" help:"Recompute the rollups whose buckets changed and publish them."`
	Audit       auditCmd       `cmd:"" help:"Check that log, ledger, raw rows and rollups agree; exit 1 on any difference."`
	Namespaces  namespacesCmd  `cmd:"" help:"List namespaces, compare two of them, or remove one."`
	DeadLetters deadLettersCmd `cmd:"" name:"deadletters" help:"List and show the records that could not be counted."`
	Dashboards  dashboardsCmd  `cmd:"" help:"Generate, check and show the Grafana dashboards."`
	Models      modelsCmd      `cmd:"" help:"Import, list and export the catalog of models: weights, license, organization, country, release date."`
	Prices      pricesCmd      `cmd:"" help:"Import, list and export prices of models, and explain what a call cost."`
	Cost        costCmd        `cmd:"" help:"Show what calls cost, export it, and compare it with what providers say."`
	Reprice     repriceCmd     `cmd:"" help:"Price calls of the past by another book of prices, or close a month."`
	Query       queryCmd       `cmd:"" help:"Run one read-only SQL statement in the namespace's database."`
	Health      healthCmd      `cmd:"" help:"Ask a running Tidemark process for its health; exit 0 when it answers 200."`
	Completion  completionCmd  `cmd:"" help:"Print the completion script of a shell."`
	Version     versionCmd     `cmd:"" help:"Print the version, the commit, and the versions of Go and of the embedded ClickHouse engine."`
}

const description = `Tidemark moves AI usage events from Kafka to ClickHouse, counts each exactly once, and checks that it did.

A flag has an environment variable: --clickhouse-user is TIDEMARK_CLICKHOUSE_USER. If both are set, the flag wins. Flags that
mean something else in each command have the command in it, such as TIDEMARK_LOAD_RATE; what removes or overwrites has none.
Passwords come from the environment or from a file, never from a flag.`

// Example implements exampler.
func (root) Example() string { return "tidemark demo --duration 30s --exit" }

// Main runs the program and returns its exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	warnings, err := unknownVariables(os.Environ())
	if err != nil {
		warnings = append(warnings, err.Error()) // A fault of the command line itself, which run reports too.
	}
	for _, warning := range warnings {
		fmt.Fprintf(errOut, "tidemark: warning: %s\n", warning)
	}
	return run(ctx, args, Streams{In: in, Out: out, Err: errOut})
}

// run is Main without the process; tests call it.
func run(ctx context.Context, args []string, streams Streams) int {
	code := -1
	parser, err := newParser(streams, kong.Exit(func(c int) { code = c }), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(streams))
	if err != nil {
		fmt.Fprintf(streams.Err, "tidemark: %v\n", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(negativeValues(args))
	if code >= 0 { // --help was printed
		return code
	}
	if err != nil {
		fmt.Fprintf(streams.Err, "tidemark: %v\nRun 'tidemark --help' for the commands and 'tidemark COMMAND --help' for the flags of one.\n", err)
		if args[0] == "load" {
			return exitInvalid
		}
		return exitUsage
	}
	return exitCode(ctx, parsed.Run(), streams.Err)
}

// negativeNumber is what looks like a flag to the parser.
var negativeNumber = regexp.MustCompile(`^-\.?[0-9]`)

// negativeValues joins a flag and a negative number behind it, so that the number's range is what the user hears of.
func negativeValues(args []string) []string {
	var joined []string
	for i, arg := range args {
		if arg == "--" {
			return append(joined, args[i:]...)
		}
		if last := len(joined) - 1; last >= 0 && strings.HasPrefix(joined[last], "--") && !strings.Contains(joined[last], "=") && negativeNumber.MatchString(arg) {
			joined[last] += "=" + arg
			continue
		}
		joined = append(joined, arg)
	}
	return joined
}

// newParser returns a parser of the whole command line.
func newParser(streams Streams, more ...kong.Option) (*kong.Kong, error) {
	options := []kong.Option{
		kong.Name("tidemark"),
		kong.Description(description),
		twins(),
		ownFlagsFirst(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, Summary: true, WrapUpperBound: 100}),
		kong.Help(printHelp),
		kong.ValueFormatter(describe),
		kong.Writers(streams.Out, streams.Err),
	}
	return kong.New(&root{}, append(options, more...)...)
}
