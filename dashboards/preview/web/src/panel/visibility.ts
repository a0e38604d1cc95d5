// Which series a person has chosen in a legend: a click isolates one, a click with ctrl or shift adds or removes one.

export interface Visibility {
  /** only: just these are shown; except: all but these. */
  mode: 'only' | 'except';
  names: ReadonlySet<string>;
}

export const everything: Visibility = { mode: 'except', names: new Set() };

export function isVisible(visibility: Visibility, name: string): boolean {
  return visibility.names.has(name) === (visibility.mode === 'only');
}

export function isolate(visibility: Visibility, name: string): Visibility {
  const alone = visibility.mode === 'only' && visibility.names.size === 1 && visibility.names.has(name);
  return alone ? everything : { mode: 'only', names: new Set([name]) };
}

export function append(visibility: Visibility, name: string): Visibility {
  const names = new Set(visibility.names);
  if (!names.delete(name)) names.add(name);
  return visibility.mode === 'only' && names.size === 0 ? everything : { ...visibility, names };
}
