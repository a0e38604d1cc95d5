// The dashboard's variables: their options and their values, resolved in order, each with those before it.
import type { TimeRange } from '@grafana/data';
import { rangeUtil } from '@grafana/data';
import type { Option, VariableModel, VariableValues } from './types';

/** The value that stands for all options, here and in the address. */
export const all = '$__all';

const auto = '$__auto';

/** A Resolved is a variable with what can be chosen and what is. */
export interface Resolved {
  model: VariableModel;
  options: Option[];
  value: string[];
  /** Why the options could not be read. */
  error?: string;
}

export type Fetch = (name: string, variables: VariableValues) => Promise<{ options?: Option[]; error?: string }>;

/** A Cache keeps a variable's last options, by its name, for as long as what they were asked with stays the same. */
export type Cache = Map<string, { askedWith: string; options: Option[] }>;

/**
 * resolveVariables asks for the options of the variables that have a query. A variable waits for those before it that its
 * query names, and is asked for with these; the others do not wait.
 */
export async function resolveVariables(
  models: VariableModel[], chosen: Record<string, string[]>, range: TimeRange, cache: Cache, fetch: Fetch,
): Promise<Resolved[]> {
  const begun: Array<{ name: string; resolved: Promise<Resolved> }> = [];
  for (const model of models) {
    const query = JSON.stringify(model.query ?? '');
    const before = begun.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(query)).map(({ resolved }) => resolved);
    begun.push({ name: model.name, resolved: resolveOne(model, before, chosen[model.name], range, cache, fetch) });
  }
  return Promise.all(begun.map(({ resolved }) => resolved));
}

async function resolveOne(
  model: VariableModel, before: Array<Promise<Resolved>>, chosen: string[] | undefined, range: TimeRange, cache: Cache, fetch: Fetch,
): Promise<Resolved> {
  if (model.type !== 'query') {
    const options = staticOptions(model);
    return { model, options, value: choose(model, options, chosen) };
  }
  const known = values(await Promise.all(before), range);
  // Grafana asks again for a new time range where refresh is 2.
  const when = model.refresh === 2 ? [range.from.valueOf(), range.to.valueOf()] : [];
  const askedWith = JSON.stringify([known, when]);
  const cached = cache.get(model.name);
  const { options = [], error } = cached?.askedWith === askedWith ? { ...cached, error: '' } : await fetch(model.name, known);
  if (!error) cache.set(model.name, { askedWith, options });
  return { model, options, value: choose(model, options, chosen), error: error || undefined };
}

/** values is what a request carries. A variable of one value that has none has the empty text, as in Grafana. */
export function values(resolved: Resolved[], range: TimeRange): VariableValues {
  return Object.fromEntries(resolved.map(({ model, value }) => {
    const given = value.length === 0 && !model.multi ? [''] : value;
    return [model.name, given.map((v) => fixAuto(model, v, range))];
  }));
}

/** choose takes the address' choice, else the dashboard's if it can be chosen, else All or the first option. */
export function choose(model: VariableModel, options: Option[], chosen: string[] | undefined): string[] {
  if (model.type === 'constant') return [text(model.query)];
  if (model.type === 'textbox') return [chosen?.[0] ?? asList(model.current?.value)[0] ?? text(model.query)];
  const byName = (value: string) => (options.some((o) => o.value === value) ? value : options.find((o) => o.text === value)?.value ?? value);
  if (chosen) {
    // A hidden variable of one value is computed (the resolution for a range): one from a link made for another range is none.
    // All comes along from a dashboard that offers it; one that does not has its own first choice.
    const known = (v: string) => (v === all ? model.includeAll === true : !isComputed(model) || options.some((o) => o.value === v));
    const given = chosen.filter((v) => v !== '').map((v) => (v === 'All' && model.includeAll ? all : byName(v))).filter(known);
    if (given.includes(all)) return [all];
    if (given.length > 0) return model.multi ? [...new Set(given)] : given.slice(0, 1);
  }
  const current = asList(model.current?.value).filter((v) => v === all || options.some((o) => o.value === v));
  if (current.includes(all) && model.includeAll) return [all];
  const kept = current.filter((v) => v !== all);
  if (kept.length > 0) return model.multi ? kept : kept.slice(0, 1);
  if (model.includeAll) return [all];
  // A kind the page does not know keeps what the dashboard was saved with.
  if (options.length === 0) return asList(model.current?.value);
  return options.slice(0, 1).map((o) => o.value);
}

