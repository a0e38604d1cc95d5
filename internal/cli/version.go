package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"tidemark/internal/stack/chdb"
)

type versionCmd struct{ outputFlags }

// Example implements exampler.
func (versionCmd) Example() string { return "tidemark version --output json" }

// Run prints the version.
func (c versionCmd) Run(s Streams) error {
	v := versionOutput()
	if c.json() {
		return printJSON(s.Out, v)
	}
	return printVersion(s.Out, v)
}

// versionFlag is --version, which does what 'tidemark version' does.
type versionFlag bool

// BeforeReset prints the version instead of running a command. Kong calls it.
func (versionFlag) BeforeReset(k *kong.Kong) error {
	err := printVersion(k.Stdout, versionOutput())
	k.Exit(exitOK)
	return err
}

func printVersion(w io.Writer, v versionJSON) error {
	_, err := fmt.Fprintf(w, "tidemark %s, commit %s, %s, ClickHouse engine %s\n", v.Version, v.Commit, v.Go, v.Engine)
	return err
}

func versionOutput() versionJSON {
	b := buildOf(debug.ReadBuildInfo())
	return versionJSON{Version: b.version, Commit: b.commit, Go: b.goVersion, Engine: engineVersion()}
}

// engineVersion returns the version of the library that 'tidemark stack' and 'tidemark demo' load.
func engineVersion() string {
	path, err := chdb.FindLibrary("")
	if err != nil {
		return "unknown"
	}
	v, err := chdb.LibraryVersion(path)
	if err != nil {
		return "unknown"
	}
	return v
}

// version is the module's version as the Go toolchain recorded it, "devel" for a plain build.
func version() string { return buildOf(debug.ReadBuildInfo()).version }

// The linker sets these where the toolchain finds no repository to read them from, as in the image.
var linkedVersion, linkedCommit string

// build is what the program was built from, as the Go toolchain recorded it.
type build struct{ version, commit, goVersion string }

// buildOf returns the build that the toolchain recorded. The version of a plain build is "devel"; what is not recorded is
// "unknown". A commit with changed files ends in "-dirty".
func buildOf(info *debug.BuildInfo, ok bool) build {
	b := build{version: cmp.Or(linkedVersion, "devel"), commit: cmp.Or(linkedCommit, "unknown"), goVersion: "unknown"}
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" && linkedVersion == "" {
		b.version = v
	}
	b.goVersion = cmp.Or(info.GoVersion, b.goVersion)
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision != "" {
		b.commit = revision + dirty
	}
	return b
}
