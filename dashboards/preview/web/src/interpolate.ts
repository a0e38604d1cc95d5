// Variables in texts and links, with the syntax and the formats Grafana documents: $name, ${name}, ${name:format},
// ${name.path:format}, [[name]].
import { formattedValueToString, getFieldDisplayName, type DataContextScopedVar, type InterpolateFunction, type ScopedVars, type TimeRange } from '@grafana/data';
import { all, type Resolved } from './variables';

export interface Scope {
  uid: string;
  title: string;
  range: TimeRange;
  intervalMs?: number;
  variables: Resolved[];
}

export type Interpolate = (text: string | undefined, scoped?: ScopedVars, format?: Parameters<InterpolateFunction>[2]) => string;

const pattern = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}/g;

/** interpolator returns a function that replaces what it knows and leaves the rest of a text as it is. */
export function interpolator(scope: Scope): Interpolate {
  return (text, scoped, fallback) => (text ?? '').replace(pattern, (match: string, plain?: string, old?: string, oldFormat?: string, braced?: string, path?: string, format?: string) => {
    const name = plain ?? old ?? braced ?? '';
    const style = format ?? oldFormat ?? (typeof fallback === 'string' ? fallback : undefined);
    const value = lookup(scope, name, path, scoped, style);
    return value ?? match;
  });
}

/** timeParams and variableParams are what a link carries over: `from=..&to=..` and `var-a=..&var-a=..`. */
export function timeParams(range: TimeRange): string {
  return `from=${encodeURIComponent(rawEnd(range.raw.from))}&to=${encodeURIComponent(rawEnd(range.raw.to))}`;
}

export function variableParams(variables: Resolved[]): string {
  return variables.filter((v) => !v.model.skipUrlSync && v.model.type !== 'constant').map(queryParam).join('&');
}

function queryParam(variable: Resolved): string {
  const values = variable.value.length > 0 ? variable.value : [''];
  return values.map((v) => `var-${encodeURIComponent(variable.model.name)}=${encodeURIComponent(v)}`).join('&');
}

function rawEnd(end: TimeRange['raw']['from']): string {
  return typeof end === 'string' ? end : String(end.valueOf());
}

function lookup(scope: Scope, name: string, path: string | undefined, scoped: ScopedVars | undefined, format: string | undefined): string | undefined {
  const local = scoped?.[name];
  if (local && name !== '__dataContext') return apply([String(local.value ?? '')], [String(local.text ?? local.value ?? '')], name, format);
  const macro = builtIn(scope, name, path, scoped?.__dataContext, format);
  if (macro !== undefined) return macro;
  const variable = scope.variables.find((v) => v.model.name === name);
  if (!variable) return undefined;
  if (format === 'queryparam') return queryParam(variable);
  const isAll = variable.value.length === 1 && variable.value[0] === all;
  if (isAll && format === 'text') return 'All';
  // In a link All stays All, so that it is All on the other side too.
  if (isAll && (format === 'uriencode' || format === 'percentencode')) return encodeURIComponent(all);
  let values = variable.value;
  if (isAll) values = variable.model.allValue ? [variable.model.allValue] : variable.options.map((o) => o.value);
  const texts = values.map((value) => variable.options.find((o) => o.value === value)?.text ?? value);
  return apply(values, texts, name, format);
}

function builtIn(scope: Scope, name: string, path: string | undefined, context: DataContextScopedVar | undefined, format: string | undefined): string | undefined {
  switch (name) {
    case '__url_time_range': return timeParams(scope.range);
    case '__all_variables': return variableParams(scope.variables);
    case '__from': return moment(scope.range.from, format);
    case '__to': return moment(scope.range.to, format);
    case '__interval': return scope.intervalMs === undefined ? undefined : `${scope.intervalMs}ms`;
    case '__interval_ms': return scope.intervalMs === undefined ? undefined : String(scope.intervalMs);
    case '__range': return `${rangeSeconds(scope)}s`;
    case '__range_s': return String(rangeSeconds(scope));
    case '__range_ms': return String(rangeSeconds(scope) * 1000);
    case '__timezone': return 'utc';
    case '__dashboard': return apply([path === 'uid' ? scope.uid : scope.title], [scope.title], name, format);
    case '__org': return path === 'name' ? '' : '1';
  }
  if (!context) return undefined;
  const text = ofData(name, path, context);
  return text === undefined ? undefined : apply([text], [text], name, format);
}

