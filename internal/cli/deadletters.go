package cli

import (
	"fmt"
	"strconv"
)

type deadLettersCmd struct {
	List deadLettersListCmd `cmd:"" help:"List the records that could not be counted, one line per record, and their numbers by cause."`
	Show deadLettersShowCmd `cmd:"" help:"Show one record whole."`
}

// bytesKept returns a number of bytes, and how many of them are kept if not all.
func bytesKept(size, kept int) string {
	if kept < size {
		return fmt.Sprintf("%d of %d", kept, size)
	}
	return strconv.Itoa(size)
}
