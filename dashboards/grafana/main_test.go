package grafana

import (
	"testing"

	"go.uber.org/goleak"

	stacktest "tidemark/internal/test/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }
