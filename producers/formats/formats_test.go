package formats

import (
	"slices"
	"testing"

	usagev1 "tidemark/schemas/usage/v1"
)

func TestFormats(t *testing.T) {
	for _, f := range All() {
		relative := slices.Contains([]string{"mooncake", "agentic", "burstgpt"}, f.Name)
		if f.Name == "" || f.Description == "" || f.NeedsStart != relative || f.NeedsMapping != (f.Name == "csv" || f.Name == "jsonl") {
			t.Errorf("got %+v", f)
		}
		if f.Grows != f.NeedsTenant || len(f.Folder) > 0 && !f.Grows {
			t.Errorf("got %+v", f)
		}
	}
	for _, f := range all {
		for field, i := range f.fields {
			if i >= len(f.columns) || (&usagev1.TokenCall{}).ProtoReflect().Descriptor().Fields().ByTextName(field) == nil {
				t.Errorf("%s: field %s, column %d", f.Name, field, i)
			}
		}
	}
}
