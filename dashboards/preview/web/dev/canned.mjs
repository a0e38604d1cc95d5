// Dashboards with every kind of panel, and answers made up for them: to work on the page without a database.
const model = ['gpt-5', 'claude-opus', 'llama-4-70b', 'qwen3-32b', 'mistral-large'];
const countries = { US: 4210, DE: 1730, FR: 990, GB: 1410, JP: 1220, IN: 2480, BR: 640, SG: 310, AU: 420, CA: 760, NG: 120, ZA: 95, KR: 510, XX: 12 };
const thresholds = (...steps) => ({ mode: 'absolute', steps: steps.map(([value, color]) => ({ value, color })) });
const target = [{ refId: 'A', format: 0 }];
const table = [{ refId: 'A', format: 1 }];
const grid = (x, y, w, h) => ({ x, y, w, h });

const variables = [
  { type: 'constant', name: 'namespace', query: 'tidemark', hide: 2, skipUrlSync: true },
  { type: 'query', name: 'tenant', label: 'Tenant', hide: 0, multi: true, includeAll: true, refresh: 2, query: 'SELECT tenant', current: { text: 'All', value: '$__all' } },
  { type: 'query', name: 'model', label: 'Model', description: 'As the call named it', multi: true, includeAll: true, refresh: 1, query: 'SELECT model WHERE tenant IN (${tenant:sqlstring})', current: { text: ['All'], value: ['$__all'] } },
  { type: 'custom', name: 'resolution', label: 'Resolution', query: 'Minute : 1m, Hour : 1h, Day : 1d', current: { value: '1h' } },
  { type: 'interval', name: 'window', label: 'Window', query: '1m,10m,1h', auto: true, auto_count: 30, auto_min: '10s', current: { value: '10m' } },
  { type: 'textbox', name: 'search', label: 'Search', query: '' },
];
const annotations = [
  { builtIn: 1, name: 'Annotations & Alerts', enable: true, hide: true },
  { name: 'Releases', enable: true, iconColor: 'purple', target: { refId: 'A' } },
];
const links = [
  { type: 'dashboards', title: 'Tidemark', tags: ['tidemark'], asDropdown: true, includeVars: true, keepTime: true },
  { type: 'link', title: 'Models', url: '/d/second/models?tab=1', includeVars: true, keepTime: true, tooltip: 'Look at the models' },
  { type: 'link', title: 'Elsewhere', url: 'https://example.org/', targetBlank: true },
];

