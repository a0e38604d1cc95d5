// Under the bar: the dashboard's variables, its annotations, and its links.
import type { GrafanaTheme2 } from '@grafana/data';
import { Icon, Tooltip } from '@grafana/ui';
import { useEffect, useRef, useState } from 'react';
import type { Link, LinkGroup } from '../links';
import type { AnnotationModel } from '../types';
import { all, isCut, label, limitOf, missing, noSuch, optionText, toggle, type Resolved } from '../variables';
import { Popover } from './popover';

interface Props {
  variables: Resolved[];
  links: LinkGroup[];
  annotations: Array<{ model: AnnotationModel; on: boolean; error: string }>;
  theme: GrafanaTheme2;
  onChoose: (name: string, value: string[]) => void;
  onAnnotation: (name: string) => void;
}

// More options than this are not drawn at once: the search finds them.
const most = 1000;

export function VariableBar({ variables, links, annotations, theme, onChoose, onAnnotation }: Props) {
  const shown = variables.filter((v) => (v.model.hide ?? 0) < 2 && v.model.type !== 'constant');
  if (shown.length + links.length + annotations.length === 0) return null;
  return (
    <div className="sub">
      {shown.map((variable) => (
        <div key={variable.model.name} className="variable" data-variable={variable.model.name}>
          {variable.model.hide !== 1 && (
            <span className="variable-label" title={variable.model.description}>{variable.model.label || variable.model.name}</span>
          )}
          {variable.model.type === 'textbox'
            ? <TextBox variable={variable} onChoose={onChoose} />
            : <Picker variable={variable} onChoose={onChoose} />}
          {variable.error && <Trouble text={variable.error} />}
          {missing(variable).length > 0 && <Missing variable={variable} />}
        </div>
      ))}
      {annotations.map(({ model, on, error }) => (
        <button key={model.name} type="button" className={on ? 'annotation-toggle on' : 'annotation-toggle'} aria-pressed={on} onClick={() => onAnnotation(model.name)} title={`${on ? 'Hide' : 'Show'} the annotations "${model.name}"`}>
          <i style={{ background: theme.visualization.getColorByName(model.iconColor ?? 'blue') }} />
          {model.name}
          {error && <Trouble text={error} />}
        </button>
      ))}
      <div className="spring" />
      <div className="links">
        {links.map((group, i) => (group.dropdown
          ? (
            <Popover key={i} label={group.title} title={group.tooltip} align="end" className="bar-button link-button" button={<><Icon name="bars" /><span>{group.title}</span><Icon name="angle-down" /></>}>
              {(close) => <div className="options">{group.links.map((link) => <Anchor key={link.href} link={link} className="option" onClick={close} />)}</div>}
            </Popover>
          )
          : group.links.map((link) => <Anchor key={link.href} link={link} className="bar-button link-button" icon />)))}
      </div>
    </div>
  );
}

function Anchor({ link, className, icon, onClick }: { link: Link; className: string; icon?: boolean; onClick?: () => void }) {
  return (
    <a className={className} href={link.href} title={link.tooltip} target={link.newTab ? '_blank' : undefined} rel="noreferrer" onClick={onClick}>
      {icon && <Icon name={link.href.startsWith('/') ? 'apps' : 'external-link-alt'} />}
      <span>{link.title}</span>
    </a>
  );
}

function Trouble({ text }: { text: string }) {
  return (
    <Tooltip content={text} theme="error">
      <span className="trouble" aria-label={text}><Icon name="exclamation-triangle" /></span>
    </Tooltip>
  );
}

function Missing({ variable }: { variable: Resolved }) {
  const which = missing(variable);
  // One that is chosen alone stands beside it.
  const named = variable.value.length > 1 ? `${which.length > 2 ? `${which.length} of them` : which.join(', ')}: ` : '';
  return <span className="missing" role="status"><Icon name="exclamation-triangle" size="sm" />{named}{noSuch(variable.model)}</span>;
}

