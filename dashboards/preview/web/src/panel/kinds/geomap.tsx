// Markers on a map of the world. The map is data, not tiles: nothing is asked of anybody.
import { FieldType, formattedValueToString, getFieldDisplayName, type DataFrame, type Field, type LinkModel } from '@grafana/data';
import { useMemo } from 'react';
import { Chart, charts, type Item, type Tip } from './chart';
import { options, type KindProps } from './kind';

interface Dimension {
  field?: string;
  fixed?: number | string;
  min?: number;
  max?: number;
}

interface Layer {
  type?: string;
  location?: { mode?: string; latitude?: string; longitude?: string; lookup?: string };
  config?: { style?: { size?: Dimension; color?: Dimension; opacity?: number; text?: Dimension } };
}

interface Options {
  layers: Layer[];
  controls: { mouseWheelZoom?: boolean };
}

interface Marker {
  at: [longitude: number, latitude: number];
  frame: DataFrame;
  row: number;
  name: string;
  size: number;
  color: string;
  opacity: number;
  text: string;
  values: Field[];
}

export function GeomapKind({ panel, frames, theme, width, height }: KindProps) {
  const o = options<Options>(panel);
  const { markers, lost } = useMemo(() => {
    const layers = (o.layers ?? []).filter((layer) => layer.type === undefined || layer.type === 'markers');
    const placed = (layers.length > 0 ? layers : [{}]).map((layer) => markersOf(layer, frames, theme.visualization.getColorByName));
    return { markers: placed.flatMap((p) => p.markers), lost: placed.flatMap((p) => p.lost) };
  }, [frames, theme, panel.options]);

  const option = useMemo(() => ({
    geo: {
      map: 'world',
      // A wheel over a map that zooms keeps the page from scrolling.
      roam: o.controls?.mouseWheelZoom === false ? 'move' : true,
      scaleLimit: { min: 1, max: 20 },
      projection: charts().projection,
      left: 4, right: 4, top: 4, bottom: 4,
      preserveAspect: 'contain',
      itemStyle: { areaColor: theme.isDark ? '#2c3038' : '#e4e7ec', borderColor: theme.colors.background.primary, borderWidth: 0.6 },
      emphasis: { disabled: true },
      select: { disabled: true },
      silent: true,
    },
    series: [{
      type: 'scatter',
      coordinateSystem: 'geo',
      data: markers.map((marker) => ({
        value: marker.at,
        name: marker.name,
        symbolSize: marker.size * 2,
        itemStyle: { color: marker.color, opacity: marker.opacity, borderColor: marker.color, borderWidth: 1 },
        label: { show: marker.text !== '', formatter: marker.text, position: 'right', color: theme.colors.text.primary, opacity: 1, fontSize: 12 },
      })),
      labelLayout: { hideOverlap: true },
      emphasis: { scale: 1.2 },
    }],
  }), [markers, theme, panel.options]);

  const linksAt = ({ dataIndex }: Item): LinkModel[] => markers[dataIndex]?.values.flatMap((f) => f.getLinks?.({ valueRowIndex: markers[dataIndex]!.row }) ?? []) ?? [];
  const tip = ([at]: Item[]): Tip | undefined => {
    const marker = at && markers[at.dataIndex];
    if (!marker) return undefined;
    const note = linksAt(at)[0]?.title;
    return {
      title: marker.name,
      rows: marker.values.map((field) => {
        const display = field.display!(field.values[marker.row]);
        return { label: getFieldDisplayName(field, marker.frame, frames), value: formattedValueToString(display), color: marker.color };
      }),
      note: note ? `Click: ${note}` : undefined,
    };
  };
  return (
    <div className="geomap" style={{ width, height }}>
      <Chart width={width} height={height} theme={theme} option={option} tip={tip} links={linksAt} />
      {lost.length > 0 && <div className="map-note" title={lost.join(', ')}>Not on the map: {lost.slice(0, 5).join(', ')}{lost.length > 5 ? ` and ${lost.length - 5} more` : ''}</div>}
    </div>
  );
}

