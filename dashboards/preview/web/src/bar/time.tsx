// The time range: quick ranges, or both ends typed as UTC; and steps back, forth and out.
import type { TimeRange } from '@grafana/data';
import { Icon } from '@grafana/ui';
import { useState } from 'react';
import { navigate } from '../nav';
import { describe, format, instant, problem, quickRanges, shift, zoom } from '../time';
import type { Dashboard, QuickRange, RawRange } from '../types';
import { Popover } from './popover';

interface Props {
  raw: RawRange;
  range: TimeRange;
  settings: NonNullable<Dashboard['timepicker']>;
}

export function TimePicker({ raw, range, settings }: Props) {
  const quick = settings.quick_ranges?.length ? settings.quick_ranges : quickRanges;
  return (
    <div className="group">
      <button type="button" className="bar-button icon-only wide-only" aria-label="Earlier" title="Half a range earlier" onClick={() => navigate(shift(range, -1))}>
        <Icon name="angle-left" />
      </button>
      <Popover
        label="Time range"
        title={`${format(range.from.valueOf())} to ${format(range.to.valueOf())} UTC`}
        align="end"
        button={<><Icon name="clock-nine" /><span className="range">{describe(range, quick)}</span><span className="utc">UTC</span><Icon name="angle-down" /></>}
      >
        {(close) => <Editor raw={raw} quick={quick} close={close} />}
      </Popover>
      <button type="button" className="bar-button icon-only wide-only" aria-label="Later" title="Half a range later" onClick={() => navigate(shift(range, 1))}>
        <Icon name="angle-right" />
      </button>
      <button type="button" className="bar-button icon-only" aria-label="Zoom out" title="Zoom out" onClick={() => navigate(zoom(range, 2))}>
        <Icon name="search-minus" />
      </button>
    </div>
  );
}

function Editor({ raw, quick, close }: { raw: RawRange; quick: QuickRange[]; close: () => void }) {
  const [from, setFrom] = useState(readable(raw.from));
  const [to, setTo] = useState(readable(raw.to));
  const [search, setSearch] = useState('');
  const wrong = problem({ from, to }, Date.now());
  const use = (range: RawRange) => {
    navigate({ from: range.from, to: range.to });
    close();
  };
  const apply = () => use({ from: written(from, false), to: written(to, true) });
  const found = quick.filter((q) => q.display.toLowerCase().includes(search.trim().toLowerCase()));
  return (
    <div className="time-picker">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong) apply();
        }}
      >
        <h2>Absolute or relative, in UTC</h2>
        <label>From<input value={from} onChange={(event) => setFrom(event.target.value)} spellCheck={false} name="from" /></label>
        <label>To<input value={to} onChange={(event) => setTo(event.target.value)} spellCheck={false} name="to" /></label>
        {wrong && <p className="wrong" role="alert">{wrong}</p>}
        <button type="submit" className="primary" disabled={wrong !== undefined}>Apply</button>
        <p className="dim">now-6h, now/d, 2026-11-23, 2026-11-23 08:30:00</p>
      </form>
      <div className="quick">
        <input className="search" placeholder="Search quick ranges" value={search} onChange={(event) => setSearch(event.target.value)} aria-label="Search quick ranges" />
        <div className="options" role="listbox">
          {found.map((q) => {
            const current = q.from === raw.from && q.to === raw.to;
            return (
              <button key={q.display} type="button" role="option" aria-selected={current} className={current ? 'option current' : 'option'} onClick={() => use(q)}>{q.display}</button>
            );
          })}
        </div>
      </div>
    </div>
  );
}

// Epoch milliseconds are shown as a time; what is typed as a time goes into the address as milliseconds, as in Grafana.
function readable(end: string): string {
  return /^-?\d{5,}$/.test(end) ? format(Number(end)) : end;
}

function written(end: string, upper: boolean): string {
  if (end.trim().startsWith('now')) return end.trim();
  return String(instant(end, upper, Date.now()) ?? end);
}