/** limitOf is the most options that a variable's query gives: the LIMIT that it ends with. */
export function limitOf(model: VariableModel): number {
  const match = model.type === 'query' ? /\blimit\s+(\d+)\s*$/i.exec(text(model.query)) : null;
  return match ? Number(match[1]) : Infinity;
}

/** isCut tells whether there may be more options than those that are listed. */
export function isCut({ model, options }: Resolved): boolean {
  return options.length >= limitOf(model);
}

/** missing are the chosen values that do not exist. Of a list that is cut, or could not be read, nobody knows. */
export function missing(variable: Resolved): string[] {
  const { model, options, value, error } = variable;
  if (model.type !== 'query' || error || isCut(variable)) return [];
  return value.filter((v) => v !== all && !options.some((o) => o.value === v));
}

/** noSuch says of a chosen value that does not exist what it is: `no such tenant in this range`. */
export function noSuch(model: VariableModel): string {
  return `no such ${nameOf(model)}${model.refresh === 2 ? ' in this range' : ''}`;
}

/** nameOf is a variable's name within a sentence. */
export function nameOf(model: VariableModel): string {
  return (model.label || model.name).toLowerCase();
}

/** isComputed tells whether nobody can choose the value: the dashboard's queries do. */
export function isComputed(model: VariableModel): boolean {
  return model.type === 'query' && model.hide === 2 && !model.multi && !model.includeAll;
}

/** toggle is the value after a click on an option: one at a time, or added and removed when several may be chosen. */
export function toggle(variable: Resolved, value: string): string[] {
  if (!variable.model.multi || value === all) return [value];
  const without = variable.value.filter((v) => v !== all);
  const next = without.includes(value) ? without.filter((v) => v !== value) : [...without, value];
  if (next.length > 0) return next;
  return variable.model.includeAll ? [all] : [value];
}

/** label is how a choice reads in one line. */
export function label(variable: Resolved): string {
  const texts = variable.value.map((value) => optionText(variable, value));
  if (texts.length === 0) return 'None';
  return texts.length > 2 ? `${texts.slice(0, 2).join(' + ')} + ${texts.length - 2} more` : texts.join(' + ');
}

export function optionText(variable: Resolved, value: string): string {
  if (value === all) return 'All';
  return variable.options.find((o) => o.value === value)?.text ?? value;
}

/** staticOptions reads the options that are written in the dashboard: `a, b`, `Text : value`; a comma is written `\,`. */
export function staticOptions(model: VariableModel): Option[] {
  if (model.type === 'constant') return [{ text: text(model.query), value: text(model.query) }];
  if (model.type !== 'custom' && model.type !== 'interval') {
    return (model.options ?? []).flatMap((o) => {
      const value = asList(o.value)[0];
      return value === undefined || value === all ? [] : [{ value, text: asList(o.text)[0] ?? value }];
    });
  }
  const options = text(model.query).split(/(?<!\\),/).map((part) => part.replace(/\\,/g, ',').trim()).filter((part) => part !== '')
    .map((part) => {
      const pair = model.type === 'custom' ? /^(.*\S)\s+:\s+(.+)$/.exec(part) : null;
      return pair ? { text: pair[1]!.trim(), value: pair[2]!.trim() } : { text: part, value: part };
    });
  if (model.type === 'interval' && model.auto) options.unshift({ text: 'auto', value: `${auto}_interval_${model.name}` });
  return options;
}

function fixAuto(model: VariableModel, value: string, range: TimeRange): string {
  if (model.type !== 'interval' || !value.startsWith(auto)) return value;
  return rangeUtil.calculateInterval(range, model.auto_count ?? 30, model.auto_min ?? '10s').interval;
}

function asList(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
}
