package cli

import (
	"errors"

	"tidemark/producers/replay"
)

// scenarioNamespace is where the events of scenarios go unless told otherwise.
const scenarioNamespace = "tidemark_scenarios"

// scenario finds the scenario of that name. It sets Name in the options, and what it returns sets Items, a
// producers.Source of fresh items.
func (c *replayCmd) scenario(string, *replay.Options) (openSource, error) {
	return nil, errors.New("scenario: this build has none")
}
