// The kinds that show one value a series or row: stat, gauge, bar gauge.
import {
  getDisplayValueAlignmentFactors, getFieldDisplayValues, VizOrientation, type DisplayValueAlignmentFactors, type FieldDisplay, type ReduceDataOptions,
} from '@grafana/data';
import type { BarGaugeDisplayMode, BarGaugeNamePlacement, BarGaugeValueMode, PercentChangeColorMode, VizTextDisplayOptions } from '@grafana/schema';
import {
  BarGauge, BigValue, DataLinksContextMenu, VizRepeater, type BigValueColorMode, type BigValueGraphMode, type BigValueJustifyMode, type BigValueTextMode,
} from '@grafana/ui';
import type { JSX } from 'react';
import { timeZone } from '../../time';
import { Arc } from './arc';
import { options, type KindProps } from './kind';

interface Options {
  reduceOptions: ReduceDataOptions;
  orientation: VizOrientation;
  text: VizTextDisplayOptions;
  colorMode: BigValueColorMode;
  graphMode: BigValueGraphMode;
  justifyMode: BigValueJustifyMode;
  textMode: BigValueTextMode;
  wideLayout: boolean;
  showPercentChange: boolean;
  percentChangeColorMode: PercentChangeColorMode;
  displayMode: BarGaugeDisplayMode;
  valueMode: BarGaugeValueMode;
  namePlacement: BarGaugeNamePlacement;
  showUnfilled: boolean;
  showThresholdMarkers: boolean;
  showThresholdLabels: boolean;
  minVizWidth: number;
  minVizHeight: number;
  maxVizHeight: number;
}

interface ItemProps {
  value: FieldDisplay;
  width: number;
  height: number;
  orientation: VizOrientation;
  alignmentFactors: DisplayValueAlignmentFactors;
  count: number;
}

/** displayValues reduces the frames as the panel's options say; pie charts use it too. */
export function displayValues({ panel, frames, loaded, theme }: KindProps, sparkline = false): FieldDisplay[] {
  const o = options<Options>(panel);
  return getFieldDisplayValues({
    data: frames,
    fieldConfig: panel.fieldConfig,
    reduceOptions: { calcs: ['lastNotNull'], ...o.reduceOptions },
    replaceVariables: loaded.interpolate,
    sparkline,
    percentChange: o.showPercentChange,
    theme,
    timeZone,
  });
}

export function StatKind(props: KindProps) {
  const { panel, theme } = props;
  const o = options<Options>(panel);
  return (
    <Repeated
      {...props}
      autoGrid
      values={() => displayValues(props, o.graphMode !== 'none').map((value) => {
        if (value.sparkline) value.sparkline.timeRange = props.loaded.range;
        return value;
      })}
      item={({ value, width, height, alignmentFactors, count }) => (
        <BigValue
          value={value.display}
          count={count}
          sparkline={value.sparkline}
          colorMode={o.colorMode as BigValueColorMode}
          graphMode={o.graphMode as BigValueGraphMode}
          justifyMode={o.justifyMode}
          textMode={o.textMode}
          text={o.text}
          disableWideLayout={!o.wideLayout}
          percentChangeColorMode={o.percentChangeColorMode}
          alignmentFactors={alignmentFactors}
          hasLinks={value.hasLinks}
          width={width}
          height={height}
          theme={theme}
        />
      )}
    />
  );
}

export function BarGaugeKind(props: KindProps) {
  const { panel, theme } = props;
  const o = options<Options>(panel);
  return (
    <Repeated
      {...props}
      autoGrid={false}
      values={() => displayValues(props)}
      item={({ value, width, height, orientation, alignmentFactors }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          orientation={orientation}
          displayMode={o.displayMode as BarGaugeDisplayMode}
          valueDisplayMode={o.valueMode}
          namePlacement={o.namePlacement}
          showUnfilled={o.showUnfilled}
          text={o.text}
          itemSpacing={8}
          lcdCellWidth={12}
          alignmentFactors={alignmentFactors}
          width={width}
          height={height}
          theme={theme}
        />
      )}
    />
  );
}

export function GaugeKind(props: KindProps) {
  const { panel, theme } = props;
  const o = options<Options>(panel);
  return (
    <Repeated
      {...props}
      autoGrid
      values={() => displayValues(props)}
      item={({ value, width, height, count }) => (
        <Arc
          value={value}
          width={width}
          height={height}
          theme={theme}
          named={count > 1}
          markers={o.showThresholdMarkers ?? true}
          labels={o.showThresholdLabels ?? false}
          text={o.text}
        />
      )}
    />
  );
}

// Figures side by side in less width than this each, in pixels, cannot be read: they stand in rows then.
const leastItem = 110;

interface RepeatedProps extends KindProps {
  autoGrid: boolean;
  values: () => FieldDisplay[];
  item: (props: ItemProps) => JSX.Element;
}

function Repeated({ panel, frames, width, height, autoGrid, values, item }: RepeatedProps) {
  const o = options<Options>(panel);
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      source={frames}
      getValues={values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderCounter={0}
      orientation={autoGrid && frames.reduce((all, frame) => all + frame.fields.length, 0) * leastItem > width ? VizOrientation.Auto : o.orientation ?? VizOrientation.Auto}
      autoGrid={autoGrid}
      itemSpacing={8}
      minVizWidth={o.minVizWidth}
      minVizHeight={o.minVizHeight}
      maxVizHeight={o.maxVizHeight}
      width={width}
      height={height}
      renderValue={(props) => {
        const { value } = props;
        if (!value.hasLinks || !value.getLinks) return item(props);
        return (
          <DataLinksContextMenu links={value.getLinks} style={{ flexGrow: 1, maxWidth: props.width }}>
            {({ targetClassName, triggerProps }) => <div className={targetClassName} {...triggerProps}>{item(props)}</div>}
          </DataLinksContextMenu>
        );
      }}
    />
  );
}
