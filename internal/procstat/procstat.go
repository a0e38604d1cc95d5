// Package procstat tells what this process has used of the machine.
package procstat

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Usage is what a process has used.
type Usage struct {
	CPU      time.Duration // User and system time since the process began.
	Resident uint64        // Bytes of memory now.
}

// Read returns the usage of this process, false if the system does not tell it.
func Read() (Usage, bool) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, false
	}
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return Usage{}, false
	}
	fields := bytes.Fields(text) // In pages: the size of the program, what of it is resident, and more.
	if len(fields) < 2 {
		return Usage{}, false
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return Usage{}, false
	}
	return Usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), Resident: pages * uint64(os.Getpagesize())}, true
}

// The metrics of a process, as Prometheus' clients name them.
const (
	cpuMetric      = "process_cpu_seconds_total"
	residentMetric = "process_resident_memory_bytes"
)

// Metrics returns the usage in the text format of Prometheus.
func (u Usage) Metrics() string {
	return fmt.Sprintf("# TYPE %s counter\n%[1]s %f\n# TYPE %s gauge\n%[3]s %d\n", cpuMetric, u.CPU.Seconds(), residentMetric, u.Resident)
}

// Parse reads a usage from metrics in the text format of Prometheus, false if it is not among them.
func Parse(metrics []byte) (Usage, bool) {
	var u Usage
	var cpu, resident bool
	for line := range bytes.Lines(metrics) {
		name, text, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		value, err := strconv.ParseFloat(string(text), 64)
		if err != nil || !(value >= 0 && value < 1e15) {
			continue
		}
		switch string(name) {
		case cpuMetric:
			u.CPU, cpu = time.Duration(value*float64(time.Second)), value < 1e9
		case residentMetric:
			u.Resident, resident = uint64(value), true
		}
	}
	return u, cpu && resident
}
