// Numbers as people read them.

/** short writes 12,345 as 12.3k. */
export function short(x: number): string {
  const size = Math.abs(x);
  for (const [unit, name] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const) {
    if (size >= unit) return `${digits(x / unit)}${name}`;
  }
  return digits(x);
}

/** millis writes milliseconds, from 1,000 on as seconds. */
export function millis(ms: number): string {
  return Math.abs(ms) >= 1000 ? `${digits(ms / 1000)} s` : `${digits(ms)} ms`;
}

/** percent writes a share with as many digits as tell it from 100 %. */
export function percent(share: number): string {
  const rest = 1 - share;
  const after = rest <= 0 ? 2 : Math.max(0, Math.ceil(-Math.log10(rest) - 1e-9) - 2);
  return `${(100 * share).toFixed(Math.min(after, 6))} %`;
}

/** digits writes a number with three digits, without zeros at the end. */
export function digits(x: number): string {
  if (x === 0 || !Number.isFinite(x)) return '0';
  return String(Number(x.toPrecision(3)));
}
