package stack

import (
	"fmt"
	"syscall"
)

// Space that is kept free on the disk of the data folder. Below reserveBytes nothing that grows is taken any more, so
// that what is on its way, and what makes room, still can be written; below lastBytes not even the small things are.
const (
	reserveBytes = 32 << 20
	lastBytes    = 2 << 20
)

// disk is the disk that a folder lies on.
type disk struct {
	dir  string
	free func(dir string) (uint64, error) // bytes that may still be written
}

// room returns an error when fewer than need bytes are free. A disk that cannot be asked has room.
func (d disk) room(need uint64) error {
	free, err := d.free(d.dir)
	if full := err == nil && free < need; !full {
		return nil
	}
	return fmt.Errorf("the disk of %s is full: %d KiB are free and %d KiB are kept; make room, nothing has to be started again", d.dir, free>>10, need>>10)
}

func freeBytes(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:gosec,unconvert // their types differ by system; the kernel's numbers are not negative
}
