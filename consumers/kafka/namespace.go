package kafka

import (
	"context"
	"errors"
	"fmt"

	"tidemark/consumers/namespaces"
	"tidemark/internal/kafka"
)

// NamespaceLog gives the package namespaces access to topics and consumer groups.
type NamespaceLog struct{ Client *Client }

var (
	_ namespaces.Log    = NamespaceLog{}
	_ namespaces.Groups = NamespaceLog{}
)

// Topics is part of namespaces.Log.
func (l NamespaceLog) Topics(ctx context.Context, names []string) (map[string]namespaces.Topic, error) {
	existing, err := l.Client.Existing(ctx, names)
	if err != nil {
		return nil, err
	}
	found := make(map[string]namespaces.Topic, len(existing))
	for name, topic := range existing {
		t := namespaces.Topic{Partitions: topic.Partitions}
		offsets, err := l.Client.Offsets(ctx, name)
		if errors.Is(err, kafka.ErrUnknownTopic) {
			continue // It was deleted meanwhile.
		}
		if err != nil {
			return nil, err
		}
		for _, o := range offsets {
			t.Records += uint64(max(0, o.End-o.Start))
		}
		found[name] = t
	}
	return found, nil
}

// DeleteTopics is part of namespaces.Log.
func (l NamespaceLog) DeleteTopics(ctx context.Context, names []string) error {
	return l.Client.DeleteTopics(ctx, names)
}

// Group is part of namespaces.Groups.
func (l NamespaceLog) Group(ctx context.Context, name string) (members int, exists bool, err error) {
	g, err := l.Client.Group(ctx, name)
	return g.Members, g.Exists, err
}

// DeleteGroup is part of namespaces.Groups.
func (l NamespaceLog) DeleteGroup(ctx context.Context, name string) error {
	err := l.Client.DeleteGroup(ctx, name)
	if errors.Is(err, ErrGroupInUse) {
		return fmt.Errorf("%w: %w", namespaces.ErrInUse, err)
	}
	return err
}
