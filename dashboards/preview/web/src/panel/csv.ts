// Data of a panel as CSV: raw values, times in ISO 8601, one block a frame.
import { FieldType, getFieldDisplayName, type DataFrame } from '@grafana/data';

export function toCsv(frames: DataFrame[]): string {
  return frames.filter((frame) => frame.fields.length > 0).map((frame) => {
    const lines = [frame.fields.map((field) => quote(getFieldDisplayName(field, frame, frames))).join(',')];
    for (let row = 0; row < frame.length; row++) {
      lines.push(frame.fields.map((field) => cell(field.values[row], field.type)).join(','));
    }
    return `${lines.join('\r\n')}\r\n`;
  }).join('\r\n');
}

function cell(value: unknown, type: FieldType): string {
  if (value === null || value === undefined) return '';
  if (type === FieldType.time && typeof value === 'number') return new Date(value).toISOString();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // A spreadsheet would run what looks like a formula.
  return quote(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
