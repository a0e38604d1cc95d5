// One dashboard: loads it, resolves its variables, lays its panels out, and tells the page when all of them have settled.
import { dataFrameFromJSON, EventBusSrv, type DashboardCursorSync, type GrafanaTheme2 } from '@grafana/data';
import { Icon } from '@grafana/ui';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { api, ApiError } from './api';
import { TopBar } from './bar/top';
import { VariableBar } from './bar/variables';
import { findPanel, layout, narrowBelow } from './grid';
import { interpolator } from './interpolate';
import { dashboardLinks } from './links';
import { navigate } from './nav';
import { complete } from './panel/model';
import { Panel } from './panel/panel';
import type { AnnotationSet, Load } from './panel/query';
import { describe, duration, fallbackRange, problem, quickRanges, resolve } from './time';
import type { AnnotationModel, Dashboard, DashboardList, PanelModel, RawRange } from './types';
import type { UrlState } from './url';
import { isComputed, resolveVariables, values, type Cache, type Resolved } from './variables';

interface Props {
  url: UrlState;
  /** undefined until it is there, or could not be had. */
  list: DashboardList | undefined;
  theme: GrafanaTheme2;
  /** Changes when everything is to be asked for again: by hand, by the clock, or because the database is back. */
  tick: number;
  onRefresh: () => void;
  onTrouble: () => void;
}

const eventBus = new EventBusSrv();

export function DashboardPage({ url, list, theme, tick, onRefresh, onTrouble }: Props) {
  const { dashboard, error } = useDashboard(url.uid, tick);
  if (dashboard?.uid === url.uid && list) {
    return <Loaded key={url.uid} dashboard={dashboard} url={url} list={list} theme={theme} tick={tick} onRefresh={onRefresh} onTrouble={onTrouble} />;
  }
  return (
    <>
      {!url.kiosk && <TopBar url={url} list={list?.dashboards ?? []} theme={theme} />}
      {error && <Failed title="This dashboard could not be loaded" error={error} />}
    </>
  );
}

export function Failed({ title, error }: { title: string; error: ApiError }) {
  return (
    <div className="page-error" role="alert">
      <Icon name="exclamation-triangle" size="xxl" />
      <h1>{title}</h1>
      <p>{error.message}</p>
      {error.hint && <p className="dim">{error.hint}</p>}
    </div>
  );
}

function Loaded({ dashboard, url, list, theme, tick, onRefresh, onTrouble }: Props & { dashboard: Dashboard; list: DashboardList }) {
  const { raw, wrong } = useRange(url, dashboard);
  const refresh = url.refresh ?? (typeof dashboard.refresh === 'string' ? dashboard.refresh : '');
  const panels = useMemo(() => (dashboard.panels ?? []).map(complete), [dashboard]);
  const [off, setOff] = useState<ReadonlySet<string>>(() => new Set(annotationsIn(dashboard).filter((a) => a.enable === false).map((a) => a.name)));
  const { load, variables, wanted, view, annotations } = useLoad(dashboard, raw, useChosen(url.vars, list.namespace), off, tick, onTrouble);
  const [toggled, setToggled] = useState<ReadonlySet<number>>(new Set());
  const [grid, width] = useWidth();
  const placed = useMemo(() => place(panels, width, toggled, url.viewPanel), [panels, width, toggled, url.viewPanel]);
  const [settled, onSettled] = useSettled();
  const ready = width > 0 && placed.panels.every(({ panel }) => settled.get(panel.id) === wanted) && load?.key === wanted;
  useBodyState(dashboard.uid, ready);
  useClock(duration(refresh), ready, onRefresh);

  // While variables are resolved anew the old ones still name things, but the range is that of the address.
  const range = load?.view === view ? load.range : resolve(raw, Date.now());
  const scope = { uid: dashboard.uid, title: dashboard.title, range, variables };
  const interpolate = interpolator(scope);
  const links = dashboardLinks(dashboard.links ?? [], list.dashboards, scope, interpolate);
  const title = interpolate(dashboard.title, undefined, 'text');
  useEffect(() => {
    document.title = `${title} - Tidemark`;
  }, [title]);
  const sync = useCallback(() => (dashboard.graphTooltip ?? 0) as DashboardCursorSync, [dashboard]);

  return (
    <>
      {!url.kiosk && (
        <>
          <TopBar
            url={url}
            list={list.dashboards}
            theme={theme}
            title={title}
            time={{ raw, range, refresh, loading: !ready, settings: dashboard.timepicker ?? {}, onRefresh }}
          />
          <VariableBar
            variables={variables}
            links={links}
            annotations={annotationsIn(dashboard).filter((a) => !a.hide).map((model) => ({
              model, on: !off.has(model.name), error: annotations.find((set) => set.name === model.name)?.error ?? '',
            }))}
            theme={theme}
            onChoose={(name, value) => navigate({ vars: { ...chosenOf(variables, url.vars), [name]: value } })}
            onAnnotation={(name) => setOff((old) => toggledIn(old, name))}
          />
        </>
      )}
      {wrong && (
        <div className="banner wrong-range" role="alert">
          <Icon name="exclamation-triangle" size="lg" />
          <span><strong>The range in the address cannot be shown.</strong> {wrong} Shown instead: {describe(range, quickRanges)}.</span>
        </div>
      )}
      <main ref={grid} className="grid" style={{ height: placed.height }}>
        {placed.rows.map(({ panel, collapsed, count, top }) => (
          <button
            key={panel.id}
            type="button"
            className="section"
            style={{ top }}
            aria-expanded={!collapsed}
            data-row-id={panel.id}
            onClick={() => setToggled((old) => toggledIn(old, panel.id))}
          >
            <Icon name={collapsed ? 'angle-right' : 'angle-down'} size="lg" />
            <span>{interpolate(panel.title, undefined, 'text')}</span>
            {collapsed && <em>({count} {count === 1 ? 'panel' : 'panels'})</em>}
          </button>
        ))}
        {placed.panels.map(({ panel, left, top, width: w, height: h }) => (
          <div key={panel.id} className="cell" style={{ left, top, width: w, height: h }}>
            <Panel
              panel={panel}
              load={load}
              wanted={wanted}
              view={view}
              width={w}
              height={h}
              theme={theme}
              eventBus={eventBus}
              sync={sync}
              narrow={width < narrowBelow}
              viewed={url.viewPanel === panel.id}
              inspected={url.inspect === panel.id ? url.inspectTab ?? 'data' : undefined}
              onSettled={onSettled}
            />
          </div>
        ))}
      </main>
    </>
  );
}

