package load

import (
	"testing"
	"time"
)

// TestWindows: a part of the run has the events that were due in it, whenever they came; the last one may be shorter.
func TestWindows(t *testing.T) {
	t.Parallel()
	r := NewRecorder(RecorderConfig{Warmup: 2 * time.Second, Duration: 8 * time.Second, SLO: time.Second, SLORollup: time.Second})
	for i := range 20 { // From 0 s to 9.5 s: four before the measured time, ten and six in its parts.
		due := time.Duration(i) * time.Second / 2
		r.count(Sent, due, due+time.Millisecond)
		r.expect(Stored, due)
		if i < 18 { // Two never come.
			r.count(Stored, due, due+time.Duration(i)*100*time.Millisecond)
		}
	}
	sent, stored, raw := r.windowsOf(Sent), r.windowsOf(Stored), r.windowsOf(Raw)
	if len(sent) != 2 || len(stored) != 2 || len(raw) != 0 {
		t.Fatalf("%d, %d and %d parts", len(sent), len(stored), len(raw))
	}
	if w := sent[0]; w.FromS != 2 || w.ToS != 7 || !w.Whole() || w.Events != 10 || w.Reached != 10 || *w.MaxMS != 1 {
		t.Errorf("the first part of what is sent is %+v", w)
	}
	if w := stored[1]; w.FromS != 7 || w.ToS != 10 || w.Whole() || w.Events != 6 || w.Reached != 4 || *w.MaxMS != 1700 || *w.P50MS < 1500 || *w.P50MS > 1512 {
		t.Errorf("the last part of what is stored is %+v", w)
	}
	for _, b := range stored[0].Buckets {
		if from := MergedFromUS(b[0]); b[0]-from+1 < b[0]/16 || b[0]-from >= b[0]/7 || bucketOf(from) == 0 {
			t.Errorf("a bucket of a part is from %d to %d us", from, b[0])
		}
	}
	if from := MergedFromUS(windowMerge - 1); from != 0 {
		t.Errorf("the first bucket begins at %d", from)
	}
}
