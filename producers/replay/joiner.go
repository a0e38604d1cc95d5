package replay

import (
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
)

// joiner makes one event of the records of rows that are parts of it, see Join.
type joiner struct {
	tally *tally
	files []*file // Lines are of them, see chain.
	join  *mapping.Join
	line  int // Of the first row.
}

func newJoiner(a *arranging, files []*file, of *mapping.Mapping) *joiner {
	return &joiner{tally: a.tally, files: files, join: mapping.NewJoin(of)}
}

// problem reports a problem with the event of a row.
func (j *joiner) problem(line int, text string) {
	file, number := lineIn(line)
	j.tally.problem(Problem{File: shownFile(j.files[file].name), Line: number, Text: text})
}

// begin begins an event with its first row.
func (j *joiner) begin(record []byte) error {
	j.line = recordLine(record)
	return readRecord(record, j.join.Begin())
}

// add adds a row at a place in the file, from 1.
func (j *joiner) add(place uint64, record []byte) error {
	if err := readRecord(record, j.join.Next()); err != nil {
		return err
	}
	joined, problem := j.join.Add(place)
	switch {
	case problem != "":
		j.problem(recordLine(record), problem)
	case joined:
		j.tally.joined++
	default:
		j.tally.repeated++
	}
	return nil
}

// end returns the event; nil if it stands for nothing, or if it is refused, which is reported.
func (j *joiner) end() schemas.Event {
	e, unread, problem := j.join.End()
	switch {
	case problem != "":
		j.problem(j.line, problem)
	case e == nil:
		j.tally.nothing++
	default:
		j.tally.unread.Add(unread)
	}
	return e
}
