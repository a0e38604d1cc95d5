package health

import (
	"testing"

	"go.uber.org/goleak"

	"tidemark/internal/stack/stacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }
