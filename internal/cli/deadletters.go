package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"tidemark/consumers/deadletter"
	"tidemark/schemas"
)

type deadLettersCmd struct {
	List deadLettersListCmd `cmd:"" help:"List the records that could not be counted, one line per record, and their numbers by cause."`
	Show deadLettersShowCmd `cmd:"" help:"Show one record whole."`
}

// readLetters validates the flags, opens the log and returns what read finds in the dead-letter topic of the namespace.
func readLetters[T any](ctx context.Context, common commonFlags, k kafkaFlags, own error, read func(log deadletter.Scanner, topic string) (T, error)) (found T, err error) {
	if err := invalid(common.validate(), k.validate(), own); err != nil {
		return found, err
	}
	if err := k.reach(ctx); err != nil {
		return found, err
	}
	client, err := k.client("tidemark-deadletters")
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return read(client, schemas.TopicName(common.Namespace, schemas.DeadLettersTopic))
}

// bytesKept returns a number of bytes, and how many of them are kept if not all.
func bytesKept(size, kept int) string {
	if kept < size {
		return fmt.Sprintf("%d of %d", kept, size)
	}
	return strconv.Itoa(size)
}
