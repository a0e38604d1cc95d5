// Which filters narrow a panel down, and whether they leave anything.
import { FieldType, type DataFrame } from '@grafana/data';
import type { PanelModel } from '../types';
import { all, missing, nameOf, type Resolved } from '../variables';

/** narrowing gives the filters that a panel's statements name and that have something chosen. */
export function narrowing(panel: PanelModel, variables: Resolved[]): Resolved[] {
  const statements = JSON.stringify(panel.targets ?? []);
  return variables.filter(({ model, value }) =>
    model.includeAll === true && (model.hide ?? 0) < 2 && !value.includes(all) && new RegExp(`\\$\\{?${model.name}\\b`).test(statements));
}

/** nothingMatches says so where one of the filters has only values that do not exist, and the panel has nothing but zeros. */
export function nothingMatches(filters: Resolved[], frames: DataFrame[]): string | undefined {
  const impossible = filters.filter((f) => f.value.length > 0 && missing(f).length === f.value.length);
  if (impossible.length === 0 || !frames.every(isZero)) return undefined;
  return `Nothing in this range matches ${impossible.map(written).join(' and ')}.`;
}

/** chosenText names the filters beside whatever else a panel says of having nothing. */
export function chosenText(filters: Resolved[]): string {
  return filters.length === 0 ? '' : `Filtered by ${filters.map(written).join(', ')}`;
}

function written({ model, value }: Resolved): string {
  const values = value.slice(0, 3).map((v) => (v.length > 60 ? `${v.slice(0, 60)}...` : v));
  return `${nameOf(model)} ${values.join(' or ')}${value.length > 3 ? ` or ${value.length - 3} more` : ''}`;
}

function isZero(frame: DataFrame): boolean {
  return frame.fields.every((f) => f.type === FieldType.time || (f.values as unknown[]).every((v) => !v));
}
