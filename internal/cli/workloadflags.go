package cli

import (
	"fmt"
	"strconv"
	"strings"

	"tidemark/producers/synthetic"
)

// shapeFlags shape the events of every synthetic workload.
type shapeFlags struct {
	Size   string  `help:"The least bytes of an event, such as 1k or 10k: a field that is not stored fills it up. Up to 512k. Without it, events have about 155." placeholder:"BYTES" group:"Workload"`
	Hot    float64 `help:"Share of the calls that are of one tenant. 0: as plausible." default:"0" placeholder:"SHARE" group:"Workload" range:"0..0.99"`
	Models int     `help:"Number of models, with made-up names. 0: the real ones." default:"0" placeholder:"N" group:"Workload" range:"0..100000"`
}

// shape sets what the events are like.
func (f shapeFlags) shape(o *synthetic.Options) error {
	if err := ranges(f); err != nil {
		return err
	}
	o.Hot = f.Hot
	if f.Models > 0 {
		o.Models = synthetic.ManyModels(f.Models)
	}
	if f.Size == "" {
		return nil
	}
	digits, factor := f.Size, 1
	if short, found := strings.CutSuffix(digits, "k"); found {
		digits, factor = short, 1024
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > synthetic.MaxSize/factor {
		return fmt.Errorf("--size: %q is not a number of bytes up to 512k, such as 1k", f.Size)
	}
	o.Size = n * factor
	return nil
}
