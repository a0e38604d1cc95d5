// Command cmd writes the book of prices that is shipped. Run it in the root of the module:
//
//	go run ./internal/makeprices/cmd [-data ../shared/data] [-out schemas/prices/default.csv]
package main

import (
	"flag"
	"fmt"
	"os"

	"tidemark/internal/makeprices"
)

func main() {
	data := flag.String("data", "../shared/data", "folder with the folder litellm-prices")
	out := flag.String("out", "schemas/prices/default.csv", "file to write")
	flag.Parse()
	file, err := makeprices.Build(*data)
	if err == nil {
		err = os.WriteFile(*out, file, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "makeprices:", err)
		os.Exit(1)
	}
	fmt.Printf("%s is written\n", *out)
}
