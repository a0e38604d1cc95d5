package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// ErrGroupInUse is what errors wrap when a consumer group has members.
var ErrGroupInUse = errors.New("the consumer group has members")

// Group is a consumer group as the brokers describe it.
type Group struct {
	Exists  bool
	Members int // Running members, and dead ones whose session has not yet ended.
}

// Group asks for a consumer group. A group that is not there is no error.
func (c *Client) Group(ctx context.Context, group string) (Group, error) {
	client := c.cluster.Client(c.cfg.RequestTimeout)
	var found Group
	err := c.retry(ctx, "describe consumer group "+group, func(ctx context.Context) error {
		res, err := client.DescribeGroups(ctx, &kafkago.DescribeGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return err
		}
		for _, g := range res.Groups {
			if g.GroupID == group {
				// Brokers describe a group that they do not know as dead.
				found = Group{Exists: g.GroupState != "Dead", Members: len(g.Members)}
				return g.Error
			}
		}
		return errors.New("the coordinator did not answer for the group")
	}, nil)
	if errors.Is(err, kafkago.GroupIdNotFound) {
		return Group{}, nil
	}
	if err != nil {
		return Group{}, fmt.Errorf("describe consumer group %s: %w", group, err)
	}
	return found, nil
}

// DeleteGroup deletes a consumer group with the offsets committed in it. A group that is not there is no error. A group
// that has members is not deleted, and the error wraps ErrGroupInUse.
func (c *Client) DeleteGroup(ctx context.Context, group string) error {
	client := c.cluster.Client(c.cfg.RequestTimeout)
	err := c.retry(ctx, "delete consumer group "+group, func(ctx context.Context) error {
		res, err := client.DeleteGroups(ctx, &kafkago.DeleteGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return err
		}
		answer, known := res.Errors[group]
		if !known {
			return errors.New("the coordinator did not answer for the group")
		}
		return answer
	}, nil)
	switch {
	case err == nil, errors.Is(err, kafkago.GroupIdNotFound):
		return nil
	case errors.Is(err, kafkago.NonEmptyGroup):
		return fmt.Errorf("delete consumer group %s: %w: %w", group, ErrGroupInUse, err)
	}
	return fmt.Errorf("delete consumer group %s: %w", group, err)
}
