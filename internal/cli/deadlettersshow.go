package cli

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tidemark/consumers/deadletter"
	"tidemark/internal/plural"
	usagev1 "tidemark/schemas/usage/v1"
)

type deadLettersShowCmd struct {
	commonFlags
	kafkaFlags
	outputFlags
	Coordinate string `arg:"" help:"The record: topic/epoch/partition/offset, as 'list' prints it."`
	Raw        bool   `help:"Write only the record's bytes to standard output."`
}

// Example implements exampler.
func (deadLettersShowCmd) Example() string { return "tidemark deadletters show token_calls.v1/1/0/42" }

// Run shows one dead letter.
func (c *deadLettersShowCmd) Run(ctx context.Context, s Streams) error {
	at, parseErr := deadletter.ParseCoordinate(c.Coordinate)
	if c.Raw && c.json() {
		parseErr = errors.Join(parseErr, errors.New("--raw: not with --output json, which has the bytes as value_base64"))
	}
	letter, err := readLetters(ctx, c.commonFlags, c.kafkaFlags, parseErr, func(log deadletter.Scanner, topic string) (*usagev1.DeadLetter, error) {
		return deadletter.Show(ctx, log, topic, at)
	})
	if errors.Is(err, deadletter.ErrNotFound) {
		return answerNo(err)
	}
	if err != nil {
		return err
	}
	if c.Raw {
		if deadletter.Cut(letter) {
			return fmt.Errorf("the dead letter of %s holds only %s, because its topic accepts no more. While the original topic keeps the record, read it there at that offset; without --raw this command shows the beginning and the hash of the whole", at, plural.Text(bytesKept(deadletter.Length(letter), len(letter.GetValue())), "byte"))
		}
		_, err := s.Out.Write(letter.GetValue())
		return err
	}
	if c.json() {
		return printJSON(s.Out, letterShownOutput(letter))
	}
	printLetter(s, letter)
	return nil
}

// sumOf returns the SHA-256 of the whole value of a dead letter, nil if it is not known.
func sumOf(letter *usagev1.DeadLetter) []byte {
	if sum := letter.GetValueSha256(); len(sum) > 0 || deadletter.Cut(letter) {
		return sum
	}
	sum := sha256.Sum256(letter.GetValue())
	return sum[:]
}

func printLetter(s Streams, letter *usagev1.DeadLetter) {
	first, end := deadletter.Extent(letter)
	fmt.Fprintf(s.Out, "coordinate  %s\n", deadletter.CoordinateOf(letter))
	if end-first > 1 {
		fmt.Fprintf(s.Out, "to offset   %d, a batch that cannot be read\n", end-1)
	}
	fmt.Fprintf(s.Out, "reason      %s\nfield       %s\ndetail      %s\nrun         %s\nrecord time %s\nwritten     %s\n",
		letter.GetReason(), dash(letter.GetField()), strconv.Quote(letter.GetDetail()), dash(letter.GetRun()),
		time.UnixMilli(letter.GetTimestampMs()).UTC().Format(time.RFC3339Nano), time.UnixMicro(letter.GetWrittenUs()).UTC().Format(time.RFC3339Nano))
	key := strconv.Quote(string(letter.GetKey()))
	if n := letter.GetKeyLength(); n > uint64(len(letter.GetKey())) {
		key += fmt.Sprintf(" (cut: %s)", plural.Text(bytesKept(int(min(n, 1<<62)), len(letter.GetKey())), "byte"))
	}
	sum := "unknown"
	if known := sumOf(letter); len(known) > 0 {
		sum = hex.EncodeToString(known)
	}
	cut := ""
	if deadletter.Cut(letter) {
		cut = " (cut)"
	}
	fmt.Fprintf(s.Out, "key         %s\nsha256      %s\nvalue       %s%s, base64:\n%s\n", key, sum,
		plural.Text(bytesKept(deadletter.Length(letter), len(letter.GetValue())), "byte"), cut, base64.StdEncoding.EncodeToString(letter.GetValue()))
}
