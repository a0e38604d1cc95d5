// The address is the only state of the page that outlives a view: it mirrors Grafana's, so that links work in both.

export interface UrlState {
  /** Empty on the list of dashboards. */
  uid: string;
  slug: string;
  from?: string;
  to?: string;
  /** undefined: the dashboard's own; empty: off. */
  refresh?: string;
  theme?: 'light' | 'dark';
  kiosk: boolean;
  viewPanel?: number;
  inspect?: number;
  inspectTab?: string;
  /** Of `var-NAME=value`; a variable without a value in the address is absent. */
  vars: Record<string, string[]>;
}

const prefix = 'var-';

export function parseUrl(path: string, search: string): UrlState {
  const [, root, uid = '', slug = ''] = path.split('/');
  const query = new URLSearchParams(search);
  const state: UrlState = { uid: '', slug: '', kiosk: false, vars: {} };
  if (root === 'd') {
    state.uid = decode(uid);
    state.slug = decode(slug);
  }
  for (const [key, value] of query) {
    if (key.startsWith(prefix) && key.length > prefix.length) {
      (state.vars[key.slice(prefix.length)] ??= []).push(value);
    }
  }
  state.from = query.get('from') || undefined;
  state.to = query.get('to') || undefined;
  state.refresh = query.get('refresh') ?? undefined;
  const theme = query.get('theme');
  if (theme === 'light' || theme === 'dark') state.theme = theme;
  state.kiosk = query.has('kiosk') && query.get('kiosk') !== 'false';
  state.viewPanel = panelId(query.get('viewPanel'));
  state.inspect = panelId(query.get('inspect'));
  state.inspectTab = query.get('inspectTab') ?? undefined;
  return state;
}

export function formatUrl(state: UrlState): string {
  const query: string[] = [];
  const add = (key: string, value: string) => query.push(`${encode(key)}=${encode(value)}`);
  if (state.from) add('from', state.from);
  if (state.to) add('to', state.to);
  for (const [name, values] of Object.entries(state.vars)) {
    // No value at all is written as an empty one, else it would read as "not chosen".
    for (const value of values.length > 0 ? values : ['']) add(prefix + name, value);
  }
  if (state.refresh !== undefined) add('refresh', state.refresh);
  if (state.viewPanel !== undefined) add('viewPanel', `panel-${state.viewPanel}`);
  if (state.inspect !== undefined) add('inspect', `panel-${state.inspect}`);
  if (state.inspectTab !== undefined && state.inspect !== undefined) add('inspectTab', state.inspectTab);
  if (state.theme) add('theme', state.theme);
  if (state.kiosk) query.push('kiosk');
  let path = '/';
  if (state.uid) path += `d/${encode(state.uid)}${state.slug ? `/${encode(state.slug)}` : ''}`;
  return query.length > 0 ? `${path}?${query.join('&')}` : path;
}

/** follow gives the state behind a link of this page; how it looks (theme, kiosk) stays unless the link says otherwise. */
export function follow(current: UrlState, target: URL): UrlState {
  const next = parseUrl(target.pathname, target.search);
  next.theme ??= current.theme;
  if (!target.searchParams.has('kiosk')) next.kiosk = current.kiosk;
  return next;
}

/** isOwn tells whether the page itself answers this address, so that no reload is needed. */
export function isOwn(target: URL, origin: string): boolean {
  return target.origin === origin && (target.pathname === '/' || target.pathname.startsWith('/d/'));
}

function panelId(text: string | null): number | undefined {
  const match = /^(?:panel-)?(\d+)$/.exec(text ?? '');
  return match ? Number(match[1]) : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// As encodeURIComponent, with the characters left readable that a query may hold.
function encode(text: string): string {
  return encodeURIComponent(text).replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%24/g, '$').replace(/%2C/g, ',');
}
