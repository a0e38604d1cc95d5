package keys

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// checkEvery is how long a Ring may take to see a change of its file.
const checkEvery = time.Second

// Ring finds keys in a file, and reads it again when it has changed. It is safe for concurrent use.
type Ring struct {
	path   string
	failed func(error)

	mu      sync.Mutex
	keys    set
	stamp   stamp
	checked time.Time
}

// stamp tells one content of the file from another.
type stamp struct {
	changed time.Time
	size    int64
	missing bool
}

// Open reads the keys of a file. If the file cannot be read later, the keys stay as they were, and failed is called once
// for each such content, one call at a time.
func Open(path string, failed func(error)) (*Ring, error) {
	r := &Ring{path: path, failed: failed, checked: time.Now()}
	r.stamp = r.look()
	var err error
	r.keys, err = r.read()
	return r, err
}

func (r *Ring) look() stamp {
	info, err := os.Stat(r.path)
	if err != nil {
		return stamp{missing: true}
	}
	return stamp{changed: info.ModTime(), size: info.Size()}
}

func (r *Ring) read() (set, error) {
	content, err := os.ReadFile(r.path)
	if err != nil {
		return nil, err
	}
	found, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.path, err)
	}
	return found, nil
}

// Find returns the key of a text that FromHeader returned. The error is ErrUnknown or ErrDisabled.
func (r *Ring) Find(text string) (*Key, error) {
	return r.current().find(text)
}

// current returns the keys of the file, at most checkEvery old. A set does not change.
func (r *Ring) current() set {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.checked) < checkEvery {
		return r.keys
	}
	r.checked = now
	seen := r.look()
	if seen == r.stamp {
		return r.keys
	}
	r.stamp = seen
	found, err := r.read()
	if err != nil {
		r.failed(err)
		return r.keys
	}
	r.keys = found
	return r.keys
}
