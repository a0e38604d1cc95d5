// What every kind of panel gets to draw itself with.
import type { DataFrame, GrafanaTheme2 } from '@grafana/data';
import type { ReactElement } from 'react';
import type { PanelModel, RawRange } from '../../types';
import type { Loaded } from '../data';

export interface KindProps {
  panel: PanelModel;
  /** With the panel's field configuration applied. */
  frames: DataFrame[];
  loaded: Loaded;
  theme: GrafanaTheme2;
  width: number;
  height: number;
  /** Whether the legend leaves the series of this name on. */
  visible: (name: string) => boolean;
  onZoom: (range: RawRange) => void;
}

export type Kind = (props: KindProps) => ReactElement | null;

/** options reads a panel's options as the type its kind knows; the JSON may lack any of them. */
export function options<T>(panel: PanelModel): Partial<T> {
  return panel.options as Partial<T>;
}
