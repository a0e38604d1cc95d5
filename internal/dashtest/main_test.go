// Package dashtest tests the dashboards on the real engine with data from the generator, whose truth it computes in Go. It
// stands apart because it needs producers and consumers, which dashboards may not import.
package dashtest

import (
	"testing"

	"go.uber.org/goleak"

	"tidemark/internal/stack/stacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }
