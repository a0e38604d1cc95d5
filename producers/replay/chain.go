package replay

import (
	"errors"
	"io"
	"slices"

	"tidemark/schemas"
)

// chain is the stream of several files, one after the other. Rows of one id may be in any of them.
type chain struct {
	files []*file
	at    int
	late  bool // A file is opened when it is reached: there may be more than can be open at once.
}

// next returns the next event, valid until next is called again.
func (c *chain) next() (schemas.Event, error) {
	for c.at < len(c.files) {
		f := c.files[c.at]
		if c.late && f.in == nil {
			if err := f.openFound(); err != nil {
				return nil, err
			}
		}
		e, err := f.next()
		if !errors.Is(err, io.EOF) {
			return e, err
		}
		c.at++
	}
	return nil, io.EOF
}

// skim is skim of the files, see file.skim.
func (c *chain) skim() (identity schemas.Identity, us int64, can bool, err error) {
	for c.at < len(c.files) {
		identity, us, can, err = c.files[c.at].skim()
		if !can || !errors.Is(err, io.EOF) {
			return identity, us, can, err
		}
		c.at++
	}
	return identity, 0, true, io.EOF
}

func (c *chain) canRestart() bool {
	return !slices.ContainsFunc(c.files, func(f *file) bool { return !f.canRestart() })
}

// restart goes back to the beginning, see restarter.
func (c *chain) restart(same bool) error {
	c.at = 0
	for _, f := range c.files {
		if err := f.restart(same); err != nil {
			return err
		}
	}
	return nil
}

// lineBits are the bits for the number of a line in what line returns.
const lineBits = 40

// line returns the current file and its line in one number, see lineIn.
func (c *chain) line() int {
	if c.at == len(c.files) {
		return 0
	}
	return c.at<<lineBits | c.files[c.at].line()
}

// lineIn returns the file, from 0, and the number of a line.
func lineIn(line int) (file, number int) { return line >> lineBits, line & (1<<lineBits - 1) }
