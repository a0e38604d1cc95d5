// What stands behind a panel: its SQL as it was run, and its data as a table or as CSV.
import type { DataFrame, GrafanaTheme2 } from '@grafana/data';
import { Icon } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { navigate } from '../nav';
import type { PanelModel } from '../types';
import { toCsv } from './csv';
import { configure } from './data';
import { Edges } from './edges';
import type { Outcome } from './query';

interface Props {
  panel: PanelModel;
  title: string;
  outcome: Outcome | undefined;
  theme: GrafanaTheme2;
  tab: string;
}

const tabs = [['data', 'Data'], ['query', 'SQL']] as const;

export function Inspect({ panel, title, outcome, theme, tab }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const close = () => navigate({ inspect: undefined, inspectTab: undefined });
  const shown = tabs.some(([id]) => id === tab) ? tab : 'data';
  return createPortal(
    <dialog ref={dialog} className="inspect" aria-label={`Inspect: ${title}`} onClose={close} onClick={(event) => event.target === dialog.current && dialog.current.close()}>
      <div className="inspect-inner">
        <header>
          <h2>{title || 'Panel'}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}><Icon name="times" size="lg" /></button>
        </header>
        <nav role="tablist">
          {tabs.map(([id, label]) => (
            <button key={id} type="button" role="tab" aria-selected={id === shown} onClick={() => navigate({ inspectTab: id }, true)}>{label}</button>
          ))}
        </nav>
        {shown === 'query' ? <Statements outcome={outcome} /> : <Data panel={panel} title={title} outcome={outcome} theme={theme} />}
      </div>
    </dialog>,
    document.body,
  );
}

function Statements({ outcome }: { outcome: Outcome | undefined }) {
  if (!outcome || outcome.statements.length === 0) return <p className="inspect-note">{outcome?.error || 'This panel has not run a query.'}</p>;
  return (
    <div className="inspect-body scrolls">
      {outcome.statements.map((statement, i) => (
        <section key={i} className="statement">
          <div className="statement-head">
            <strong>{statement.refId}</strong>
            <span>{statement.error ? 'failed' : `${statement.rows.toLocaleString('en')} rows`}{statement.tookMs !== undefined && ` in ${statement.tookMs.toFixed(1)} ms`}</span>
            <CopyButton text={statement.sql} />
          </div>
          {statement.error && <pre className="statement-error">{statement.error}</pre>}
          <pre className="sql">{statement.sql || '(no SQL)'}</pre>
        </section>
      ))}
    </div>
  );
}

function Data({ panel, title, outcome, theme }: Omit<Props, 'tab'>) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [picked, setPicked] = useState(0);
  const loaded = outcome?.loaded;
  const frames = useMemo(() => {
    if (!loaded) return [];
    // The columns' own looks (bars, colours) are the table panel's; here every value is text.
    const plain = { ...panel, fieldConfig: { ...panel.fieldConfig, defaults: { ...panel.fieldConfig.defaults, custom: { align: 'auto', cellOptions: { type: 'auto' } }, links: [] }, overrides: panel.fieldConfig.overrides.map((o) => ({ ...o, properties: o.properties.filter((p) => !p.id.startsWith('custom.') && p.id !== 'links') })) } };
    return configure(plain, loaded, theme, () => false).filter((frame) => frame.fields.length > 0);
  }, [panel, loaded, theme]);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setSize({ width: entry.contentRect.width, height: entry.contentRect.height }));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const frame = frames[picked] ?? frames[0];
  return (
    <div className="inspect-body">
      <div className="inspect-tools">
        {frames.length > 1 && (
          <select value={picked} onChange={(event) => setPicked(Number(event.target.value))} aria-label="Frame">
            {frames.map((f, i) => <option key={i} value={i}>{f.name ?? f.refId ?? `Frame ${i + 1}`}</option>)}
          </select>
        )}
        <span>{frame ? `${frame.length.toLocaleString('en')} rows` : outcome?.error || 'No data'}</span>
        <button type="button" className="plain-button" disabled={!loaded} onClick={() => loaded && download(title, loaded.frames)}>Download CSV</button>
      </div>
      <div ref={box} className="inspect-table">
        {frame && size.width > 0 && <Edges><TableNG data={frame} width={size.width} height={size.height} fieldConfig={panel.fieldConfig} /></Edges>}
      </div>
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      className="plain-button"
      onClick={() => {
        void navigator.clipboard?.writeText(text).then(() => setDone(true), () => setDone(false));
      }}
    >
      {done ? 'Copied' : 'Copy'}
    </button>
  );
}

/** download saves frames as a CSV file named after the panel. */
export function download(title: string, frames: DataFrame[]): void {
  const blob = URL.createObjectURL(new Blob([toCsv(frames)], { type: 'text/csv;charset=utf-8' }));
  const anchor = document.createElement('a');
  anchor.href = blob;
  anchor.download = `${title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').toLowerCase() || 'panel'}.csv`;
  anchor.click();
  // The browser has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(blob), 10_000);
}
