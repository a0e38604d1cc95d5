// Tidemark is a streaming event pipeline for AI usage telemetry; see README.md.
package main

import (
	"os"

	"tidemark/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
