// What a panel asks for and in which state the answer is.
import { useEffect, useRef, useState } from 'react';
import type { DataFrame, TimeRange } from '@grafana/data';
import { api, ApiError } from '../api';
import { interpolator, type Interpolate, type Scope } from '../interpolate';
import { step } from '../time';
import type { PanelModel } from '../types';
import { values, type Resolved } from '../variables';
import { decode, isEmpty, statementsOf, transform, type Loaded, type Statement } from './data';
import { chosenText, narrowing, nothingMatches } from './filters';
import { loadCharts } from './kinds/chart';
import { needsCharts } from './kinds/all';

/** A Load is one load of a dashboard: a time range, the values of the variables, and what was asked for with them. */
export interface Load {
  uid: string;
  /** Differs between any two loads; view differs when time range or variables were chosen anew: what was is then wrong. */
  key: string;
  view: string;
  title: string;
  range: TimeRange;
  variables: Resolved[];
  annotations: Promise<AnnotationSet[]>;
  signal: AbortSignal;
}

export interface AnnotationSet {
  name: string;
  frames: DataFrame[];
  error: string;
  shownOn: (panel: number) => boolean;
}

export interface Outcome {
  key: string;
  view: string;
  state: 'ready' | 'empty' | 'error';
  /** Of an earlier load where this one failed. */
  loaded?: Loaded;
  stale: boolean;
  error: string;
  /** Why the panel is empty, where the filters are the reason, or may be. */
  nothing?: string;
  filtered?: string;
  statements: Statement[];
}

/** usePanelQuery asks for the panel's data once per load, and gives the last outcome until there is the next. */
export function usePanelQuery(panel: PanelModel, load: Load | undefined, width: number): Outcome | undefined {
  const [outcome, setOutcome] = useState<Outcome>();
  const last = useRef<Outcome>(undefined);
  const size = useRef(width);
  size.current = width;
  useEffect(() => {
    if (!load) return;
    void loadPanel(panel, load, size.current, last.current).then((next) => {
      if (load.signal.aborted) return;
      last.current = next;
      setOutcome(next);
    }, (error: unknown) => {
      if (load.signal.aborted) return;
      // Whatever it was, the panel says so and the others go on.
      const next = failure(load, error instanceof Error ? error.message : String(error), [], last.current);
      last.current = next;
      setOutcome(next);
    });
  }, [panel, load]);
  return outcome;
}

async function loadPanel(panel: PanelModel, load: Load, width: number, previous: Outcome | undefined): Promise<Outcome> {
  const points = panel.maxDataPoints || Math.max(1, Math.round(width));
  const scope: Scope = { uid: load.uid, title: load.title, range: load.range, variables: load.variables };
  const intervalMs = step(load.range, points, interpolator(scope)(panel.interval));
  const interpolate: Interpolate = interpolator({ ...scope, intervalMs });
  const loaded: Loaded = { frames: [], annotations: [], range: load.range, interpolate, statements: [] };
  const charts = needsCharts(panel) ? loadCharts() : undefined;
  if ((panel.targets ?? []).length === 0) {
    await charts;
    return { key: load.key, view: load.view, state: isEmpty(panel, []) ? 'empty' : 'ready', loaded, stale: false, error: '', statements: [] };
  }
  try {
    const answer = await api.query({
      dashboard: load.uid, panel: panel.id, from: load.range.from.valueOf(), to: load.range.to.valueOf(), intervalMs, maxDataPoints: points,
      variables: values(load.variables, load.range),
    }, load.signal);
    const results = answer.results ?? [];
    loaded.statements = statementsOf(results);
    loaded.frames = await transform(panel, decode(results), interpolate);
    if (panel.type === 'timeseries') {
      loaded.annotations = (await load.annotations).filter((set) => set.shownOn(panel.id)).flatMap((set) => set.frames);
    }
    await charts;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return failure(load, [error.message, error.hint].filter((s) => s !== '').join(' '), loaded.statements, previous);
  }
  const filters = narrowing(panel, load.variables);
  const nothing = nothingMatches(filters, loaded.frames);
  const errors = loaded.statements.filter((s) => s.error !== '').map((s) => s.error);
  const empty = nothing !== undefined || isEmpty(panel, loaded.frames);
  if (errors.length > 0) {
    const failed = failure(load, errors.join('\n'), loaded.statements, previous);
    // Where one of several queries failed, what the others gave is shown.
    return empty ? failed : { ...failed, loaded, stale: false };
  }
  return {
    key: load.key, view: load.view, state: empty ? 'empty' : 'ready', loaded, stale: false, error: '', statements: loaded.statements,
    nothing, filtered: chosenText(filters),
  };
}

// A refresh that fails leaves the data of the same view visible; for another view they would be wrong.
function failure(load: Load, error: string, statements: Statement[], previous: Outcome | undefined): Outcome {
  const kept = previous?.view === load.view ? previous.loaded : undefined;
  return { key: load.key, view: load.view, state: 'error', loaded: kept, stale: kept !== undefined, error: error || 'The query failed.', statements };
}
