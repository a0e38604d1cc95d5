package prices

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// kin are the classes of tokens whose prices go with those of another one: what makes that dearer or cheaper does the same to them.
var kin = map[Unit]Unit{CacheRead: Input, CacheWrite: Input, CacheWrite1h: Input, Reasoning: Output}

// Deviation is a price of long contexts or of a tier that does not go with that of its kin: of the two, one may be wrong.
type Deviation struct {
	Price, Base       Price // Base is that of all contexts, or of the tier standard.
	KinPrice, KinBase Price
}

// Deviations returns the prices that do not go with those of their kin, in the order of a book.
func Deviations(all []Price) []Deviation {
	of := map[Key][]Price{}
	for _, p := range all {
		of[p.Key] = append(of[p.Key], p)
	}
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, compare)
	var found []Deviation
	for _, p := range sorted {
		base := p.Key
		switch {
		case p.ContextOver > 0:
			base.ContextOver = 0
		case p.Tier != Standard:
			base.Tier = Standard
		default:
			continue
		}
		like, has := kin[p.Unit]
		if !has {
			continue
		}
		likeKey, likeBase := p.Key, base
		likeKey.Unit, likeBase.Unit = like, like
		if d, deviates := deviation(p, of[base], of[likeKey], of[likeBase]); deviates {
			found = append(found, d)
		}
	}
	return found
}

// deviation compares a price with those of its kin at the instants at which one of them begins, while it holds.
func deviation(p Price, base, like, likeBase []Price) (Deviation, bool) {
	instants := []time.Time{p.From}
	for _, others := range [][]Price{base, like, likeBase} {
		for _, other := range others {
			if p.HoldsOn(other.From) {
				instants = append(instants, other.From)
			}
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	for _, at := range instants {
		b, l, lb := timeline(base, at), timeline(like, at), timeline(likeBase, at)
		if b == nil || l == nil || lb == nil || p.Picos == 0 || b.Picos == 0 || l.Picos == 0 || lb.Picos == 0 {
			continue // Nothing to compare with, or not told.
		}
		if ratio(p, *b).Cmp(ratio(*l, *lb)) != 0 {
			return Deviation{p, *b, *l, *lb}, true
		}
	}
	return Deviation{}, false
}

func ratio(p, base Price) *big.Rat { return big.NewRat(int64(p.Picos), int64(base.Picos)) }

// String says which price it is, with the figures per million.
func (d Deviation) String() string {
	side := func(p, base Price) string {
		text := ratio(p, base).FloatString(3)
		return fmt.Sprintf("x%s (%s to %s)", strings.TrimRight(strings.TrimRight(text, "0"), "."), base.PerMillion(), p.PerMillion())
	}
	since := ""
	if !d.Price.From.IsZero() {
		since = " from " + instant(d.Price.From) + " on"
	}
	return fmt.Sprintf("%s%s is %s, but %s is %s", d.Price.Name(), since, side(d.Price, d.Base), d.KinPrice.Unit, side(d.KinPrice, d.KinBase))
}
