// Package cli holds the commands of the program: it reads flags and environment, validates them whole, opens the
// adapters, wires them to the core packages, and turns errors into messages and an exit code. It is the only
// place that decides to exit, and the only one that starts long-lived goroutines.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes, the same for every command.
const (
	exitOK      = 0
	exitFailure = 1 // the command ran and its answer is no: a difference, skipped rows, an error
	exitUsage   = 2 // the command line or the configuration is wrong
)

// errFound ends a command whose output already said what is wrong.
var errFound = errors.New("differences found")

// Streams are what a command reads and writes; tests pass their own.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// root is the command line. Every flag has an environment twin: TIDEMARK_ and the flag's name in upper case with
// underscores, and the flag wins.
type root struct {
	Demo        demoCmd        `cmd:"" help:"Run the whole pipeline in one process on the embedded stack, with a live view and a proof at the end."`
	Stack       stackCmd       `cmd:"" help:"Run the embedded stack: a Kafka-protocol broker and the ClickHouse engine, on loopback."`
	Migrate     migrateCmd     `cmd:"" help:"Create or upgrade the database and the topics of a namespace."`
	Generate    generateCmd    `cmd:"" help:"Produce a seeded synthetic workload and print the exact truth of it."`
	Replay      replayCmd      `cmd:"" help:"Put recorded usage (files, a topic, a table, a scenario) back onto the log, at any pace, without counting twice."`
	Scenarios   scenariosCmd   `cmd:"" help:"List, show and check usage histories that can be replayed and measured."`
	Ingest      ingestCmd      `cmd:"" help:"Move events from Kafka to ClickHouse, each counted exactly once."`
	Rollup      rollupCmd      `cmd:"" help:"Recompute the rollups whose buckets changed and publish them."`
	Audit       auditCmd       `cmd:"" help:"Prove that log, ledger, raw rows and rollups agree; exit 1 on any difference."`
	Namespaces  namespacesCmd  `cmd:"" help:"List namespaces, compare two of them, or remove one."`
	DeadLetters deadLettersCmd `cmd:"" name:"deadletters" help:"List and show the records that could not be counted."`
	Dashboards  dashboardsCmd  `cmd:"" help:"Generate, check and show the Grafana dashboards."`
	Models      modelsCmd      `cmd:"" help:"Import, list and export what is known of models: weights, license, organization, country, release."`
	Query       queryCmd       `cmd:"" help:"Run one read-only SQL statement in the namespace's database."`
	Health      healthCmd      `cmd:"" help:"Ask a running Tidemark process for its health; exit 0 when it answers 200."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

const description = `Tidemark moves AI usage events from Kafka to ClickHouse, counts each once, and proves it.

Every flag has an environment twin: --clickhouse-user is TIDEMARK_CLICKHOUSE_USER; the flag wins. Passwords come
from the environment or from a file, never from a flag.`

// Main runs the program and returns its exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, Streams{In: in, Out: out, Err: errOut})
}

// run is Main without the process: what tests call.
func run(ctx context.Context, args []string, streams Streams) int {
	var commands root
	code := -1
	parser, err := kong.New(&commands,
		kong.Name("tidemark"),
		kong.Description(description),
		kong.UsageOnError(),
		kong.DefaultEnvars("TIDEMARK"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, Summary: true, WrapUpperBound: 100}),
		kong.ValueFormatter(describe),
		kong.Writers(streams.Out, streams.Err),
		kong.Exit(func(c int) { code = c }),
		kong.Vars{"version": version()},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams),
	)
	if err != nil {
		fmt.Fprintf(streams.Err, "tidemark: %v\n", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if code >= 0 { // --help was printed
		return code
	}
	if err != nil {
		fmt.Fprintf(streams.Err, "tidemark: %v\nRun 'tidemark --help' for the commands and 'tidemark COMMAND --help' for the flags of one.\n", err)
		return exitUsage
	}
	return exitCode(parsed.Run(), streams.Err)
}

// describe is the help text of a flag: what it does, its default, its environment twin.
func describe(value *kong.Value) string {
	var notes []string
	if value.HasDefault && value.Default != "" {
		notes = append(notes, "default "+value.Default)
	}
	if value.Tag != nil {
		for _, env := range value.Tag.Envs {
			notes = append(notes, "$"+env)
		}
		if span := value.Tag.Get(rangeTag); span != "" {
			notes = append(notes, strings.NewReplacer("..", " to ", "0,", "0 or ").Replace(span))
		}
	}
	if len(notes) == 0 {
		return value.Help
	}
	return value.Help + " (" + strings.Join(notes, "; ") + ")"
}

// exitCode prints what the user has to know of err, once, and maps it to the exit code.
func exitCode(err error, w io.Writer) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFailure
	case errors.As(err, &usage):
		fmt.Fprintf(w, "tidemark: %v\n", usage)
		return exitUsage
	default:
		fmt.Fprintf(w, "tidemark: %v\n", err)
		return exitFailure
	}
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s Streams) error {
	_, err := fmt.Fprintln(s.Out, "tidemark", version())
	return err
}

// version is the module's version as the Go toolchain recorded it, "devel" for a plain build.
func version() string { return buildOf(debug.ReadBuildInfo()).version }

// build is what the program was built from, as the Go toolchain recorded it.
type build struct{ version, commit, goVersion string }

// buildOf reads it: of a plain build the version is "devel", and what is not recorded is "unknown". A commit beside which files
// were changed ends in "-dirty".
func buildOf(info *debug.BuildInfo, ok bool) build {
	b := build{version: "devel", commit: "unknown", goVersion: "unknown"}
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.version = v
	}
	b.goVersion = cmp.Or(info.GoVersion, b.goVersion)
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			b.commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if b.commit != "unknown" {
		b.commit += dirty
	}
	return b
}
