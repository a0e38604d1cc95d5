// Command yamljson prints the YAML documents of a file as one JSON array, so that tests can read YAML without the
// product depending on a YAML library. Duplicate keys and tabs are errors, as YAML says.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: yamljson FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "yamljson: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func run(path string, out io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()

	decoder := yaml.NewDecoder(file)
	documents := []any{}
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return json.NewEncoder(out).Encode(documents)
		}
		if err != nil {
			return err
		}
		documents = append(documents, document)
	}
}
