package ledgerdb

import (
	"testing"

	"tidemark/consumers/spans"
)

func TestSplitKeepsBucketsWhole(t *testing.T) {
	var m Minutes
	for i := range int32(200) {
		m = append(m, Minute{Minute: 29540000 + i, Rows: 3})
	}
	pieces := MinutesByType{m}.Split(spans.Span{From: -11067840, To: 29540000/spans.Day*spans.Day + 366*spans.Day}, 60, 50)
	for i, p := range pieces {
		if p.From%60 != 0 || i > 0 && pieces[i-1].To != p.From {
			t.Fatalf("got %v", pieces)
		}
	}
}
