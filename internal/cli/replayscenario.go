package cli

import (
	"context"
	"errors"

	"tidemark/producers/replay"
	"tidemark/producers/scenario"
)

// scenarioNamespace is where scenarios go unless told otherwise: they never mix with what is really used.
const scenarioNamespace = "tidemark_scenarios"

// scenario finds the scenario of that name. It sets Name in the options, and what it returns sets Items. The replay keeps
// pace and limit, the same as for every source.
func (c *replayCmd) scenario(name string, o *replay.Options) (openSource, error) {
	o.Name = "scenario:" + name
	one, err := scenario.Load(name)
	if c.Tenant != "" {
		err = errors.Join(errors.New("--tenant: not for a scenario, which is its own tenant"), err)
	}
	if err != nil {
		return nil, err
	}
	return func(context.Context) (func() error, error) {
		items, err := scenario.Open(one, o.Run)
		o.Items = items
		return func() error { return nil }, err
	}, nil
}
