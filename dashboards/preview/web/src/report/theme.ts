// Colours that people with any kind of colour blindness tell apart (after Okabe and Ito), on light and on dark.

export interface Theme {
  text: string;
  dim: string;
  line: string;
  back: string;
  bands: [string, string];
  series: string[];
  failed: string;
  /** The colours of a heat map, from few events to many. */
  heat: [string, string];
}

export const light: Theme = {
  text: '#1b1f24', dim: '#59636e', line: '#d5dae0', back: '#ffffff', bands: ['rgba(110,120,135,0.10)', 'rgba(0,0,0,0)'],
  series: ['#5f6b78', '#0067a5', '#c85a00', '#008a68', '#a8508c', '#7a6a00', '#2a9fd6'],
  failed: '#b3400a', heat: ['#e3edf5', '#053c66'],
};

export const dark: Theme = {
  text: '#e4e8ec', dim: '#a0a9b4', line: '#343b44', back: '#14171b', bands: ['rgba(160,170,185,0.12)', 'rgba(0,0,0,0)'],
  series: ['#a9b3be', '#56b4e9', '#f0a030', '#2fc49a', '#e58bc0', '#e6d84a', '#8fc9f2'],
  failed: '#ff9a57', heat: ['#22303b', '#a9dcff'],
};

/** mix is a colour between two, from 0 to 1. */
export function mix([from, to]: [string, string], share: number): string {
  const part = (i: number) => {
    const a = parseInt(from.slice(i, i + 2), 16);
    const b = parseInt(to.slice(i, i + 2), 16);
    return Math.round(a + (b - a) * Math.min(Math.max(share, 0), 1));
  };
  return `rgb(${part(1)},${part(3)},${part(5)})`;
}
