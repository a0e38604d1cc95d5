package stack_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	stacktest "tidemark/internal/test/stack"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(childEnv); config != "" {
		goleak.VerifyTestMain(childStack(config))
		return
	}
	goleak.VerifyTestMain(stacktest.Wrap(m))
}
