// The address as the page's state: read by subscription, changed by navigate, and by links, which need no reload.
import { useSyncExternalStore } from 'react';
import { follow, formatUrl, isOwn, parseUrl, type UrlState } from './url';

let current = parseUrl(location.pathname, location.search);
const listeners = new Set<() => void>();

export function useUrl(): UrlState {
  return useSyncExternalStore(subscribe, () => current);
}

/** navigate changes parts of the address; replace leaves no step in the history. */
export function navigate(patch: Partial<UrlState>, replace = false): void {
  set({ ...current, ...patch }, replace);
}

/** addressOf is where navigate would lead, for links that people copy or open in a tab. */
export function addressOf(patch: Partial<UrlState>): string {
  return formatUrl({ ...current, ...patch });
}

/** listen follows the browser's buttons and clicks on links to this page; call it once. */
export function listen(): void {
  window.addEventListener('popstate', () => {
    current = parseUrl(location.pathname, location.search);
    notify();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const anchor = (event.target as Element | null)?.closest?.('a[href]');
    if (!(anchor instanceof HTMLAnchorElement) || (anchor.target && anchor.target !== '_self') || anchor.hasAttribute('download')) return;
    const target = new URL(anchor.href);
    if (!isOwn(target, location.origin)) return;
    event.preventDefault();
    set(follow(current, target), false);
    if (target.pathname !== location.pathname) window.scrollTo(0, 0);
  });
}

function set(next: UrlState, replace: boolean): void {
  const address = formatUrl(next);
  current = next;
  if (address !== location.pathname + location.search) {
    if (replace) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
  }
  notify();
}

function notify(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
