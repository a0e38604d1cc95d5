package ledgerdb

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Place is one partition of one incarnation of a topic.
type Place struct {
	Epoch     uint32
	Partition uint32
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Partition, b.Partition))
}

// Bounds are the ends of the partitions of one topic: the first offset that is not accounted for.
type Bounds map[Place]int64

// Places returns the partitions in order.
func (b Bounds) Places() []Place {
	places := make([]Place, 0, len(b))
	for place := range b {
		places = append(places, place)
	}
	slices.SortFunc(places, comparePlaces)
	return places
}

// SQL is a condition on the columns epoch, partition and offset: the offset lies below the bound of its partition.
func (b Bounds) SQL() string { return b.Within("offset < %s") }

// Within is a condition that holds within each partition, with its bound for %s.
func (b Bounds) Within(condition string) string {
	var epochs []string
	places := b.Places()
	for len(places) > 0 {
		n := 1
		for n < len(places) && places[n].Epoch == places[0].Epoch {
			n++
		}
		var partitions, ends []string
		for _, p := range places[:n] {
			partitions = append(partitions, fmt.Sprint(p.Partition))
			ends = append(ends, fmt.Sprint(b[p]))
		}
		bound := fmt.Sprintf("transform(partition, [%s], [%s], toUInt64(0))", strings.Join(partitions, ", "), strings.Join(ends, ", "))
		epochs = append(epochs, fmt.Sprintf("(epoch = %d AND %s)", places[0].Epoch, fmt.Sprintf(condition, bound)))
		places = places[n:]
	}
	if epochs == nil {
		return "0"
	}
	return "(" + strings.Join(epochs, " OR ") + ")"
}
