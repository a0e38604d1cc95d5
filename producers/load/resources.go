package load

import (
	"cmp"
	"slices"
	"time"

	"tidemark/producers/load/verdict"
)

// Reading is what a process had used at a time.
type Reading struct {
	// Role is what the process works as, such as "ingest". ID tells the processes of a role apart.
	Role, ID string
	At       time.Duration // Since the first event; below 0 before it.
	CPU      time.Duration // Since the process began.
	Resident uint64        // Bytes.
}

// Engine is what the database says of itself.
type Engine struct {
	Parts   uint64 // Active parts: the most of any partition of a table.
	Merges  uint64 // Merges that run.
	Delayed uint64 // Inserts that the database has delayed since it began, because a partition had too many parts.
}

// Resource is what the processes of a role used in the measured time.
type Resource struct {
	Role          string  `json:"role"`
	CPUPerEventUS float64 `json:"cpu_us_per_event"`
	Cores         float64 `json:"cores"`
	ResidentMax   uint64  `json:"resident_max_bytes"`
}

// LoadRole is the role of the process that makes the load test.
const LoadRole = "load"

// process is one of them.
type process struct{ role, id string }

// usage is what is known of processes and of the database.
type usage struct {
	readings map[process][]Reading // In the order of time.
	engine   Engine                // As known last.
	first    Engine
	known    bool // The engine has been asked.
}

// Used takes note of what a process has used. A reading that is not newer than the one before is ignored.
func (r *Recorder) Used(reading Reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.usage.readings == nil {
		r.usage.readings = map[process][]Reading{}
	}
	p := process{reading.Role, reading.ID}
	all := r.usage.readings[p]
	if n := len(all); n > 0 && reading.At <= all[n-1].At {
		return
	}
	r.usage.readings[p] = append(all, reading)
}

// Engine takes note of what the database says of itself.
func (r *Recorder) Engine(e Engine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.usage.known {
		r.usage.first, r.usage.known = e, true
	}
	r.usage.engine = e
}

// EngineNow returns what the database said of itself last.
func (r *Recorder) EngineNow() Engine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.usage.engine
}

// Measured returns the time that is measured: when it begins, since the first event, and how long it is.
func (r *Recorder) Measured() (from, length time.Duration) { return r.cfg.Warmup, r.cfg.Duration }

// cpuAt returns the CPU time at a time between readings, that of the nearest reading outside of them. There is at least one.
func cpuAt(readings []Reading, at time.Duration) time.Duration {
	i, found := slices.BinarySearchFunc(readings, at, func(r Reading, at time.Duration) int { return cmp.Compare(r.At, at) })
	switch {
	case i == len(readings):
		return readings[i-1].CPU
	case found || i == 0:
		return readings[i].CPU
	}
	a, b := readings[i-1], readings[i]
	share := float64(at-a.At) / float64(b.At-a.At)
	return a.CPU + time.Duration(share*float64(b.CPU-a.CPU))
}

// roles returns the roles of which something is known, in order.
func (u *usage) roles() []string {
	var roles []string
	for p := range u.readings {
		roles = append(roles, p.role)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// processesAt returns what the processes had used at a time that lies between their readings, by role.
func (u *usage) processesAt(at time.Duration) []ProcessSample {
	var found []ProcessSample
	for _, role := range u.roles() {
		s, known := ProcessSample{Role: role}, false
		for p, readings := range u.readings {
			if p.role != role {
				continue
			}
			s.CPUS += cpuAt(readings, at).Seconds() // Also of a process that has ended: the sum never falls.
			if last := len(readings) - 1; readings[0].At <= at && at <= readings[last].At {
				i, _ := slices.BinarySearchFunc(readings, at, func(r Reading, at time.Duration) int { return cmp.Compare(r.At, at) })
				s.Resident, known = s.Resident+readings[i].Resident, true
			}
		}
		if known {
			found = append(found, s)
		}
	}
	return found
}

// resources are what each role used in the measured time, by the rates of the stages.
func (r *Recorder) resources(rates map[string]float64) []Resource {
	return r.usage.resources(r.cfg.Warmup, r.cfg.Warmup+r.cfg.Duration, func(role string) float64 {
		if role == LoadRole {
			return rates[Acknowledged.String()]
		}
		return rates[Stored.String()]
	})
}

// resources are what each role used between two times, by how many events per second went through it. A role of which
// less than half of that time is known has none.
func (u *usage) resources(from, to time.Duration, rate func(role string) float64) []Resource {
	found := []Resource{}
	for _, role := range u.roles() {
		s, known := Resource{Role: role}, false
		for p, readings := range u.readings {
			if p.role != role {
				continue
			}
			first, last := max(from, readings[0].At), min(to, readings[len(readings)-1].At)
			if last <= first || last-first < (to-from)/2 {
				continue
			}
			known = true
			s.Cores += (cpuAt(readings, last) - cpuAt(readings, first)).Seconds() / (last - first).Seconds()
			s.ResidentMax += slices.MaxFunc(readings, func(a, b Reading) int { return cmp.Compare(a.Resident, b.Resident) }).Resident
		}
		if n := rate(role); known && n > 0 {
			s.CPUPerEventUS = s.Cores / n * 1e6
			found = append(found, s)
		}
	}
	return found
}

// withProcesses returns samples with what processes had used at their time.
func (u *usage) withProcesses(samples []Sample) []Sample {
	for i := range samples {
		samples[i].Processes = u.processesAt(duration(samples[i].AtS))
	}
	return samples
}

// parts are the active parts in the measured time, none if the database did not tell them.
func (r *Recorder) parts() []verdict.Point {
	var points []verdict.Point
	if !r.usage.known {
		return nil
	}
	for _, s := range r.measuredSamples() {
		points = append(points, verdict.Point{At: duration(s.AtS), Value: float64(s.Parts)})
	}
	return points
}

// cores returns how many cores a role used; nil if that is not known.
func cores(resources []Resource, role string) *float64 {
	for _, r := range resources {
		if r.Role == role {
			return &r.Cores
		}
	}
	return nil
}
