package procstat

import (
	"runtime"
	"testing"
	"time"
)

// TestRead: a process that works uses more, and what it says of itself in metrics is read back.
func TestRead(t *testing.T) {
	first, ok := Read()
	if !ok {
		if runtime.GOOS == "linux" {
			t.Fatal("Linux tells, and nothing was read")
		}
		t.Skipf("%s does not tell", runtime.GOOS)
	}
	for u := first; u.CPU == first.CPU; u, _ = Read() {
		_ = make([]byte, 1<<16)
	}
	u, _ := Read()
	if u.Resident < 1<<20 || u.CPU <= first.CPU {
		t.Errorf("%+v after %+v", u, first)
	}
	back, ok := Parse([]byte("# a comment\nother_total 5\n" + u.Metrics()))
	if !ok || back.Resident != u.Resident || (back.CPU-u.CPU).Abs() > time.Microsecond {
		t.Errorf("%+v, %t is read back of %+v", back, ok, u)
	}
	for _, text := range []string{"", "<html>", cpuMetric + " 5\n", residentMetric + " 5\n", cpuMetric + " NaN\n" + residentMetric + " -1\n"} {
		if u, ok := Parse([]byte(text)); ok {
			t.Errorf("%q has %+v", text, u)
		}
	}
}
