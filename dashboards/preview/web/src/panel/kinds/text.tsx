import { renderTextPanelMarkdown, textUtil } from '@grafana/data';
import { options, type KindProps } from './kind';

interface Options {
  mode: 'markdown' | 'html' | 'code';
  content: string;
}

export function TextKind({ panel, loaded, width, height }: KindProps) {
  const { mode, content } = options<Options>(panel);
  const text = loaded.interpolate(content, undefined, mode === 'code' ? undefined : 'html');
  if (mode === 'code') return <pre className="text-panel" style={{ width, height }}>{text}</pre>;
  const html = mode === 'html' ? textUtil.sanitizeTextPanelContent(text) : renderTextPanelMarkdown(text);
  return <div className="text-panel markdown-html" style={{ width, height }} dangerouslySetInnerHTML={{ __html: html }} />;
}
