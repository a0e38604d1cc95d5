package formats

import (
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
)

// Rows gives the events of the data rows of a file.
type Rows interface {
	// Next returns the event of the next data row, which is the nth, from 1, valid until next is called again: a *rowError
	// for a row that gives none, errNothing for one that is to give none, io.EOF after the last. After any other error there
	// are no more.
	Next(n uint64) (schemas.Event, error)
	// Noted is what could not be read of the row that next returned last and counts all the same; nil for nothing.
	Noted() *fields.Lenient
	// Notes are what may be wrong with the file, as far as it was read, one line each.
	Notes() []string
	// Columns is in how many rows the columns of a mapping were; nil without one.
	Columns() *mapping.Seen
}

// Skimmer is rows of which identity and time can be had for less than their events.
type Skimmer interface {
	// Skim is next for a row of which nothing else is wanted: *rowError, errNothing and errLeftOut are told by a later next.
	Skim(n uint64) (schemas.Identity, int64, error)
}
