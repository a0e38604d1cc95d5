// Package dashboards_test tests the dashboards on the real engine with data from the generator, whose truth it computes in Go. It
// stands apart because it needs producers and consumers, which dashboards may not import.
package dashboards_test

import (
	"testing"

	"go.uber.org/goleak"

	stacktest "tidemark/internal/test/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }
