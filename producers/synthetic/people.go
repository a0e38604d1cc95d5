package synthetic

import (
	"math"
	"strconv"
)

// tenant is a customer.
type tenant struct {
	name     string
	segment  *segmentShape
	users    uint64
	home     string // The country most of its users are in.
	favorite [3]*model
	products [2]*product
	weight   uint64 // How many calls a record stands for: some customers send a sample.
	key      uint64 // Of the hash of its users.
}

// world is all that sessions are drawn from.
type world struct {
	tenants   []tenant
	byTenant  choice
	byCountry choice
	models    []model
	byModel   choice
	byOpen    choice
	narrow    *spread
	wide      *spread
	sessions  []session
}

// session is one user at work: its context grows from call to call, and what was sent before can be read from a cache.
type session struct {
	tenant  *tenant
	product *product
	model   *model
	user    uint64
	country string
	left    uint64 // Calls until it ends.
	context uint64 // Tokens so far.
	cached  uint64 // Of those, tokens that the provider has seen.
	stream  bool
}

const (
	sessions   = 4096         // At work at a time.
	localUsers = 70 * percent // Users in the home country of their customer.
	loyalty    = 88 * percent // Sessions with a favorite model of the customer.
	sampling   = 2 * percent  // Customers that send one record for ten calls.
	streaming  = 65 * percent // Sessions that stream, in all products but the API.
	streamAPI  = 25 * percent
)

func newWorld(r random, o Options) *world {
	w := &world{narrow: newSpread(0.45), wide: newSpread(0.95), models: o.catalog(), sessions: make([]session, sessions)}
	w.byCountry = choiceAmong(len(countries), func(i int) float64 { return countries[i].share })
	w.byModel = choiceAmong(len(w.models), func(i int) float64 { return w.models[i].share })
	w.byOpen = choiceAmong(len(openModels), func(i int) float64 { return openModels[i].share })
	w.setTenants(r, o)
	return w
}

// setTenants draws the tenants, and how many users each has of the users of all.
func (w *world) setTenants(r random, o Options) {
	byProduct := choiceAmong(len(products), func(i int) float64 { return products[i].share })
	bySegment := choiceAmong(len(segments), func(i int) float64 { return segments[i].share })
	w.tenants = make([]tenant, o.Tenants)
	var busy, people []float64
	for i := range w.tenants {
		t := &w.tenants[i]
		t.name = o.TenantPrefix + tenantName(i)
		t.segment = &segments[r.pick(&bySegment)]
		t.home = countries[r.pick(&w.byCountry)].code
		for k := range t.favorite {
			t.favorite[k] = &w.models[r.pick(&w.byModel)]
		}
		for k := range t.products {
			t.products[k] = &products[r.pick(&byProduct)]
		}
		t.weight = 1
		if r.happens(sampling) {
			t.weight = 10
		}
		t.key = r.next()
		if len(o.TenantShares) > 0 {
			busy = append(busy, o.TenantShares[i])
		} else {
			busy = append(busy, 1/math.Pow(float64(i+1), 1.1))
		}
	}
	if o.Hot > 0 {
		w.heat(busy, o.Hot)
	}
	for i := range w.tenants {
		people = append(people, busy[i]*w.tenants[i].segment.users)
	}
	w.byTenant = newChoice(busy)
	total := 0.0
	for _, share := range people {
		total += share
	}
	for i := range w.tenants {
		w.tenants[i].users = uint64(max(1, math.Round(float64(o.Users)*people[i]/total)))
	}
}

// heat makes the first tenant so busy that it has a share of the calls.
func (w *world) heat(busy []float64, share float64) {
	calls := func(t *tenant) float64 { return float64(3*t.products[0].calls + t.products[1].calls) } // As open draws them.
	rest := 0.0
	for i, b := range busy[1:] {
		rest += b * calls(&w.tenants[i+1])
	}
	if rest > 0 {
		busy[0] = rest / calls(&w.tenants[0]) * share / (1 - share)
	}
}

// tenantName returns a name that no other number has.
func tenantName(i int) string {
	first, rest := firstWords[i%len(firstWords)], i/len(firstWords)
	// Shifted, so that neighbors differ in both words.
	second, round := secondWords[(rest+7*(i%len(firstWords)))%len(secondWords)], rest/len(secondWords)
	if round == 0 {
		return first + "-" + second
	}
	return first + "-" + second + "-" + strconv.Itoa(round+1)
}

// visit returns a session at work, a new one if the one drawn is over.
func (w *world) visit(r random) *session {
	s := &w.sessions[r.below(uint64(len(w.sessions)))]
	if s.left == 0 {
		w.open(r, s)
	}
	return s
}

// open begins a new session in s.
func (w *world) open(r random, s *session) {
	t := &w.tenants[r.pick(&w.byTenant)]
	s.tenant = t
	// The smaller of two draws: some users are at work more often than others.
	s.user, s.country = w.userOf(t, min(r.below(t.users), r.below(t.users)))
	s.product = t.products[0]
	if r.next()&3 == 0 {
		s.product = t.products[1]
	}
	if r.happens(loyalty) {
		s.model = t.favorite[min(r.below(3), r.below(3))]
	} else {
		s.model = &w.models[r.pick(&w.byModel)]
	}
	s.left = r.around(s.product.calls, w.wide)
	s.context, s.cached = r.around(s.product.opening, w.narrow), 0
	share := streaming
	if s.product.name == "api" {
		share = streamAPI
	}
	s.stream = r.happens(share)
}

// userOf returns the hash and the country of a user of t, always the same ones.
func (w *world) userOf(t *tenant, user uint64) (hash uint64, country string) {
	hash = mix(t.key ^ mix(user))
	if hash == 0 {
		hash = 1 // 0 means unknown.
	}
	if draw := mix(hash); draw >= uint64(localUsers) {
		return hash, countries[w.byCountry.of(mix(draw))].code
	}
	return hash, t.home
}
