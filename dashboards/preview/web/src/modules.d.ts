// Modules that the build provides (see build/plugins.mjs).
declare module 'countries' {
  /** By ISO 3166 alpha-2 code: alpha-3 code, English name, longitude and latitude of the largest area's middle. */
  const table: Record<string, [three: string, name: string, longitude: number, latitude: number]>;
  export default table;
}

declare module 'world-atlas/countries-110m.json' {
  const atlas: object;
  export default atlas;
}

declare module '*.css';
