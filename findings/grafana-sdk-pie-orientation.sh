#!/usr/bin/env bash
# Finding: a pie chart that Grafana's Foundation SDK for Go builds from its own defaults has "orientation": "", which Grafana's
# own types refuse, and which the SDK's validation and its strict reading take.
#
# Seen with github.com/grafana/grafana-foundation-sdk/go v0.0.18 and @grafana/schema 13.2.3, checked by typescript 6.0.3. The
# orientation is an enum of auto, vertical and horizontal; the builder leaves it empty instead of absent, Validate finds nothing,
# and UnmarshalJSONStrict reads it back. The check here assigns the panel's options to the type of the plugin; with "auto" in the
# place of "" the same options are accepted.
#
# Where it matters: dashboards in code that are validated in code carry a value that a stricter Grafana turns away.
# Fails when that changes. Needs bash, go, and node with npm; about 150 MB.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding
go 1.24.0
require github.com/grafana/grafana-foundation-sdk/go v0.0.18
MOD
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/piechart"
)

func main() {
	legend := piechart.NewPieChartLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Values([]piechart.PieChartLegendValues{piechart.PieChartLegendValuesValue})
	tooltip := common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone)
	panel, err := piechart.NewPanelBuilder().PieType(piechart.PieChartTypePie).DisplayLabels([]piechart.PieChartLabels{piechart.PieChartLabelsName}).Legend(legend).Tooltip(tooltip).Build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	raw, _ := json.Marshal(panel.Options)
	var options piechart.Options
	if err := options.UnmarshalJSONStrict(raw); err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, "strict reading:", err)
		os.Exit(1)
	}
	if err := options.Validate(); err != nil {
		fmt.Fprintln(os.Stderr, "validation:", err)
		os.Exit(1)
	}
	fmt.Println(string(raw))
}
GO
go mod tidy >/dev/null 2>&1
options=$(go run .)
echo "options: $options"
npm install --silent --no-audit --no-fund --ignore-scripts @grafana/schema@13.2.3 typescript@6.0.3 >/dev/null
check() { # OPTIONS: whether the type of the plugin takes the orientation
  cat >check.ts <<TS
import type { Options } from '@grafana/schema/dist/esm/raw/composable/piechart/panelcfg/x/PieChartPanelCfg_types.gen';
type Orientation = \`\${Options['orientation']}\`;
const options = $1 as const;
export const orientation: Orientation = options.orientation;
TS
  npx tsc --noEmit --strict --skipLibCheck --moduleResolution bundler --module esnext check.ts
}
if said=$(check "$options"); then
  echo "accepted"
  exit 1
fi
echo "refused: $said"
grep -q "Type '\"\"' is not assignable" <<<"$said"
check "${options/\"orientation\":\"\"/\"orientation\":\"auto\"}"
echo "auto is accepted"