const kinds = [
  { id: 1, type: 'row', title: 'At a glance ($tenant)', gridPos: grid(0, 0, 24, 1), collapsed: false },
  { id: 2, type: 'stat', title: 'Tokens', description: 'Tokens of **all** calls, by the minute of the event. Days are UTC.', gridPos: grid(0, 1, 4, 4), targets: target,
    fieldConfig: { defaults: { unit: 'short', color: { mode: 'thresholds' }, thresholds: thresholds([null, 'blue']) }, overrides: [] }, options: { graphMode: 'area', colorMode: 'value', reduceOptions: { calcs: ['sum'] } } },
  { id: 3, type: 'stat', title: 'Error rate', description: 'Failed calls over all calls.', gridPos: grid(4, 1, 4, 4), targets: target,
    fieldConfig: { defaults: { unit: 'percentunit', decimals: 2, thresholds: thresholds([null, 'green'], [0.02, 'orange'], [0.05, 'red']), links: [{ title: 'Look at $__field.name', url: '/d/second?${__url_time_range}&${__all_variables}&var-value=${__value.raw}' }] }, overrides: [] }, options: { colorMode: 'background', graphMode: 'none', reduceOptions: { calcs: ['mean'] } } },
  { id: 4, type: 'stat', title: 'Audit', description: 'Verdict of the last audit.', gridPos: grid(8, 1, 4, 4), targets: table,
    fieldConfig: { defaults: { mappings: [{ type: 'value', options: { ok: { text: 'OK', color: 'green', index: 0 }, failed: { text: 'FAILED', color: 'red', index: 1 } } }] }, overrides: [] }, options: { colorMode: 'background', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'], fields: '/.*/' } } },
  { id: 5, type: 'stat', title: 'Nothing yet', description: 'A stat without data.', gridPos: grid(12, 1, 4, 4), targets: target, fieldConfig: { defaults: { noValue: 'none yet' }, overrides: [] }, options: {} },
  { id: 6, type: 'gauge', title: 'Lag', description: 'How far behind.', gridPos: grid(16, 1, 4, 4), targets: target,
    fieldConfig: { defaults: { unit: 's', min: 0, max: 120, thresholds: thresholds([null, 'green'], [30, 'orange'], [90, 'red']) }, overrides: [] }, options: { showThresholdMarkers: true } },
  { id: 7, type: 'text', title: 'About', gridPos: grid(20, 1, 4, 4), options: { mode: 'markdown', content: '**Tenant:** ${tenant:text}\n\n* window `${window}`\n* [Models](/d/second?${__url_time_range}&${tenant:queryparam})\n\n<script>alert(1)</script>' } },
  { id: 8, type: 'timeseries', title: 'Tokens by model', description: 'Tokens a minute.', gridPos: grid(0, 5, 12, 9), targets: target, interval: '1m',
    links: [{ title: 'Models of $tenant', url: '/d/second?${__url_time_range}&${__all_variables}' }],
    fieldConfig: { defaults: { unit: 'short', custom: { fillOpacity: 15, lineWidth: 1, showPoints: 'never', stacking: { mode: 'normal', group: 'A' }, axisSoftMin: 0 }, displayName: '${__field.labels.model}', links: [{ title: 'Only ${__field.labels.model}', url: '/d/kinds?${__url_time_range}&var-model=${__field.labels.model}' }] },
      overrides: [{ matcher: { id: 'byName', options: 'gpt-5' }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: 'orange' } }] }] },
    options: { legend: { displayMode: 'table', placement: 'right', calcs: ['mean', 'max'], showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } } },
  { id: 9, type: 'timeseries', title: 'Latency p95', gridPos: grid(12, 5, 12, 9), targets: target,
    fieldConfig: { defaults: { unit: 'ms', displayName: '${__field.labels.model}', custom: { lineWidth: 2, showPoints: 'never', thresholdsStyle: { mode: 'dashed+area' }, axisLabel: 'first token' }, thresholds: thresholds([null, 'transparent'], [900, 'orange'], [1200, 'red']) }, overrides: [{ matcher: { id: 'byRegexp', options: '/llama/' }, properties: [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } }, { id: 'custom.fillOpacity', value: 10 }] }] },
    options: { legend: { displayMode: 'list', placement: 'bottom', calcs: ['lastNotNull'], showLegend: true }, tooltip: { mode: 'single' } } },
  { id: 10, type: 'row', title: 'By what', gridPos: grid(0, 14, 24, 1), collapsed: false },
  { id: 11, type: 'bargauge', title: 'Top models', gridPos: grid(0, 15, 6, 8), targets: table,
    fieldConfig: { defaults: { unit: 'short', color: { mode: 'continuous-BlPu' } }, overrides: [] }, options: { orientation: 'horizontal', displayMode: 'gradient', reduceOptions: { values: true, calcs: [] } } },
  { id: 12, type: 'barchart', title: 'Calls by product', gridPos: grid(6, 15, 6, 8), targets: table,
    fieldConfig: { defaults: { unit: 'short', links: [{ title: 'Product ${__data.fields.product}', url: '/d/second?var-product=${__data.fields.product}' }] }, overrides: [] }, options: { xField: 'product', stacking: 'normal', legend: { showLegend: true, placement: 'bottom', displayMode: 'list' }, tooltip: { mode: 'multi' } } },
  { id: 13, type: 'piechart', title: 'Open and closed weights', gridPos: grid(12, 15, 6, 8), targets: table,
    fieldConfig: { defaults: { unit: 'short' }, overrides: [{ matcher: { id: 'byName', options: 'open' }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: 'purple' } }] }] }, options: { pieType: 'donut', legend: { showLegend: true, displayMode: 'table', placement: 'right', values: ['value', 'percent'] }, reduceOptions: { values: true, calcs: [] }, displayLabels: ['percent'] } },
  { id: 14, type: 'barchart', title: 'By segment', gridPos: grid(18, 15, 6, 8), targets: table, fieldConfig: { defaults: { unit: 'percentunit', min: 0, max: 1, color: { mode: 'palette-classic' } }, overrides: [] }, options: { orientation: 'horizontal', legend: { showLegend: false }, showValue: 'always' } },
  { id: 15, type: 'table', title: 'Models', gridPos: grid(0, 23, 12, 9), targets: table,
    transformations: [{ id: 'organize', options: { excludeByName: { secret: true }, renameByName: { p95: 'Latency p95' }, indexByName: { model: 0, weights: 1, calls: 2, p95: 3, share: 4, errors: 5, released: 6 } } }, { id: 'sortBy', options: { sort: [{ field: 'calls', desc: true }] } }],
    fieldConfig: { defaults: { custom: { align: 'auto' }, thresholds: thresholds([null, 'green'], [900, 'orange'], [1200, 'red']) }, overrides: [
      { matcher: { id: 'byName', options: 'model' }, properties: [{ id: 'links', value: [{ title: 'Only ${__value.text}', url: '/d/kinds?${__url_time_range}&var-model=${__value.raw}' }] }, { id: 'custom.width', value: 140 }] },
      { matcher: { id: 'byName', options: 'calls' }, properties: [{ id: 'unit', value: 'short' }] },
      { matcher: { id: 'byName', options: 'Latency p95' }, properties: [{ id: 'unit', value: 'ms' }, { id: 'custom.cellOptions', value: { type: 'color-text' } }] },
      { matcher: { id: 'byName', options: 'share' }, properties: [{ id: 'unit', value: 'percentunit' }, { id: 'min', value: 0 }, { id: 'max', value: 1 }, { id: 'custom.cellOptions', value: { type: 'gauge', mode: 'gradient' } }, { id: 'color', value: { mode: 'continuous-GrYlRd' } }] },
      { matcher: { id: 'byName', options: 'errors' }, properties: [{ id: 'unit', value: 'percentunit' }, { id: 'decimals', value: 2 }, { id: 'custom.cellOptions', value: { type: 'color-background' } }, { id: 'thresholds', value: thresholds([null, 'green'], [0.01, 'orange'], [0.03, 'red']) }] },
      { matcher: { id: 'byName', options: 'released' }, properties: [{ id: 'unit', value: 'dateTimeAsIso' }] }] },
    options: { cellHeight: 'sm', showHeader: true } },
  { id: 16, type: 'geomap', title: 'Tokens by country', gridPos: grid(12, 23, 12, 9), targets: table,
    fieldConfig: { defaults: { unit: 'short', color: { mode: 'thresholds' }, thresholds: thresholds([null, 'blue'], [1000, 'green'], [2000, 'orange']), links: [{ title: 'Country ${__data.fields.country}', url: '/d/second?var-country=${__data.fields.country}' }] }, overrides: [] },
    options: { view: { id: 'zero', zoom: 1 }, layers: [{ type: 'markers', name: 'Tokens', location: { mode: 'lookup', lookup: 'country', gazetteer: 'public/gazetteer/countries.json' }, config: { style: { size: { field: 'tokens', min: 4, max: 24 }, color: { field: 'tokens' }, opacity: 0.6, text: { field: 'country', mode: 'field' } } } }] } },
  { id: 17, type: 'row', title: 'Over time', gridPos: grid(0, 32, 24, 1), collapsed: false },
  { id: 18, type: 'heatmap', title: 'Latency distribution', gridPos: grid(0, 33, 12, 8), targets: target, fieldConfig: { defaults: { unit: 'short' }, overrides: [] }, options: { calculate: false, color: { mode: 'scheme', scheme: 'Spectral', steps: 64, reverse: false }, yAxis: { unit: 'ms' }, cellGap: 1 } },
  { id: 19, type: 'state-timeline', title: 'Partitions', gridPos: grid(12, 33, 12, 8), targets: target,
    fieldConfig: { defaults: { custom: { fillOpacity: 75, lineWidth: 0 }, mappings: [{ type: 'value', options: { 0: { text: 'live', color: 'green', index: 0 }, 1: { text: 'behind', color: 'orange', index: 1 }, 2: { text: 'stalled', color: 'red', index: 2 } } }] }, overrides: [] }, options: { mergeValues: true, showValue: 'auto', rowHeight: 0.9 } },
  { id: 20, type: 'row', title: 'Trouble', gridPos: grid(0, 41, 24, 1), collapsed: true, panels: [
    { id: 21, type: 'timeseries', title: 'A broken query', gridPos: grid(0, 42, 8, 7), targets: target },
    { id: 22, type: 'timeseries', title: 'No data', gridPos: grid(8, 42, 8, 7), targets: target },
    { id: 23, type: 'newsfeed', title: 'Unknown kind', gridPos: grid(16, 42, 8, 7), targets: target },
    { id: 24, type: 'timeseries', title: 'One query of two', gridPos: grid(0, 49, 8, 7), targets: [{ refId: 'A' }, { refId: 'B' }] },
    { id: 25, type: 'gauge', title: 'Several gauges', gridPos: grid(8, 49, 8, 7), targets: table, options: { reduceOptions: { values: true } }, fieldConfig: { defaults: { unit: 'short', max: 4000, thresholds: thresholds([null, 'green'], [1500, 'orange'], [3000, 'red']) }, overrides: [] } },
    { id: 26, type: 'piechart', title: 'Wrong shape', gridPos: grid(16, 49, 8, 7), targets: table },
  ] },
];

