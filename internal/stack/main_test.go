package stack_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"tidemark/internal/stack/stacktest"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(childEnv); config != "" {
		goleak.VerifyTestMain(childStack(config))
		return
	}
	goleak.VerifyTestMain(stacktest.Wrap(m))
}
