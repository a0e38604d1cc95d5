package app

import (
	"context"
	"fmt"
	"time"

	"tidemark/internal/plural"
	"tidemark/producers/load"
)

// calmFor is for how many seconds in a row no merge runs and the parts stay when the database has nothing left to merge.
const calmFor = 10

// calm waits until the merges that an earlier trial left are done, for at most Settle, and sets PartsAtStart. A note
// says that they were not.
func (l *Load) calm(ctx context.Context) (notes []string, err error) {
	p := &loadProbe{db: l.DB, recorder: l.Recorder}
	ask := func() (e load.Engine, err error) {
		err = p.engine(ctx, false)
		return l.Recorder.EngineNow(), err
	}
	e, err := ask()
	if err != nil {
		return []string{"the active parts before the run are not known: " + err.Error()}, nil
	}
	defer func() { l.PartsAtStart = e.Parts }()
	if l.Calm == 0 {
		return nil, nil
	}
	e, merged, err := waitCalm(ctx, l.Calm, l.Settle, time.Second, ask)
	if err == nil && !merged {
		notes = append(notes, fmt.Sprintf("after %s the fullest partition still has %s, and had %d before the first trial", l.Settle, plural.Of(e.Parts, "active part"), l.Calm))
	}
	return notes, err
}

// waitCalm asks again after every until the parts are near the level and no merge runs, or nothing is left to merge, or limit has passed. A merge that an earlier
// trial left takes a core from the next one.
func waitCalm(ctx context.Context, level uint64, limit, every time.Duration, ask func() (load.Engine, error)) (e load.Engine, merged bool, err error) {
	const slack = 10 // Parts that come from reports and audits alone.
	still, last := 0, uint64(0)
	for began := time.Now(); ; {
		if e, err = ask(); err != nil {
			return e, false, err
		}
		if still++; e.Merges > 0 || e.Parts != last {
			still = 0
		}
		last = e.Parts
		if e.Merges == 0 && e.Parts <= level+level/5+slack || still >= calmFor {
			return e, true, nil
		}
		if time.Since(began)+every > limit {
			return e, false, nil
		}
		select {
		case <-ctx.Done():
			return e, false, context.Cause(ctx)
		case <-time.After(every):
		}
	}
}
