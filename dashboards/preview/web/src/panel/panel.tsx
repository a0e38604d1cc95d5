// A panel: its frame, its state, its menu, and within an error boundary what its kind draws.
import { getFieldDisplayName, LoadingState, renderMarkdown, type EventBus, type GrafanaTheme2 } from '@grafana/data';
import { Dropdown, Icon, Menu, PanelChrome, PanelContextProvider, Tooltip, type PanelContext } from '@grafana/ui';
import { Component, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { interpolator } from '../interpolate';
import { panelLinks, type Link } from '../links';
import { navigate } from '../nav';
import type { PanelModel, RawRange } from '../types';
import { configure } from './data';
import { download, Inspect } from './inspect';
import { kinds } from './kinds/all';
import { usePanelQuery, type Outcome, type Load } from './query';
import { append, everything, isolate, isVisible } from './visibility';

interface Props {
  panel: PanelModel;
  load: Load | undefined;
  /** The key of the load that the address asks for; the panel is loading until it has its outcome. */
  wanted: string;
  /** What is chosen: data of another view are wrong, not only old. */
  view: string;
  width: number;
  height: number;
  theme: GrafanaTheme2;
  eventBus: EventBus;
  sync: PanelContext['sync'];
  narrow: boolean;
  viewed: boolean;
  inspected: string | undefined;
  onSettled: (panel: number, key: string) => void;
}

export function Panel({ panel, load, wanted, view, width, height, theme, eventBus, sync, narrow, viewed, inspected, onSettled }: Props) {
  const outcome = usePanelQuery(panel, load, width);
  const [crash, setCrash] = useState<{ key: string; message: string }>();
  const [visibility, setVisibility] = useState(everything);
  const visible = useCallback((name: string) => isVisible(visibility, name), [visibility]);
  const onZoom = useCallback((range: RawRange) => navigate({ from: range.from, to: range.to }), []);

  const context = useMemo<PanelContext>(() => ({
    eventsScope: 'global',
    eventBus,
    sync,
    onToggleSeriesVisibility: (label, mode) => {
      const name = Array.isArray(label) ? label[0] : label;
      setVisibility((old) => (name === null || name === undefined ? everything : String(mode) === 'append' ? append(old, name) : isolate(old, name)));
    },
  }), [eventBus, sync]);

  useEffect(() => afterDrawing(() => outcome && onSettled(panel.id, outcome.key)), [outcome, panel.id, onSettled]);

  const crashed = crash && crash.key === outcome?.key ? crash.message : '';
  const loading = outcome?.key !== wanted;
  const outdated = outcome === undefined || outcome.view !== view;
  const state = loading ? 'loading' : crashed ? 'error' : outcome.state;
  const error = crashed || outcome?.error || '';
  const interpolate = useMemo(
    () => outcome?.loaded?.interpolate ?? (load ? interpolator({ ...load }) : (text?: string) => text ?? ''), [outcome, load],
  );
  const title = interpolate(panel.title, undefined, 'text');
  const body = (innerWidth: number, innerHeight: number) => (
    <div className="panel-body" style={{ width: innerWidth, height: innerHeight }}>
      <div className={outdated || outcome.stale ? 'panel-content pale' : 'panel-content'} inert={outdated}>
        <Boundary attempt={outcome?.key} onCrash={(message) => setCrash({ key: outcome?.key ?? '', message })}>
          <Body panel={panel} outcome={outcome} theme={theme} width={innerWidth} height={innerHeight} visible={visible} onZoom={onZoom} />
        </Boundary>
      </div>
      {outdated && (panel.targets ?? []).length > 0 && <div className="panel-loading">loading</div>}
      {!outdated && outcome.stale && <div className="panel-stale" role="alert">Not refreshed: {error}</div>}
    </div>
  );
  return (
    <div className="panel" style={{ width, height }} aria-busy={loading} data-panel-id={panel.id} data-panel-type={panel.type} data-panel-state={state} data-panel-error={error || undefined}>
      <PanelContextProvider value={context}>
        <PanelChrome
          width={width}
          height={height}
          title={title}
          description={panel.description ? () => renderMarkdown(interpolate(panel.description, undefined, 'html')) : ''}
          displayMode={panel.transparent ? 'transparent' : 'default'}
          titleItems={<TitleLinks links={panelLinks(panel.links ?? [], interpolate)} />}
          loadingState={loading ? LoadingState.Loading : LoadingState.Done}
          statusMessage={error && outcome?.loaded ? (outcome.stale ? `Not refreshed: ${error}` : error) : undefined}
          statusMessageOnClick={() => navigate({ inspect: panel.id, inspectTab: 'query' })}
          menu={() => <PanelMenu panel={panel} outcome={outcome} viewed={viewed} title={title} />}
          collapsible={false}
          showMenuAlways={narrow}
        >
          {body}
        </PanelChrome>
      </PanelContextProvider>
      {inspected !== undefined && <Inspect panel={panel} title={title} outcome={outcome} theme={theme} tab={inspected} />}
    </div>
  );
}

interface BodyProps {
  panel: PanelModel;
  outcome: Outcome | undefined;
  theme: GrafanaTheme2;
  width: number;
  height: number;
  visible: (name: string) => boolean;
  onZoom: (range: RawRange) => void;
}

function Body({ panel, outcome, theme, width, height, visible, onZoom }: BodyProps) {
  const loaded = outcome?.loaded;
  const frames = useMemo(
    () => (loaded ? configure(panel, loaded, theme, (field, frame, frames) => !visible(getFieldDisplayName(field, frame, frames))) : []),
    [panel, loaded, theme, visible],
  );
  const Kind = kinds[panel.type];
  if (!Kind) return <div className="panel-note">The preview does not draw panels of the kind "{panel.type}".</div>;
  if (!outcome) return null;
  if (!loaded) {
    return (
      <div className="panel-error" role="alert">
        <Icon name="exclamation-triangle" size="xl" />
        <pre>{outcome.error}</pre>
        {outcome.statements.length > 0 && (
          <button type="button" className="plain-button" onClick={() => navigate({ inspect: panel.id, inspectTab: 'query' })}>Show the SQL</button>
        )}
      </div>
    );
  }
  if (width <= 0 || height <= 0) return null;
  if (outcome.nothing) return <div className="panel-note">{outcome.nothing}</div>;
  if (outcome.state === 'empty') {
    return (
      <div className="panel-note">
        <span>{loaded.interpolate(panel.fieldConfig.defaults.noValue, undefined, 'text') || 'No data'}</span>
        {outcome.filtered && <small>{outcome.filtered}</small>}
      </div>
    );
  }
  return <Kind panel={panel} frames={frames} loaded={loaded} theme={theme} width={width} height={height} visible={visible} onZoom={onZoom} />;
}


function TitleLinks({ links }: { links: Link[] }) {
  const [first] = links;
  if (!first) return null;
  if (links.length > 1) {
    return (
      <Dropdown overlay={<Menu>{links.map((link) => <Menu.Item key={link.href} label={link.title} url={link.href} target={link.newTab ? '_blank' : '_self'} />)}</Menu>}>
        <button type="button" className="title-link" aria-label="Links"><Icon name="link" size="md" /></button>
      </Dropdown>
    );
  }
  return (
    <Tooltip content={first.title}>
      <a className="title-link" href={first.href} target={first.newTab ? '_blank' : undefined} rel="noreferrer" aria-label={first.title}>
        <Icon name="external-link-alt" size="md" />
      </a>
    </Tooltip>
  );
}

function PanelMenu({ panel, outcome, viewed, title }: { panel: PanelModel; outcome: Outcome | undefined; viewed: boolean; title: string }) {
  const inspect = (tab: string) => navigate({ inspect: panel.id, inspectTab: tab });
  return (
    <Menu>
      <Menu.Item label={viewed ? 'Back to the dashboard' : 'View'} icon="eye" onClick={() => navigate({ viewPanel: viewed ? undefined : panel.id })} />
      {(panel.targets ?? []).length > 0 && (
        <>
          <Menu.Item label="Data" icon="table" onClick={() => inspect('data')} />
          <Menu.Item label="SQL" icon="brackets-curly" onClick={() => inspect('query')} />
          <Menu.Item label="Download CSV" icon="download-alt" disabled={!outcome?.loaded} onClick={() => outcome?.loaded && download(title, outcome.loaded.frames)} />
        </>
      )}
    </Menu>
  );
}

interface BoundaryProps {
  /** What fails is tried again when this changes. */
  attempt: string | undefined;
  onCrash: (message: string) => void;
  children: ReactNode;
}

class Boundary extends Component<BoundaryProps, { message?: string }> {
  override state: { message?: string } = {};

  static getDerivedStateFromError(error: unknown) {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override componentDidCatch(error: unknown) {
    this.props.onCrash(error instanceof Error ? error.message : String(error));
  }

  override componentDidUpdate(before: BoundaryProps) {
    if (before.attempt !== this.props.attempt && this.state.message !== undefined) this.setState({ message: undefined });
  }

  override render() {
    if (this.state.message === undefined) return this.props.children;
    return (
      <div className="panel-error" role="alert">
        <Icon name="exclamation-triangle" size="xl" />
        <pre>This panel could not be drawn: {this.state.message}</pre>
      </div>
    );
  }
}

// Charts draw in the frame after the one that gave them their data. A page in the background gets no frames.
function afterDrawing(done: () => void): () => void {
  let frame = requestAnimationFrame(() => {
    frame = requestAnimationFrame(finish);
  });
  const timer = setTimeout(finish, 250);
  let finished = false;
  function finish() {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    done();
  }
  return () => {
    finished = true;
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}
