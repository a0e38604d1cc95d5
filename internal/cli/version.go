package cli

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

type versionCmd struct{}

// Example implements exampler.
func (versionCmd) Example() string { return "tidemark version" }

// Run prints the version.
func (versionCmd) Run(s Streams) error {
	_, err := fmt.Fprintln(s.Out, "tidemark", version())
	return err
}

// version is the module's version as the Go toolchain recorded it, "devel" for a plain build.
func version() string { return buildOf(debug.ReadBuildInfo()).version }

// build is what the program was built from, as the Go toolchain recorded it.
type build struct{ version, commit, goVersion string }

// buildOf returns the build that the toolchain recorded. The version of a plain build is "devel"; what is not recorded is
// "unknown". A commit with changed files ends in "-dirty".
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
