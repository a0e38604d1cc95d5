// The data of a load test's report: what producers/load/report writes into the page.

export interface Data {
  runs: Run[];
  searches: Search[];
}

/** A point of a distribution: 1/(1-share), the share of the events, the milliseconds that it does not exceed. */
export type CurvePoint = [inverse: number, share: number, ms: number];

/** A part of the run: seconds, milliseconds, and the share within the SLO. */
export type Fresh = [from: number, to: number, p50: number, p99: number, max: number, within: number];

/** A field of a heat map: seconds, milliseconds, and the share of the events of its time. */
export type Cell = [from: number, to: number, low: number, high: number, share: number];

export interface Run {
  label: string;
  rate: number;
  slo_ms: Record<string, number>;
  end_s: number;
  bands: { name: string; from: number; to: number }[];
  time: number[];
  rates: Record<string, number[]>;
  lag: number[];
  trend: [number, number][];
  freshness: Record<string, Fresh[]>;
  curves: Record<string, CurvePoint[]>;
  /** By role; null where nothing was read. */
  cores: Record<string, (number | null)[]>;
  memory: Record<string, (number | null)[]>;
  parts: number[];
  merges: number[];
  heat: Record<string, Cell[]>;
}

export interface Trial {
  rate: number;
  phase: string;
  outcome: string;
  limit: string;
  p99_ms: number | null;
  slope: number | null;
}

export interface Search {
  label: string;
  slo_ms: number;
  lower: number;
  upper: number;
  trials: Trial[];
  max_growth: number;
}