export const dashboards = [
  { uid: 'kinds', title: 'Every kind', description: 'One panel of every kind the preview draws.', tags: ['tidemark', 'test'], panels: kinds, templating: { list: variables }, annotations: { list: annotations }, links, time: { from: 'now-6h', to: 'now' }, refresh: '', graphTooltip: 1, timezone: 'utc' },
  { uid: 'second', title: 'Models', description: 'Tokens, latency and errors by model.', tags: ['tidemark'], panels: [{ ...kinds[7], id: 1, gridPos: grid(0, 0, 24, 10), links: [] }], templating: { list: variables.slice(0, 3) }, annotations: { list: annotations }, links, time: { from: 'now-24h', to: 'now' }, refresh: '5s' },
  { uid: 'empty', title: 'Empty', description: 'A dashboard without panels.', tags: [], panels: [], time: { from: 'now-1h', to: 'now' } },
];

export function options(name) {
  if (name === 'tenant') return Array.from({ length: 40 }, (_, i) => ({ text: `tenant-${String(i + 1).padStart(2, '0')}`, value: `t${i + 1}` }));
  return model.map((value) => ({ text: value, value }));
}

const noise = (seed) => () => {
  let x = Math.imul(seed ^ (seed >>> 16), 0x45d9f3b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  return ((x ^ (x >>> 12)) >>> 0) / 4294967296;
};

function times(from, to, step) {
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, i) => first + i * step);
}