// ${__value.raw}, ${__field.labels.region}, ${__data.fields.NAME}, ${__data.fields["NAME"].text}, ${__series.name} ...
function ofData(name: string, path = '', context: DataContextScopedVar): string | undefined {
  const { frame, field, data, rowIndex, calculatedValue } = context.value;
  switch (name) {
    case '__series':
      return path === '' || path === 'name' ? (frame.name ?? getFieldDisplayName(field, frame, data)) : undefined;
    case '__field': {
      if (path === '' || path === 'name') return field.name;
      if (path === 'displayName') return getFieldDisplayName(field, frame, data);
      const label = /^labels\.(.+)$/.exec(path)?.[1] ?? /^labels\[["'](.+)["']\]$/.exec(path)?.[1];
      if (label !== undefined) return field.labels?.[label] ?? '';
      if (path === 'labels') return Object.entries(field.labels ?? {}).map(([k, v]) => `${k}="${v}"`).join(', ');
      return undefined;
    }
    case '__value': {
      if (path === 'time') return rowIndex === undefined ? '' : valueText(frame.fields.find((f) => f.type === 'time')?.values[rowIndex]);
      if (path === 'calc') return calculatedValue ? 'calc' : '';
      if (rowIndex === undefined || (calculatedValue && field.values.length !== 1)) {
        if (!calculatedValue) return '';
        return path === 'text' ? formattedValueToString(calculatedValue) : String(calculatedValue.numeric);
      }
      return part(field, rowIndex, path || 'text');
    }
    case '__data': {
      const match = /^fields(?:\.([^.[\]]+)|\[["']?([^\]"']+)["']?\])(?:\.(text|numeric|raw|time))?$/.exec(path);
      const wanted = match?.[1] ?? match?.[2];
      if (wanted === undefined || rowIndex === undefined) return undefined;
      const other = frame.fields.find((f) => f.name === wanted || getFieldDisplayName(f, frame, data) === wanted) ?? frame.fields[/^\d+$/.test(wanted) ? Number(wanted) : -1];
      return other ? part(other, rowIndex, match?.[3] ?? 'text') : undefined;
    }
  }
  return undefined;
}

function part(field: DataContextScopedVar['value']['field'], row: number, kind: string): string {
  const value: unknown = field.values[row];
  if (kind === 'raw' || kind === 'time') return valueText(value);
  const display = field.display?.(value);
  if (kind === 'numeric') return String(display?.numeric ?? value);
  // A string is what it is; a number is shown with its unit.
  return display ? formattedValueToString(display) : valueText(value);
}

function valueText(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

function moment(at: TimeRange['from'], format: string | undefined): string {
  if (format === undefined || !format.startsWith('date')) return String(at.valueOf());
  const style = format.slice('date:'.length);
  if (style === '' || style === 'iso') return at.toISOString();
  if (style === 'seconds') return String(Math.floor(at.valueOf() / 1000));
  return at.format(style);
}

function rangeSeconds(scope: Scope): number {
  return Math.round((scope.range.to.valueOf() - scope.range.from.valueOf()) / 1000);
}

function apply(values: string[], texts: string[], name: string, format: string | undefined): string {
  const joined = values.length === 1 ? (values[0] ?? '') : undefined;
  switch (format) {
    case 'raw': case 'csv': return values.join(',');
    case 'pipe': return values.join('|');
    case 'json': return JSON.stringify(values.length === 1 ? values[0] : values);
    case 'text': return texts.join(' + ');
    case 'singlequote': return values.map((v) => `'${v.replace(/'/g, "\\'")}'`).join(',');
    case 'doublequote': return values.map((v) => `"${v.replace(/"/g, '\\"')}"`).join(',');
    case 'sqlstring': return values.map((v) => `'${v.replace(/'/g, "''")}'`).join(',');
    case 'regex': return values.length === 1 ? escapeRegex(values[0] ?? '') : `(${values.map(escapeRegex).join('|')})`;
    case 'html': return escapeHtml(joined ?? `{${values.join(',')}}`);
    case 'percentencode': case 'uriencode': return encodeURIComponent(joined ?? `{${values.join(',')}}`);
    case 'queryparam': return values.map((v) => `var-${encodeURIComponent(name)}=${encodeURIComponent(v)}`).join('&');
    default: return joined ?? `{${values.join(',')}}`;
  }
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
