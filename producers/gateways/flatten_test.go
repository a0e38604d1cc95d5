package gateways

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"tidemark/producers/formats/jsonpath"
)

// TestFlatten takes only names that have a meaning, since the map looks through all of its names for each one.
func TestFlatten(t *testing.T) {
	read := func(body string) pcommon.Map {
		var o jsonpath.Object
		if err := json.Unmarshal([]byte(body), &o); err != nil {
			t.Fatal(err)
		}
		m := pcommon.NewMap()
		flatten(m, "", o, maxDepth)
		return m
	}
	var body strings.Builder
	body.WriteString(`{"gen_ai":{"usage":{"input_tokens":7,"prompt":"text"}}`)
	for i := range 1000 {
		fmt.Fprintf(&body, `,"k%d":"v"`, i)
	}
	body.WriteString("}")
	if m := read(body.String()); m.Len() != 1 {
		t.Errorf("%d names, want 1", m.Len())
	}
}
