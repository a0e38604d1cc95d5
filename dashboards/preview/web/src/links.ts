// Links of the dashboard and of panels, as addresses.
import { timeParams, variableParams, type Interpolate, type Scope } from './interpolate';
import type { DashboardLink, DashboardSummary, PanelLink } from './types';

export interface Link {
  title: string;
  href: string;
  tooltip?: string;
  newTab: boolean;
}

export interface LinkGroup {
  title: string;
  tooltip?: string;
  /** One link stands for itself; a dropdown shows them under its title. */
  dropdown: boolean;
  links: Link[];
}

/** dashboardLinks gives the links at the top of a dashboard, those by tag with one link a dashboard found. */
export function dashboardLinks(
  models: DashboardLink[], list: DashboardSummary[], scope: Scope, interpolate: Interpolate,
): LinkGroup[] {
  return models.map((model) => {
    const newTab = model.targetBlank ?? false;
    const tooltip = interpolate(model.tooltip) || undefined;
    const address = (url: string) => withParams(url, model, scope);
    if (model.type === 'dashboards') {
      const tags = model.tags ?? [];
      const links = list
        .filter((d) => d.uid !== scope.uid && tags.every((tag) => d.tags?.includes(tag)))
        .map((d) => ({ title: d.title, href: address(`/d/${encodeURIComponent(d.uid)}`), tooltip: d.description, newTab }));
      return { title: interpolate(model.title) || 'Dashboards', tooltip, dropdown: model.asDropdown ?? false, links };
    }
    const href = safeUrl(address(interpolate(model.url, undefined, 'uriencode')));
    const title = interpolate(model.title) || href;
    return { title, tooltip, dropdown: false, links: [{ title, href, tooltip, newTab }] };
  }).filter((group) => group.links.length > 0);
}

export function panelLinks(models: PanelLink[], interpolate: Interpolate): Link[] {
  return models.map((model) => ({
    title: interpolate(model.title) || 'Link',
    href: safeUrl(interpolate(model.url, undefined, 'uriencode')),
    newTab: model.targetBlank ?? false,
  }));
}

/**
 * safeUrl lets addresses of this server and of the web through, nothing that a browser would run. Unlike Grafana's own
 * check it leaves escapes as they are: a value with a percent sign must arrive as it left.
 */
export function safeUrl(url: string): string {
  // What browsers ignore must not hide a scheme.
  const plain = url.replace(/[\u0000-\u0020\u007f-\u009f\u200b-\u200f\ufeff]/g, '');
  return /^(https?:\/\/|mailto:|[/?#](?![/\\]))/i.test(plain) ? url.trim() : 'about:blank';
}

function withParams(url: string, model: DashboardLink, scope: Scope): string {
  const params: string[] = [];
  if (model.keepTime) params.push(timeParams(scope.range));
  if (model.includeVars) params.push(variableParams(scope.variables));
  const query = params.filter((p) => p !== '').join('&');
  if (query === '') return url;
  const [path = '', hash] = url.split('#', 2);
  return `${path}${path.includes('?') ? '&' : '?'}${query}${hash === undefined ? '' : `#${hash}`}`;
}