function useDashboard(uid: string, tick: number): { dashboard?: Dashboard; error?: ApiError } {
  const [state, setState] = useState<{ dashboard?: Dashboard; error?: ApiError }>({});
  const loaded = state.dashboard?.uid === uid;
  useEffect(() => {
    if (loaded) return;
    const abort = new AbortController();
    document.body.dataset.dashboardState = 'loading';
    document.body.dataset.dashboardUid = uid;
    api.dashboard(uid, abort.signal).then(
      (dashboard) => setState({ dashboard: { ...dashboard, uid } }),
      (error: unknown) => {
        if (!abort.signal.aborted) setState({ error: error instanceof ApiError ? error : new ApiError(String(error)) });
      },
    );
    return () => abort.abort();
    // A dashboard that is here stays: a tick asks again only for one that could not be loaded.
  }, [uid, loaded ? 0 : tick]);
  return state;
}

// The range of the address, each end on its own as in Grafana; the dashboard's where the address has none, or one that is wrong.
function useRange(url: UrlState, dashboard: Dashboard): { raw: RawRange; wrong: string | undefined } {
  const own = dashboard.time ?? fallbackRange;
  const asked = { from: url.from ?? own.from, to: url.to ?? own.to };
  const wrong = problem(asked, Date.now());
  return { raw: wrong === undefined ? asked : own, wrong };
}

// The pipeline the server works on is the one that is looked at, unless the address names another.
function useChosen(inUrl: UrlState['vars'], namespace: string | undefined): UrlState['vars'] {
  return useMemo(() => (namespace ? { namespace: [namespace], ...inUrl } : inUrl), [inUrl, namespace]);
}

/** useLoad starts a load whenever the address or the tick asks for another, and ends the one before. */
function useLoad(dashboard: Dashboard, raw: RawRange, chosen: UrlState['vars'], off: ReadonlySet<string>, tick: number, onTrouble: () => void) {
  const view = JSON.stringify([raw.from, raw.to, chosen]);
  const wanted = `${view} ${JSON.stringify([...off])} ${tick}`;
  const [load, setLoad] = useState<Load>();
  const [variables, setVariables] = useState<Resolved[]>([]);
  const [annotations, setAnnotations] = useState<AnnotationSet[]>([]);
  const cache = useRef<Cache>(new Map());
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    const range = resolve(raw, Date.now());
    const span = { dashboard: dashboard.uid, from: range.from.valueOf(), to: range.to.valueOf() };
    const trouble = (error: unknown): string => {
      if (error instanceof ApiError && error.away) onTrouble();
      return error instanceof Error ? error.message : String(error);
    };
    const start = async () => {
      const resolved = await resolveVariables(dashboard.templating?.list ?? [], chosen, range, cache.current, (name, known) =>
        api.variable({ ...span, name, variables: known }, signal).catch((error: unknown) => ({ error: trouble(error) })));
      if (signal.aborted) return;
      const sets = Promise.all(annotationsIn(dashboard).filter((model) => !off.has(model.name)).map((model) =>
        annotationSet(model, api.annotations({ ...span, name: model.name, variables: values(resolved, range) }, signal), trouble)));
      void sets.then((found) => !signal.aborted && setAnnotations(found));
      setVariables(resolved);
      setLoad({ uid: dashboard.uid, title: dashboard.title, key: wanted, view, range, variables: resolved, annotations: sets, signal });
    };
    void start();
    return () => abort.abort();
  }, [dashboard, wanted]);
  return { load, variables, wanted, view, annotations };
}

