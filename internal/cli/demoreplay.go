package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tidemark/internal/app"
	producerformats "tidemark/producers/formats"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/rows"
	"tidemark/producers/replay"
)

// replays returns what --replay asks for. It reads no more of the files than it takes to find out what they are.
func (c *demoCmd) replays() (all []replay.Options, err error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	var errs []error
	for _, text := range c.Replay {
		sample, found := replay.SampleOf(text)
		kind, path := sample.Format, text
		var err error
		if !found {
			kind, path, err = replaySource(text)
		}
		o := replay.Options{Format: kind, Files: []string{path}, Start: sample.Start, LastLine: rows.LastLineAuto, Tenant: demoTenant, Users: fields.KeyedUsers(key)}
		if err == nil {
			err = o.Validate()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("--replay: %w", err))
		}
		all = append(all, o)
	}
	return all, invalid(errs...)
}

// replaySource returns the format and the path of a --replay: the format that it names, or that of the sessions that are there.
func replaySource(text string) (kind, path string, err error) {
	if kind, path, named := strings.Cut(text, ":"); named && producerformats.Named(kind) != nil {
		path, err = atHome(path)
		if err == nil {
			_, err = os.Stat(path)
		}
		return kind, path, err
	}
	if path, err = atHome(text); err != nil {
		return "", "", err
	}
	kind, err = replay.Recognize(path)
	return kind, path, err
}

// atHome puts the home folder in place of a ~ at the beginning, which a shell leaves there behind KIND: and behind =.
func atHome(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && !strings.HasPrefix(rest, "/") {
		return path, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, rest), err
}

// replay sends what --replay asks for, and notes the time range of its events.
func (d *demo) replay(ctx context.Context) (all app.Records, err error) {
	var first, last time.Time
	for _, o := range d.replays {
		o.Run = producerFlags{}.label("replay", time.Now())
		before := total(all)
		o.Hooks.Problem = limitedProblems(d.streams)
		o.Hooks.Progress = func(p replay.Progress) { d.view.sent(before + uint64(p.Sent)) }
		begin := time.Now()
		result, err := replay.Run(ctx, d.sender, o)
		for t, n := range produced(result.Truth) {
			all[t] += n
		}
		if err != nil {
			return all, err
		}
		err = (&replayCmd{Source: o.Format}).printResult(d.streams, o, result, time.Since(begin))
		if err != nil && !errors.Is(err, errFound) && !errors.Is(err, errInterrupted) {
			return all, err
		}
		d.partly = d.partly || err != nil
		if !result.First.IsZero() && (first.IsZero() || result.First.Before(first)) {
			first = result.First
		}
		if result.Last.After(last) {
			last = result.Last
		}
	}
	d.lookAt(first, last)
	return all, nil
}

// lookAt makes the dashboards show whole hours from the first to the last time of events.
func (d *demo) lookAt(first, last time.Time) {
	if first.IsZero() {
		return
	}
	first, last = first.UTC().Truncate(time.Hour), last.UTC().Truncate(time.Hour).Add(time.Hour)
	d.shown = fmt.Sprintf("from=%d&to=%d", first.UnixMilli(), last.UnixMilli())
	if d.page != "" {
		fmt.Fprintf(d.streams.Out, "the dashboards have these events from %s to %s: %s?%s\n", first.Format(time.RFC3339), last.Format(time.RFC3339), d.page, d.shown)
	}
}

func total(records app.Records) (n uint64) {
	for _, of := range records {
		n += of
	}
	return n
}