function markersOf(layer: Layer, frames: DataFrame[], colorByName: (name: string) => string): { markers: Marker[]; lost: string[] } {
  const markers: Marker[] = [];
  const lost = new Set<string>();
  for (const frame of frames) {
    const locate = locator(layer.location ?? {}, frame, frames);
    if (!locate) continue;
    const style = layer.config?.style ?? {};
    const named = (name: string | undefined) => (name ? frame.fields.find((f) => f.name === name || getFieldDisplayName(f, frame, frames) === name) : undefined);
    const numbers = frame.fields.filter((f) => f.type === FieldType.number && !locate.fields.includes(f));
    const size = named(style.size?.field);
    const color = named(style.color?.field) ?? (style.color?.fixed ? undefined : numbers[0]);
    const label = named(style.text?.field);
    const first = size ?? color ?? numbers[0];
    const range = size ? extent(size) : [0, 0] as const;
    for (let row = 0; row < frame.length; row++) {
      const found = locate.at(row);
      if (!found.at) {
        if (found.name) lost.add(found.name);
        continue;
      }
      const value = Number(size?.values[row]);
      const [small, large] = [style.size?.min ?? 2, style.size?.max ?? 15];
      const share = size && range[1] > range[0] ? (value - range[0]) / (range[1] - range[0]) : 1;
      markers.push({
        at: found.at,
        frame,
        row,
        name: found.name,
        size: size ? small + (large - small) * Math.max(0, Math.min(1, share)) : Number(style.size?.fixed ?? 5),
        color: color?.display?.(color.values[row]).color ?? colorByName(String(style.color?.fixed ?? 'dark-green')),
        opacity: style.opacity ?? 0.4,
        text: label?.display ? formattedValueToString(label.display(label.values[row])) : String(style.text?.fixed ?? ''),
        values: numbers.length > 0 ? numbers : first ? [first] : [],
      });
    }
  }
  // Small ones on top of large ones.
  markers.sort((a, b) => b.size - a.size);
  return { markers, lost: [...lost] };
}

interface Locator {
  /** The fields that say where, and so are no values. */
  fields: Field[];
  at: (row: number) => { at?: [number, number]; name: string };
}

function locator(location: NonNullable<Layer['location']>, frame: DataFrame, frames: DataFrame[]): Locator | undefined {
  const by = (...names: string[]) => frame.fields.find((f) => names.includes(f.name.toLowerCase()));
  const named = (name: string | undefined) => (name ? frame.fields.find((f) => f.name === name || getFieldDisplayName(f, frame, frames) === name) : undefined);
  const texts = frame.fields.filter((f) => f.type === FieldType.string);
  const latitude = named(location.latitude) ?? by('latitude', 'lat');
  const longitude = named(location.longitude) ?? by('longitude', 'lon', 'lng');
  if (latitude && longitude && location.mode !== 'lookup') {
    return {
      fields: [latitude, longitude],
      at: (row) => {
        const [lon, lat] = [longitude.values[row] as unknown, latitude.values[row] as unknown];
        return { at: typeof lon === 'number' && typeof lat === 'number' ? [lon, lat] : undefined, name: String(texts[0]?.values[row] ?? '') };
      },
    };
  }
  const lookup = named(location.lookup) ?? by('country', 'country_code', 'lookup') ?? texts[0];
  if (!lookup) return undefined;
  const title = texts.find((f) => f !== lookup);
  return {
    fields: [lookup],
    at: (row) => {
      const code = String(lookup.values[row] ?? '');
      return { at: charts().place(code), name: String(title?.values[row] ?? charts().countryName(code) ?? code) };
    },
  };
}

function extent(field: Field): readonly [number, number] {
  if (field.config.min !== undefined && field.config.max !== undefined && field.config.min !== null && field.config.max !== null) {
    return [field.config.min, field.config.max];
  }
  const values = (field.values as unknown[]).filter((v): v is number => typeof v === 'number');
  return [Math.min(...values), Math.max(...values)];
}