async function annotationSet(model: AnnotationModel, answer: ReturnType<typeof api.annotations>, trouble: (error: unknown) => string): Promise<AnnotationSet> {
  const { ids = [], exclude = false } = model.filter ?? {};
  const set: AnnotationSet = { name: model.name, frames: [], error: '', shownOn: (panel) => ids.length === 0 || ids.includes(panel) !== exclude };
  try {
    const { results = [] } = await answer;
    set.error = results.map((result) => result.error ?? '').find((error) => error !== '') ?? '';
    set.frames = results.flatMap((result) => (result.frames ?? []).map((json) => {
      const frame = dataFrameFromJSON(json);
      return { ...frame, meta: { ...frame.meta, custom: { color: model.iconColor ?? 'blue' } } };
    }));
  } catch (error) {
    set.error = trouble(error);
  }
  return set;
}

function annotationsIn(dashboard: Dashboard): AnnotationModel[] {
  return (dashboard.annotations?.list ?? []).filter((model) => !model.builtIn);
}

// What is chosen is written out in the address as a whole, so that a link to it shows the same everywhere. What is computed
// is not: it follows from the rest.
function chosenOf(variables: Resolved[], inUrl: UrlState['vars']): UrlState['vars'] {
  const computed = new Set(variables.filter((v) => isComputed(v.model)).map((v) => v.model.name));
  const shown = variables.filter((v) => v.model.hide !== 2 && !v.model.skipUrlSync && v.model.type !== 'constant');
  return {
    ...Object.fromEntries(Object.entries(inUrl).filter(([name]) => !computed.has(name))),
    ...Object.fromEntries(shown.map((v) => [v.model.name, v.value])),
  };
}

function place(panels: PanelModel[], width: number, toggled: ReadonlySet<number>, viewPanel: number | undefined) {
  const viewed = findPanel(panels, viewPanel);
  if (width <= 0) return { panels: [], rows: [], height: 0 };
  if (!viewed) return layout(panels, width, toggled);
  const height = Math.max(300, window.innerHeight - 140);
  return { panels: [{ panel: viewed, left: 0, top: 0, width, height }], rows: [], height };
}

function useWidth(): [React.RefObject<HTMLElement | null>, number] {
  const ref = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    // A page that is hidden for a moment has no width: its panels would go, and with them what they show.
    const measure = () => element.clientWidth > 0 && setWidth(Math.floor(element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

function useSettled(): [ReadonlyMap<number, string>, (panel: number, key: string) => void] {
  const [settled, setSettled] = useState<ReadonlyMap<number, string>>(new Map());
  const report = useCallback((panel: number, key: string) => {
    setSettled((old) => (old.get(panel) === key ? old : new Map(old).set(panel, key)));
  }, []);
  return [settled, report];
}

function useBodyState(uid: string, ready: boolean): void {
  useLayoutEffect(() => {
    document.body.dataset.dashboardUid = uid;
    document.body.dataset.dashboardState = ready ? 'ready' : 'loading';
  }, [uid, ready]);
}

// The clock waits for a load to end, so that a slow database is not asked faster than it answers, and for the page to be seen.
function useClock(every: number, ready: boolean, onTick: () => void): void {
  useEffect(() => {
    if (every <= 0 || !ready) return;
    let due = false;
    const timer = setTimeout(() => {
      due = true;
      if (!document.hidden) onTick();
    }, every);
    const seen = () => due && !document.hidden && onTick();
    document.addEventListener('visibilitychange', seen);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [every, ready, onTick]);
}

function toggledIn<T>(set: ReadonlySet<T>, item: T): ReadonlySet<T> {
  const next = new Set(set);
  if (!next.delete(item)) next.add(item);
  return next;
}