const field = (name, type, labels) => ({ name, type, ...(labels ? { labels } : {}), typeInfo: { frame: type } });
const frame = (refId, fields, values) => ({ schema: { refId, fields }, data: { values } });

function series(at, refId, label, names, f) {
  return frame(refId, [field('time', 'time'), ...names.map((n) => field('value', 'number', { [label]: n }))], [at, ...names.map((_, k) => at.map((t, i) => f(t, k, i)))]);
}

// A wave of the day, with noise that belongs to the time and not to the request.
const wave = (t, k) => 1 + 0.6 * Math.sin(t / 86_400_000 * 2 * Math.PI - 1.5 + k / 3) + 0.25 * noise(Math.floor(t / 60_000) + k * 977)();

export function answer(dashboard, panel, { from, to, intervalMs }, refId) {
  const at = times(from, to, Math.max(intervalMs, 60_000));
  const key = dashboard === 'second' ? 8 : panel;
  switch (key) {
    case 2: return [series(at, refId, '', [''], (t) => Math.round(52_000 * wave(t, 0))).schema ? frame(refId, [field('time', 'time'), field('tokens', 'number')], [at, at.map((t) => Math.round(52_000 * wave(t, 0)))]) : null];
    case 3: return [frame(refId, [field('time', 'time'), field('errors', 'number')], [at, at.map((t) => 0.018 * wave(t, 1))])];
    case 4: return [frame(refId, [field('verdict', 'string')], [['ok']])];
    case 5: case 22: return [];
    case 6: return [frame(refId, [field('time', 'time'), field('lag', 'number')], [at.slice(-3), at.slice(-3).map((t) => 38 * wave(t, 2))])];
    case 8: return [series(at, refId, 'model', model, (t, k) => Math.round(20_000 / (k + 1) * wave(t, k)))];
    case 9: return [series(at, refId, 'model', model.slice(0, 3), (t, k, i) => (k === 1 && i > 20 && i < 26 ? null : Math.round(700 * (0.6 + k / 4) * wave(t, k + 3) / 1.2)))];
    case 11: return [frame(refId, [field('model', 'string'), field('tokens', 'number')], [model, [92e6, 71e6, 33e6, 12e6, 8e6]])];
    case 12: return [frame(refId, [field('product', 'string'), field('ok', 'number'), field('failed', 'number')], [['chat', 'api', 'search', 'code', 'voice'], [5200, 3900, 1800, 1500, 300], [220, 90, 70, 45, 12]])];
    case 13: return [frame(refId, [field('weights', 'string'), field('tokens', 'number')], [['closed', 'open', 'unknown'], [163e6, 45e6, 8e6]])];
    case 14: return [frame(refId, [field('segment', 'string'), field('share', 'number')], [['enterprise', 'startup', 'research', 'hobby'], [0.46, 0.31, 0.15, 0.08]])];
    case 15: return [frame(refId, [field('model', 'string'), field('weights', 'string'), field('calls', 'number'), field('p95', 'number'), field('share', 'number'), field('errors', 'number'), field('released', 'time'), field('secret', 'string')],
      [model, ['closed', 'closed', 'open', 'open', 'unknown'], [182_000, 240_500, 61_200, 40_100, 9_800], [812, 954, 1310, 640, 702], [0.34, 0.45, 0.11, 0.08, 0.02], [0.004, 0.012, 0.041, 0.008, null], [1754524800000, 1747872000000, 1743811200000, 1745798400000, 1721779200000], model.map(() => 'x')])];
    case 16: return [frame(refId, [field('country', 'string'), field('tokens', 'number')], [Object.keys(countries), Object.values(countries)])];
    case 18: return [frame(refId, [field('time', 'time'), ...['100', '250', '500', '1000', '2500', '5000'].map((n) => field(n, 'number'))], [at, ...[0, 1, 2, 3, 4, 5].map((k) => at.map((t) => Math.max(0, Math.round(80 * Math.exp(-((k - 2 - Math.sin(t / 4e6)) ** 2)) * wave(t, k)) - 2)))])];
    case 19: return [series(times(from, to, Math.max(intervalMs, 600_000)), refId, 'partition', ['0', '1', '2', '3'], (t, k) => { const x = noise(Math.floor(t / 3e6) * 7 + k)(); return x > 0.93 ? 2 : x > 0.75 ? 1 : 0; })];
    case 24: return refId === 'A' ? [series(at, refId, 'model', model.slice(0, 1), (t, k) => 100 * wave(t, k))] : [];
    case 25: return [frame(refId, [field('model', 'string'), field('tokens', 'number')], [model.slice(0, 3), [920, 2100, 3300]])];
    case 26: return [frame(refId, [field('only', 'string')], [['text']])];
    default: return [];
  }
}

export function failure(panel, refId) {
  if (panel === 21 || (panel === 24 && refId === 'B')) return "Code: 47. DB::Exception: Unknown expression identifier 'tokns' in scope SELECT sum(tokns) FROM token_calls_1m. Maybe you meant: ['tokens']. (UNKNOWN_IDENTIFIER)";
  return '';
}

export function releases(from, to) {
  const step = (to - from) / 4;
  return frame('Anno', [field('time', 'time'), field('title', 'string'), field('text', 'string'), field('tags', 'string')],
    [[from + step, from + 2.6 * step], ['llama-4-70b', 'gpt-5'], ['Open weights, <b>70B</b>', 'Closed weights'], ['release,open', 'release']]);
}
