package deploy

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"tidemark/internal/test/env"
)

// TestProfiles: no user of the server gets the aggregate functions that its version compiles wrongly, and none can ask for
// them.
func TestProfiles(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "deploy", "clickhouse", "users.xml"))
	if err != nil {
		t.Fatal(err)
	}
	type profile struct {
		XMLName xml.Name
		Compile string    `xml:"compile_aggregate_expressions"`
		Const   *struct{} `xml:"constraints>compile_aggregate_expressions>const"`
	}
	var users struct {
		Profiles struct {
			All []profile `xml:",any"`
		} `xml:"profiles"`
		Users struct {
			All []struct {
				Profile string `xml:"profile"`
			} `xml:",any"`
		} `xml:"users"`
	}
	if err := xml.Unmarshal(content, &users); err != nil {
		t.Fatal(err)
	}
	pinned := map[string]bool{}
	for _, p := range users.Profiles.All {
		pinned[p.XMLName.Local] = p.Compile == "0" && p.Const != nil
	}
	names := []string{"default"} // What other users have.
	for _, u := range users.Users.All {
		names = append(names, u.Profile)
	}
	for _, name := range names {
		if !pinned[name] {
			t.Errorf("profile %q does not pin compile_aggregate_expressions to 0", name)
		}
	}
	if len(names) < 3 {
		t.Errorf("%d users found", len(names)-1)
	}
}
