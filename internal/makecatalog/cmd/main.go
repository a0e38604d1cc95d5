// Command cmd writes the catalog of models that is shipped. Run it in the root of the module:
//
//	go run ./internal/makecatalog/cmd [-data ../shared/data] [-out schemas/catalog/default.csv]
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"tidemark/internal/makecatalog"
)

func main() {
	data := flag.String("data", "../shared/data", "folder with the folders epoch-ai and models-dev")
	out := flag.String("out", "schemas/catalog/default.csv", "file to write")
	flag.Parse()
	if err := run(*data, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "makecatalog:", err)
		os.Exit(1)
	}
}

func run(data, out string, w io.Writer) error {
	file, notes, err := makecatalog.File(data)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, file, 0o600); err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(w, note)
	}
	fmt.Fprintf(w, "%s is written\n", out)
	return nil
}
