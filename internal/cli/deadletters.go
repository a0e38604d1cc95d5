package cli

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"tidemark/consumers/deadletter"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

type deadLettersCmd struct {
	List deadLettersListCmd `cmd:"" help:"List the records that could not be counted, one line each, and their numbers by cause."`
	Show deadLettersShowCmd `cmd:"" help:"Show one of them whole."`
}

type deadLettersListCmd struct {
	commonFlags
	kafkaFlags
	Topic  string `help:"Only of this topic, for example token_calls.v1." placeholder:"TOPIC"`
	Reason string `help:"Only with this reason: malformed, invalid, refused or unreadable." placeholder:"REASON"`
	OfRun  string `name:"run" help:"Only of this run." placeholder:"RUN"`
	Limit  int    `help:"Entries to list at the most; 0 lists all." default:"100" placeholder:"N" range:"0..1000000000"`
	JSON   bool   `name:"json" help:"One JSON object an entry instead of a table."`
}

// Run lists.
func (c *deadLettersListCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), ranges(*c)); err != nil {
		return err
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	client, err := c.client("tidemark-deadletters")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	filter := deadletter.Filter{Topic: c.Topic, Reason: c.Reason, Run: c.OfRun}
	listing, err := deadletter.List(ctx, client, schemas.TopicName(c.Namespace, schemas.DeadLettersTopic), filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(s.Out)
		for _, entry := range listing.Entries {
			if err := encoder.Encode(entry); err != nil {
				return err
			}
		}
		return nil
	}
	return printListing(s, listing)
}

func printListing(s Streams, listing *deadletter.Listing) error {
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	if len(listing.Entries) > 0 {
		fmt.Fprintln(table, "COORDINATE\tRECORDS\tREASON\tFIELD\tBYTES\tRECORD TIME\tRUN\tDETAIL")
	}
	for _, e := range listing.Entries {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Coordinate, e.Records, e.Reason, dash(e.Field), bytesKept(e.Size, e.Kept), e.Timestamp.UTC().Format(time.RFC3339), dash(e.Run), strconv.Quote(clip(e.Detail, 80)))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if listing.Omitted > 0 {
		fmt.Fprintf(s.Out, "and %s more; --limit 0 lists all\n", number(uint64(listing.Omitted)))
	}
	for _, u := range listing.Unreadable {
		fmt.Fprintf(s.Out, "not a dead letter: partition %d offset %d: %v\n", u.Partition, u.Offset, u.Err)
	}
	fmt.Fprintf(s.Out, "%s dead letters", number(uint64(listing.Records)))
	if listing.Copies > 0 {
		fmt.Fprintf(s.Out, " (%s copies of them left out)", number(uint64(listing.Copies)))
	}
	fmt.Fprintln(s.Out)
	for _, count := range listing.Counts {
		fmt.Fprintf(s.Out, "  %s  %s  run %s: %s\n", count.Topic, count.Reason, dash(count.Run), number(uint64(count.Records)))
	}
	return nil
}

type deadLettersShowCmd struct {
	commonFlags
	kafkaFlags
	Coordinate string `arg:"" help:"Which record: topic/epoch/partition/offset, as 'list' prints it."`
	Raw        bool   `help:"Write the record's bytes to standard output and nothing else."`
}

// Run shows one dead letter.
func (c *deadLettersShowCmd) Run(ctx context.Context, s Streams) (err error) {
	at, parseErr := deadletter.ParseCoordinate(c.Coordinate)
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), parseErr); err != nil {
		return err
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	client, err := c.client("tidemark-deadletters")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	letter, err := deadletter.Show(ctx, client, schemas.TopicName(c.Namespace, schemas.DeadLettersTopic), at)
	if err != nil {
		return err
	}
	if c.Raw {
		if deadletter.Cut(letter) {
			return fmt.Errorf("the letter of %s has %s bytes only: it was cut to fit. While the topic retains the record, it is whole at that offset; without --raw the beginning and the hash of all are shown", at, bytesKept(deadletter.Length(letter), len(letter.GetValue())))
		}
		_, err := s.Out.Write(letter.GetValue())
		return err
	}
	printLetter(s, letter)
	return nil
}

func printLetter(s Streams, letter *usagev1.DeadLetter) {
	first, end := deadletter.Extent(letter)
	at := deadletter.Coordinate{Topic: letter.GetTopic(), Epoch: letter.GetEpoch(), Partition: letter.GetPartition(), Offset: first}
	fmt.Fprintf(s.Out, "coordinate  %s\n", at)
	if end-first > 1 {
		fmt.Fprintf(s.Out, "to offset   %d, of a batch of records\n", end-1)
	}
	fmt.Fprintf(s.Out, "reason      %s\nfield       %s\ndetail      %s\nrun         %s\nrecord time %s\nwritten     %s\n",
		letter.GetReason(), dash(letter.GetField()), strconv.Quote(letter.GetDetail()), dash(letter.GetRun()),
		time.UnixMilli(letter.GetTimestampMs()).UTC().Format(time.RFC3339Nano), time.UnixMicro(letter.GetWrittenUs()).UTC().Format(time.RFC3339Nano))
	key := strconv.Quote(string(letter.GetKey()))
	if n := letter.GetKeyLength(); n > uint64(len(letter.GetKey())) {
		key += fmt.Sprintf(" (cut: %s bytes)", bytesKept(int(min(n, 1<<62)), len(letter.GetKey())))
	}
	sum := "unknown"
	if len(letter.GetValueSha256()) > 0 {
		sum = hex.EncodeToString(letter.GetValueSha256())
	} else if !deadletter.Cut(letter) {
		sum = fmt.Sprintf("%x", sha256.Sum256(letter.GetValue()))
	}
	cut := ""
	if deadletter.Cut(letter) {
		cut = " (cut)"
	}
	fmt.Fprintf(s.Out, "key         %s\nsha256      %s\nvalue       %s bytes%s, base64:\n%s\n", key, sum,
		bytesKept(deadletter.Length(letter), len(letter.GetValue())), cut, base64.StdEncoding.EncodeToString(letter.GetValue()))
}

// bytesKept is a number of bytes, and how many of them there are if not all.
func bytesKept(size, kept int) string {
	if kept < size {
		return fmt.Sprintf("%d of %d", kept, size)
	}
	return strconv.Itoa(size)
}

// client connects to the log.
func (k kafkaFlags) client(clientID string) (*consumerkafka.Client, error) {
	conn, err := k.conn(clientID)
	if err != nil {
		return nil, err
	}
	return consumerkafka.NewClient(consumerkafka.Config{Conn: conn})
}

// dash stands for an empty cell.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// clip shortens s to n runes.
func clip(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}
