// The part of a Grafana dashboard's JSON (classic schema) that the page understands, and the bodies of the server's API.
import type { DataFrameJSON, DataLink, DataTransformerConfig, FieldConfigSource } from '@grafana/data';

export interface Dashboard {
  uid: string;
  title: string;
  description?: string;
  tags?: string[];
  panels?: PanelModel[];
  templating?: { list?: VariableModel[] };
  annotations?: { list?: AnnotationModel[] };
  links?: DashboardLink[];
  time?: RawRange;
  timepicker?: { hidden?: boolean; refresh_intervals?: string[]; quick_ranges?: QuickRange[] };
  refresh?: string | boolean;
  /** 0: none, 1: shared crosshair, 2: shared crosshair and tooltip. */
  graphTooltip?: number;
}

export interface PanelModel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  transparent?: boolean;
  gridPos: GridPos;
  targets?: unknown[];
  fieldConfig: FieldConfigSource;
  options: Record<string, unknown>;
  transformations?: DataTransformerConfig[];
  links?: PanelLink[];
  interval?: string;
  maxDataPoints?: number;
  /** Rows only. */
  collapsed?: boolean;
  panels?: PanelModel[];
}

export interface GridPos {
  x: number;
  y: number;
  w: number;
  h: number;
}

export type PanelLink = Pick<DataLink, 'title' | 'url' | 'targetBlank'>;

export interface DashboardLink {
  type: 'link' | 'dashboards';
  title?: string;
  tooltip?: string;
  url?: string;
  tags?: string[];
  asDropdown?: boolean;
  includeVars?: boolean;
  keepTime?: boolean;
  targetBlank?: boolean;
}

export interface VariableModel {
  type: string;
  name: string;
  label?: string;
  description?: string;
  /** 0: shown, 1: without its label, 2: not shown. */
  hide?: number;
  skipUrlSync?: boolean;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string | null;
  query?: unknown;
  current?: { value?: string | string[]; text?: string | string[] };
  options?: Array<{ text?: string | string[]; value?: string | string[] }>;
  /** 1: asked for once, 2: again for each time range. */
  refresh?: number;
  auto?: boolean;
  auto_count?: number;
  auto_min?: string;
}

export interface AnnotationModel {
  name: string;
  enable?: boolean;
  hide?: boolean;
  iconColor?: string;
  builtIn?: number;
  filter?: { exclude?: boolean; ids?: number[] };
}

/** A time range as written: `now-6h`, `now/d`, epoch milliseconds or ISO 8601. */
export interface RawRange {
  from: string;
  to: string;
}

export interface QuickRange extends RawRange {
  display: string;
}

export interface Option {
  text: string;
  value: string;
}

export interface DashboardSummary {
  uid: string;
  title: string;
  description?: string;
  tags?: string[];
}

export interface DashboardList {
  dashboards: DashboardSummary[];
  version?: string;
  namespace?: string;
}

export type VariableValues = Record<string, string[]>;

export interface QueryRequest {
  dashboard: string;
  panel: number;
  from: number;
  to: number;
  intervalMs: number;
  maxDataPoints: number;
  variables: VariableValues;
}

export interface VariableRequest {
  dashboard: string;
  name: string;
  from: number;
  to: number;
  variables: VariableValues;
}

export interface QueryResult {
  refId: string;
  frames?: DataFrameJSON[] | null;
  error?: string;
  sql?: string;
  tookMs?: number;
}
