package formats

import (
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
)

// Rows makes one event of each data row of a file. It is for one goroutine.
type Rows interface {
	// Next returns the event of the next data row, number n of the file, from 1. The event is valid until the next
	// call. Errors that concern one row, after which Next goes on to the next one: a *faults.RowError if the row cannot
	// be read, fields.ErrNothing if it stands for nothing, mapping.ErrLeftOut if the mapping leaves it out,
	// rows.ErrHeader if it is the header again, a *NoCallError if it is no call, ErrJoined if another row has its call. io.EOF comes after the last row; any other error ends the file.
	Next(n uint64) (schemas.Event, error)
	// Noted are the values that could not be read in the row of the last call, whose event counts without them; nil for
	// none.
	Noted() *fields.Lenient
	// Notes are warnings about the file as far as it was read, one line each.
	Notes() []string
	// Columns counts in how many rows the columns of a mapping were; nil without a mapping.
	Columns() *mapping.Seen
}

// Skimmer is implemented by Rows that can read identity and time without the rest of the event.
type Skimmer interface {
	// Skim is Next for the identity and the time, in microseconds since 1970. It may accept a row that Next refuses.
	Skim(n uint64) (schemas.Identity, int64, error)
}
