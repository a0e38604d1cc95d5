// The bar at the top: which dashboard, which time, how often.
import type { GrafanaTheme2, TimeRange } from '@grafana/data';
import { Icon } from '@grafana/ui';
import { useState } from 'react';
import { addressOf, navigate } from '../nav';
import { refreshIntervals } from '../time';
import type { Dashboard, DashboardSummary, RawRange } from '../types';
import type { UrlState } from '../url';
import { Popover } from './popover';
import { TimePicker } from './time';

interface Props {
  url: UrlState;
  list: DashboardSummary[];
  theme: GrafanaTheme2;
  title?: string;
  time?: {
    raw: RawRange;
    range: TimeRange;
    refresh: string;
    loading: boolean;
    settings: NonNullable<Dashboard['timepicker']>;
    onRefresh: () => void;
  };
}

export function TopBar({ url, list, theme, title, time }: Props) {
  const other = theme.isDark ? 'light' : 'dark';
  return (
    <header className="top">
      <a className="brand" href="/" aria-label="All dashboards"><Mark /><span>Tidemark</span></a>
      {url.uid && <Icon name="angle-right" className="dim" />}
      {url.uid && <Switcher list={list} uid={url.uid} title={title ?? list.find((d) => d.uid === url.uid)?.title ?? url.uid} />}
      <div className="spring" />
      {url.viewPanel !== undefined && (
        <button type="button" className="bar-button" onClick={() => navigate({ viewPanel: undefined })}><Icon name="arrow-left" /> <span>Back to the dashboard</span></button>
      )}
      {time && !time.settings.hidden && <TimePicker raw={time.raw} range={time.range} settings={time.settings} />}
      {time && <Refresh {...time} />}
      <ShareButton />
      <button type="button" className="bar-button icon-only" aria-label={`Use the ${other} theme`} title={`Use the ${other} theme`} onClick={() => navigate({ theme: other }, true)}>
        <ThemeMark dark={theme.isDark} />
      </button>
    </header>
  );
}

function Switcher({ list, uid, title }: { list: DashboardSummary[]; uid: string; title: string }) {
  const [search, setSearch] = useState('');
  const words = search.toLowerCase().split(/\s+/).filter((w) => w !== '');
  const found = list.filter((d) => words.every((word) => `${d.title} ${d.tags?.join(' ') ?? ''}`.toLowerCase().includes(word)));
  return (
    <Popover label="Choose a dashboard" className="bar-button switcher" button={<><h1>{title}</h1><Icon name="angle-down" /></>}>
      {(close) => (
        <>
          <input className="search" placeholder="Search dashboards" value={search} onChange={(event) => setSearch(event.target.value)} aria-label="Search dashboards" />
          <div className="options">
            {found.map((d) => (
              <a key={d.uid} className={d.uid === uid ? 'option current' : 'option'} href={`/d/${encodeURIComponent(d.uid)}`} title={d.description} onClick={close}>
                <span>{d.title}</span>
              </a>
            ))}
            {found.length === 0 && <div className="option none">None found</div>}
          </div>
        </>
      )}
    </Popover>
  );
}

function Refresh({ refresh, loading, settings, onRefresh }: NonNullable<Props['time']>) {
  const intervals = settings.refresh_intervals?.length ? settings.refresh_intervals : refreshIntervals;
  return (
    <div className="group">
      <button type="button" className="bar-button" aria-label="Refresh" title="Refresh" onClick={onRefresh}>
        <Icon name="sync" className={loading ? 'spinning' : undefined} />
        <span className="wide-only">Refresh</span>
      </button>
      <Popover label="Refresh interval" title="Refresh by itself" align="end" button={<>{refresh && <span className="accent">{refresh}</span>}<Icon name="angle-down" /></>}>
        {(close) => (
          <div className="options" role="listbox">
            {['', ...intervals].map((interval) => (
              <button
                key={interval}
                type="button"
                role="option"
                aria-selected={interval === refresh}
                className={interval === refresh ? 'option current' : 'option'}
                onClick={() => {
                  navigate({ refresh: interval });
                  close();
                }}
              >
                {interval || 'Off'}
              </button>
            ))}
          </div>
        )}
      </Popover>
    </div>
  );
}

function ShareButton() {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard?.writeText(new URL(addressOf({}), location.origin).href).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    }, () => undefined);
  };
  return (
    <button type="button" className="bar-button icon-only" aria-label="Copy the link to this view" title={copied ? 'Copied' : 'Copy the link to this view'} onClick={copy}>
      <Icon name={copied ? 'check' : 'share-alt'} />
    </button>
  );
}

function ThemeMark({ dark }: { dark: boolean }) {
  return (
    <svg width="16" height="16" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" aria-hidden="true">
      {dark
        ? <><circle cx="12" cy="12" r="4.5" /><path d="M12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.8 1.8M17.2 17.2L19 19M5 19l1.8-1.8M17.2 6.8L19 5" /></>
        : <path d="M20.5 14.5A8.5 8.5 0 1 1 9.5 3.5a7 7 0 0 0 11 11z" strokeLinejoin="round" />}
    </svg>
  );
}

function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 24 24" fill="none" strokeWidth="2.4" strokeLinecap="round" aria-hidden="true">
      <path d="M2 9c2.5-3 5-3 7.5 0s5 3 7.5 0 3.3-2.4 5-2.2" stroke="#5794f2" />
      <path d="M2 15c2.5-3 5-3 7.5 0s5 3 7.5 0 3.3-2.4 5-2.2" stroke="#73bf69" />
      <path d="M2 21h20" stroke="#ff9830" />
    </svg>
  );
}
