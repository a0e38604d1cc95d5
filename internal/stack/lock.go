package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrLocked says that another process holds the data directory.
var ErrLocked = errors.New("the data directory is in use")

// dirLock is the hold on a data directory; it ends with the process too.
type dirLock struct{ file *os.File }

// lockDir creates the data directory when it is missing and takes its lock. The
// kernel drops the lock with the process, however that ends, so a lock file
// that is left over locks nothing.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("stack: create the data directory: %w", err)
	}
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("stack: lock the data directory: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder := "another process"
		if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) != "" {
			holder = "process " + strings.TrimSpace(string(text))
		}
		return nil, errors.Join(fmt.Errorf("stack: %w: %s runs a stack on %s", ErrLocked, holder, dir), file.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("stack: lock the data directory: %w", err), file.Close())
	}
	if err := writePID(file); err != nil {
		return nil, errors.Join(fmt.Errorf("stack: lock the data directory: %w", err), file.Close())
	}
	return &dirLock{file: file}, nil
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release gives the directory free. The file stays: a name that is removed and
// made again could be locked twice.
func (l *dirLock) release() error { return l.file.Close() }
