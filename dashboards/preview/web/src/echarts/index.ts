// The second bundle: ECharts with the parts used, the world map, and the countries' places. Loaded when a dashboard needs it.
import { BarChart, CustomChart, PieChart, ScatterChart } from 'echarts/charts';
import { GeoComponent, GridComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { geoEquirectangular } from 'd3-geo';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import countries from 'countries';
import atlas from 'world-atlas/countries-110m.json';

echarts.use([BarChart, CustomChart, PieChart, ScatterChart, GeoComponent, GridComponent, TooltipComponent, CanvasRenderer]);

const antarctica = '010';
const topology = atlas as unknown as Topology<{ countries: GeometryCollection<{ name: string }> }>;
const world = feature(topology, topology.objects.countries);
world.features = world.features.filter((country) => country.id !== antarctica);
echarts.registerMap('world', world as unknown as Parameters<typeof echarts.registerMap>[1]);

const equirectangular = geoEquirectangular();

/** Without a projection that cuts at 180 degrees, countries on both sides of it are drawn with lines across the map. */
export const projection = {
  project: (point: number[]) => equirectangular(point as [number, number]),
  unproject: (point: number[]) => equirectangular.invert!(point as [number, number]),
  stream: equirectangular.stream,
};

/** place finds a country by its alpha-2 or alpha-3 code or its English name. */
export function place(text: string): [longitude: number, latitude: number] | undefined {
  return places.get(text.trim().toUpperCase());
}

/** countryName is the English name of an alpha-2 or alpha-3 code. */
export function countryName(code: string): string | undefined {
  return names.get(code.trim().toUpperCase());
}

const places = new Map<string, [number, number]>();
const names = new Map<string, string>();
for (const [two, [three, name, longitude, latitude]] of Object.entries(countries)) {
  for (const key of [two, three, name.toUpperCase()]) places.set(key, [longitude, latitude]);
  for (const key of [two, three]) names.set(key, name);
}

export const init = echarts.init;
export type Chart = echarts.EChartsType;
