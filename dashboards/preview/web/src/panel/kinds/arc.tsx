// A gauge: an arc for the value over its range, and a thin one around it with the colours of the thresholds.
import { formattedValueToString, ThresholdsMode, type FieldDisplay, type GrafanaTheme2, type Threshold } from '@grafana/data';
import type { VizTextDisplayOptions } from '@grafana/schema';
import { calculateFontSize } from '@grafana/ui';

interface Props {
  value: FieldDisplay;
  width: number;
  height: number;
  theme: GrafanaTheme2;
  /** Whether the name of the series is written under the value. */
  named: boolean;
  markers: boolean;
  labels: boolean;
  text?: VizTextDisplayOptions;
}

const begin = -205;
const end = 25;

export function Arc({ value, width, height, theme, named, markers, labels, text }: Props) {
  const min = value.field.min ?? 0;
  const max = value.field.max ?? 100;
  const share = (v: number) => Math.min(1, Math.max(0, (v - min) / (max - min || 1)));
  const titleHeight = named ? Math.min(20, height / 6) : 0;
  const space = height - titleHeight;
  // The arc ends 25 degrees under its middle.
  const outer = Math.max(4, Math.min(width / 2, space / (1 + Math.sin((end * Math.PI) / 180))) - (labels ? 16 : 4));
  const ring = markers ? Math.max(2, outer * 0.04) : 0;
  const thick = outer * 0.22;
  const radius = outer - ring * 2 - thick / 2;
  const centerX = width / 2;
  const centerY = (space - outer * (1 + Math.sin((end * Math.PI) / 180))) / 2 + outer;
  const color = value.display.color ?? theme.colors.text.primary;
  const shown = formattedValueToString(value.display);
  const size = text?.valueSize ?? Math.min(calculateFontSize(shown, radius * 1.35, outer, 1, outer * 0.5), outer * 0.5);
  const steps = value.field.thresholds?.steps ?? [];
  const percent = value.field.thresholds?.mode === ThresholdsMode.Percentage;
  const at = (step: Threshold) => (Number.isFinite(step.value) ? (percent ? step.value / 100 : share(step.value)) : 0);
  const path = (r: number, a: number, b: number) => arcPath(centerX, centerY, r, begin + a * (end - begin), begin + b * (end - begin));

  return (
    <svg width={width} height={height} role="img" aria-label={`${value.display.title ?? ''} ${shown}`} className="gauge">
      <path d={path(radius, 0, 1)} stroke={theme.colors.background.secondary} strokeWidth={thick} />
      {Number.isFinite(value.display.numeric) && share(value.display.numeric) > 0 && (
        <path d={path(radius, 0, share(value.display.numeric))} stroke={color} strokeWidth={thick} />
      )}
      {markers && steps.map((step, i) => {
        const next = steps[i + 1];
        const [from, to] = [at(step), next ? Math.min(1, at(next)) : 1];
        if (from >= to) return null;
        return <path key={i} d={path(outer - ring / 2, from, to)} stroke={theme.visualization.getColorByName(step.color)} strokeWidth={ring} />;
      })}
      {labels && steps.filter((step) => Number.isFinite(step.value)).map((step, i) => {
        const angle = ((begin + at(step) * (end - begin)) * Math.PI) / 180;
        return (
          <text key={i} x={centerX + Math.cos(angle) * (outer + 8)} y={centerY + Math.sin(angle) * (outer + 8)} fontSize={11} textAnchor="middle" fill={theme.colors.text.secondary}>
            {step.value}
          </text>
        );
      })}
      <text x={centerX} y={centerY} fontSize={size} fontWeight={500} textAnchor="middle" dominantBaseline="middle" fill={color}>{shown}</text>
      {named && (
        <text x={centerX} y={height - titleHeight / 3} fontSize={text?.titleSize ?? titleHeight * 0.75} textAnchor="middle" fill={theme.colors.text.primary}>
          {value.display.title}
        </text>
      )}
    </svg>
  );
}

function arcPath(cx: number, cy: number, r: number, from: number, to: number): string {
  const point = (degrees: number) => {
    const angle = (degrees * Math.PI) / 180;
    return `${(cx + r * Math.cos(angle)).toFixed(2)} ${(cy + r * Math.sin(angle)).toFixed(2)}`;
  };
  return `M ${point(from)} A ${r} ${r} 0 ${to - from > 180 ? 1 : 0} 1 ${point(to)}`;
}