function Picker({ variable, onChoose }: { variable: Resolved; onChoose: Props['onChoose'] }) {
  const name = variable.model.label || variable.model.name;
  return (
    <Popover label={name} className="bar-button value" button={<><span className="value-text">{label(variable)}</span><Icon name="angle-down" /></>}>
      {(close) => <Options variable={variable} onChoose={onChoose} close={close} />}
    </Popover>
  );
}

function Options({ variable, onChoose, close }: { variable: Resolved; onChoose: Props['onChoose']; close: () => void }) {
  const { model, options, value } = variable;
  const [search, setSearch] = useState('');
  // Of several clicks in a row only the last asks for data; one that is still waiting when the box closes counts too.
  const [draft, setDraft] = useState(value);
  const given = value.join('\n');
  useEffect(() => setDraft(value), [given]);
  const pending = useRef<() => void>(undefined);
  pending.current = model.multi && !same(draft, value) ? () => onChoose(model.name, draft) : undefined;
  useEffect(() => {
    const timer = setTimeout(() => pending.current?.(), 600);
    return () => clearTimeout(timer);
  }, [draft]);
  useEffect(() => () => pending.current?.(), []);

  const needle = search.trim().toLowerCase();
  const extra = draft.filter((v) => v !== all && !options.some((o) => o.value === v)).map((v) => ({ text: v, value: v }));
  const listed = [...(model.includeAll ? [{ text: 'All', value: all }] : []), ...extra, ...options];
  const found = listed.filter((o) => needle === '' || o.text.toLowerCase().includes(needle) || o.value.toLowerCase().includes(needle));
  const cut = isCut(variable);
  const typed = search.trim();
  if (cut && typed !== '' && !found.some((o) => o.value === typed)) found.push({ text: `"${typed}", as typed`, value: typed });
  const pick = (option: string, alone: boolean) => {
    const next = alone ? [option] : toggle({ ...variable, value: draft }, option);
    if (model.multi && !alone) {
      setDraft(next);
      return;
    }
    pending.current = undefined;
    onChoose(model.name, next);
    close();
  };
  return (
    <>
      <input
        className="search"
        placeholder="Search"
        aria-label={`Search ${model.label || model.name}`}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        onKeyDown={(event) => {
          const [first] = found;
          if (event.key !== 'Enter' || !first) return;
          // The box closes and its button has the focus again: the key must not open it once more.
          event.preventDefault();
          pick(first.value, true);
        }}
      />
      {cut && <p className="list-note">The first {limitOf(model).toLocaleString('en')} are listed. Type the whole name of another.</p>}
      <div className="options" role="listbox" aria-multiselectable={model.multi}>
        {found.slice(0, most).map((option) => {
          const chosen = draft.includes(option.value);
          return (
            <div key={option.value} className={chosen ? 'option current' : 'option'} role="option" aria-selected={chosen} tabIndex={0} data-value={option.value}
              onClick={() => pick(option.value, false)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter' && event.key !== ' ') return;
                event.preventDefault();
                pick(option.value, false);
              }}
            >
              {model.multi && <span className={chosen ? 'check on' : 'check'}>{chosen && <Icon name="check" size="xs" />}</span>}
              <span>{option.text}</span>
              {extra.includes(option) && (cut ? <em>not listed</em> : <em>{noSuch(model)}</em>)}
              {model.multi && option.value !== all && (
                <button type="button" className="only" tabIndex={-1} onClick={(event) => {
                  event.stopPropagation();
                  pick(option.value, true);
                }}>only</button>
              )}
            </div>
          );
        })}
        {found.length === 0 && <div className="option none">{needle ? 'None found' : 'No options in this time range'}</div>}
        {found.length > most && <div className="option none">{(found.length - most).toLocaleString('en')} more: search for them</div>}
      </div>
    </>
  );
}

function TextBox({ variable, onChoose }: { variable: Resolved; onChoose: Props['onChoose'] }) {
  const given = variable.value[0] ?? '';
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  const done = () => text !== given && onChoose(variable.model.name, [text]);
  return (
    <input
      className="text-box"
      aria-label={variable.model.label || variable.model.name}
      title={optionText(variable, given)}
      value={text}
      onChange={(event) => setText(event.target.value)}
      onBlur={done}
      onKeyDown={(event) => event.key === 'Enter' && done()}
    />
  );
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
