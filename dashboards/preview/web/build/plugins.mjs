// What esbuild needs to bundle Grafana's libraries for a page that only shows things, without any request of their own.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// Editors and pickers that a page without editing never renders. The stub is CommonJS, so that any named import resolves.
const unused = new RegExp(
  `^(${[
    'monaco-editor', '@monaco-editor/react', '@uiw/react-codemirror', '@codemirror', '@lezer', 'slate', 'slate-react',
    'slate-plain-serializer', 'prismjs', '@grafana/faro-web-sdk', 'react-hook-form', 'jquery', 'react-dropzone',
    'react-calendar', 'downshift', 'react-dom/server', 'ol',
  ].join('|')})(/.*)?$`,
);
const stub = `const h = { get: (t, k) => k === '__esModule' ? true : k === Symbol.toPrimitive ? () => '' : p, apply: () => p, construct: () => p };
const p = new Proxy(function () {}, h);
module.exports = p;`;

// Icons are inlined: @grafana/ui would fetch each of them. What is not listed here is drawn as nothing.
const icons = [
  'angle-down', 'angle-left', 'angle-right', 'angle-up', 'apps', 'arrow-down', 'arrow-up', 'bars', 'check', 'clock-nine', 'copy', 'dashboard',
  'download-alt', 'ellipsis-v', 'exclamation-circle', 'exclamation-triangle', 'external-link-alt', 'eye', 'filter', 'info-circle', 'link',
  'search', 'search-minus', 'share-alt', 'sync', 'table', 'times', 'brackets-curly', 'arrow-left',
];

const empty = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"></svg>';

/** grafana resolves the traps of @grafana/ui outside Grafana: unused editors, icons, fonts, time zone data. */
export function grafana(modules) {
  return {
    name: 'grafana',
    setup(build) {
      build.onResolve({ filter: unused }, (args) => ({ path: args.path, namespace: 'unused' }));
      build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: stub, loader: 'js' }));

      build.onLoad({ filter: /@grafana\/ui\/dist\/esm\/components\/Icon\/utils\.mjs$/ }, (args) => {
        const dir = path.join(modules, '@grafana/ui/dist/public/img/icons/unicons');
        const svg = Object.fromEntries(icons.map((name) => [name, fs.readFileSync(path.join(dir, `${name}.svg`), 'utf8')]));
        const source = fs.readFileSync(args.path, 'utf8');
        const inlined = source.replace(
          /function getIconPath\([\s\S]*?\n}/,
          `const icons = ${JSON.stringify(svg)};
          function getIconPath(name) { return 'data:image/svg+xml,' + encodeURIComponent(icons[name] || '${empty}'); }`,
        );
        if (inlined === source) throw new Error('@grafana/ui: getIconPath not found; icons would be fetched');
        return { contents: inlined, loader: 'js', resolveDir: path.dirname(args.path) };
      });

      build.onLoad({ filter: /@grafana\/ui\/dist\/esm\/themes\/GlobalStyles\/fonts\.mjs$/ }, () => ({
        contents: 'export const getFontStyles = () => ({});',
        loader: 'js',
      }));

      build.onResolve({ filter: /^moment-timezone$/ }, () => ({
        path: path.join(modules, 'moment-timezone/builds/moment-timezone-with-data-10-year-range.min.js'),
      }));
    },
  };
}

/**
 * countries provides the module `countries`: a point [longitude, latitude] for every ISO 3166 alpha-2 and alpha-3 code and
 * the name of each alpha-2 code. The point is the middle of the country's largest area, so that France is not drawn in
 * the Atlantic between its departments. Taken from the 1:50m atlas, which has the small countries too.
 */
export function countries() {
  return {
    name: 'countries',
    setup(build) {
      build.onResolve({ filter: /^countries$/ }, () => ({ path: 'countries', namespace: 'countries' }));
      build.onLoad({ filter: /.*/, namespace: 'countries' }, async () => {
        const { feature } = await import('topojson-client');
        const { geoArea, geoCentroid } = await import('d3-geo');
        const world = require('world-atlas/countries-50m.json');
        const codes = new Map(require('i18n-iso-countries/codes.json').map(([two, three, number]) => [number, [two, three]]));
        const table = {};
        for (const country of feature(world, world.objects.countries).features) {
          const code = codes.get(country.id);
          if (!code) continue;
          const { type, coordinates } = country.geometry;
          const parts = (type === 'Polygon' ? [coordinates] : coordinates).map((c) => ({ type: 'Polygon', coordinates: c }));
          const largest = parts.reduce((a, b) => (geoArea(b) > geoArea(a) ? b : a));
          const point = geoCentroid(largest).map((x) => Math.round(x * 10) / 10);
          table[code[0]] ??= [code[1], country.properties.name, ...point];
        }
        return { contents: JSON.stringify(table), loader: 'json' };
      });
    },
  };
}
