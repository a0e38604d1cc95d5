// What a dashboard may be by Grafana's own types. The types are of programs, where a value of an enum is written by its name;
// in JSON it is written as it is, so Json turns each into the texts or numbers that it stands for.
import type * as grafana from '@grafana/schema';
import type * as v2 from '@grafana/schema/apis/dashboard.grafana.app/v2';
import type * as dashboard from '@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen';
import type * as geomap from '@grafana/schema/dist/esm/raw/composable/geomap/panelcfg/x/GeomapPanelCfg_types.gen';
import type * as piechart from '@grafana/schema/dist/esm/raw/composable/piechart/panelcfg/x/PieChartPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

// The query is the data source's, whose types are none of Grafana's.
type Query = grafana.DataQuery & { [field: string]: unknown };

// Two fields of the dashboards that Grafana writes stand in its types of the second version only.
type Fields = Omit<dashboard.FieldConfig, 'custom'> & Pick<v2.FieldConfig, 'fieldMinMax'>;
type Variable = dashboard.VariableModel & Pick<v2.QueryVariableSpec, 'definition'>;

// One property that an override sets: of all panels, or of the panel's own.
type Property<Custom> =
  | { [K in keyof Fields]-?: { id: K; value: Json<Fields[K]> } }[keyof Fields]
  | { [K in keyof Custom & string]-?: { id: `custom.${K}`; value: Json<Custom[K]> } }[keyof Custom & string];

type Plugin<Type extends string, Options, Custom> = Json<Omit<dashboard.Panel, 'type' | 'options' | 'fieldConfig' | 'targets' | 'datasource'>> & {
  type: Type;
  datasource: grafana.DataSourceRef;
  targets: Query[];
  options: Json<Options>;
  fieldConfig: {
    defaults: Json<Fields> & { custom?: Json<Custom> };
    overrides: { matcher: Json<dashboard.MatcherConfig>; properties: Property<Custom>[] }[];
  };
};

// These may be left out: the plugin has a default for them.
type Defaulted = 'sort' | 'displayLabels';
type Slices = Omit<piechart.Options, Defaulted> & Partial<Pick<piechart.Options, Defaulted>>;

type Panel =
  | Plugin<'geomap', geomap.Options, {}>
  | Plugin<'piechart', Slices, piechart.FieldConfig>
  | Plugin<'stat', stat.Options, {}>
  | Plugin<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | Plugin<'table', table.Options, Partial<table.FieldConfig>>
  | Plugin<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Json<dashboard.RowPanel>;

type Annotation = Json<Omit<dashboard.AnnotationQuery, 'target'>> & { target?: Query };

export type Board = Json<Omit<dashboard.Dashboard, 'panels' | 'annotations' | 'templating'>> & {
  panels: Panel[];
  templating: { list: Json<Variable>[] };
  annotations?: { list?: Annotation[] };
};
