package app

import (
	"context"
	"errors"
	"time"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/rollup"
)

// rebuildPoll is the time between two looks at what another process has rebuilt.
const rebuildPoll = 200 * time.Millisecond

// Rebuilder runs a rebuild of rollups. The Roller that holds the lease recomputes; if there is none, the Rebuilder gets the
// lease and recomputes by itself.
type Rebuilder struct {
	Rebuild *rollup.Rebuild
	Roller  RollerConfig
	Lease   Lease
	// Planned is called once, when it is known what there is to rebuild. Optional.
	Planned func(p rollup.RebuildProgress)
	// Progress is called again and again with how far the rebuild is, and whether this process recomputes. Optional.
	Progress func(p rollup.RebuildProgress, held bool)

	worker  *rollup.Worker
	planned bool
	done    bool
}

// Run rebuilds until all is done, ctx ends, or an error. It reports whether all is done.
func (b *Rebuilder) Run(ctx context.Context) (done bool, err error) {
	config := b.Roller
	published := config.Hooks.Range
	config.Hooks.Range = func(p rollup.Published) {
		if published != nil {
			published(p)
		}
		b.progress(true)
	}
	b.worker = NewRoller(config).worker
	err = b.Lease.During(ctx, b.work)
	return b.done, err
}

// work requests range after range, and recomputes them if this process holds the lease.
func (b *Rebuilder) work(ctx context.Context, held bool) error {
	for {
		done, err := b.Rebuild.Next(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // The next generation continues.
		}
		if err != nil {
			return err
		}
		if !b.planned {
			b.planned = true
			if b.Planned != nil {
				b.Planned(b.Rebuild.Progress())
			}
		}
		if done {
			b.done = true
			return consumerkafka.ErrStop
		}
		b.progress(held)
		if !held {
			select {
			case <-ctx.Done():
			case <-time.After(rebuildPoll):
			}
			continue
		}
		var mismatch *rollup.MismatchError
		if _, err := b.worker.Step(ctx); err != nil && ctx.Err() == nil && !errors.As(err, &mismatch) {
			return err
		}
	}
}

func (b *Rebuilder) progress(held bool) {
	if b.Progress != nil {
		b.Progress(b.Rebuild.Progress(), held)
	}
}
