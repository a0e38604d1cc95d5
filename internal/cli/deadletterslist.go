package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"tidemark/consumers/deadletter"
)

type deadLettersListCmd struct {
	commonFlags
	kafkaFlags
	outputFlags
	Topic  string `help:"Only records of this topic, for example token_calls.v1." placeholder:"TOPIC"`
	Reason string `help:"Only records with this reason: malformed, invalid, refused or unreadable." placeholder:"REASON"`
	OfRun  string `name:"run" help:"Only records of this run." placeholder:"RUN"`
	Limit  int    `help:"Most entries to list. 0: all." default:"100" placeholder:"N" range:"0..1000000000"`
	JSON   bool   `name:"json" help:"Print one JSON object per entry and line, with other names than --output json."`
}

// Example implements exampler.
func (deadLettersListCmd) Example() string {
	return "tidemark deadletters list --topic token_calls.v1 --reason invalid"
}

// Run lists.
func (c *deadLettersListCmd) Run(ctx context.Context, s Streams) error {
	listing, err := readLetters(ctx, c.commonFlags, c.kafkaFlags, ranges(*c), func(log deadletter.Scanner, topic string) (*deadletter.Listing, error) {
		return deadletter.List(ctx, log, topic, deadletter.Filter{Topic: c.Topic, Reason: c.Reason, Run: c.OfRun}, c.Limit)
	})
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
	if c.json() {
		return printJSON(s.Out, lettersOutput(listing))
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
		fmt.Fprintf(s.Out, "%s more; --limit 0 lists all\n", number(uint64(listing.Omitted)))
	}
	for _, u := range listing.Unreadable {
		fmt.Fprintf(s.Out, "not a dead letter: partition %d offset %d: %v\n", u.Partition, u.Offset, u.Err)
	}
	fmt.Fprint(s.Out, count(listing.Records, "dead letter"))
	if listing.Copies > 0 {
		fmt.Fprintf(s.Out, " (not counting %s)", count(listing.Copies, "copy"))
	}
	fmt.Fprintln(s.Out)
	for _, count := range listing.Counts {
		fmt.Fprintf(s.Out, "  %s  %s  run %s: %s\n", count.Topic, count.Reason, dash(count.Run), number(uint64(count.Records)))
	}
	return nil
}
