// What Grafana's application registers with @grafana/data at its start, and a page outside it must register itself: without
// it units, overrides and transformations are ignored without a word.
import {
  booleanOverrideProcessor, dataLinksOverrideProcessor, displayNameOverrideProcessor, FieldConfigOptionsRegistry, FieldType,
  identityOverrideProcessor, locationUtil, numberOverrideProcessor, standardTransformers, standardTransformersRegistry,
  stringOverrideProcessor, thresholdsOverrideProcessor, unitOverrideProcessor, valueMappingsOverrideProcessor,
  type Field, type FieldConfigPropertyItem, type FieldConfigSource, type FieldOverrideContext, type TransformerRegistryItem,
} from '@grafana/data';

// The processors differ in the type of their value; the registry holds them all as unknown.
type Process = FieldConfigPropertyItem<object, unknown, object>['process'];

const standard: Array<[id: string, process: unknown]> = [
  ['displayName', displayNameOverrideProcessor], ['unit', unitOverrideProcessor], ['decimals', numberOverrideProcessor],
  ['min', numberOverrideProcessor], ['max', numberOverrideProcessor], ['fieldMinMax', booleanOverrideProcessor],
  ['noValue', stringOverrideProcessor], ['description', stringOverrideProcessor], ['color', identityOverrideProcessor],
  ['thresholds', thresholdsOverrideProcessor], ['mappings', valueMappingsOverrideProcessor],
  ['links', dataLinksOverrideProcessor], ['filterable', booleanOverrideProcessor], ['nullValueMode', identityOverrideProcessor],
];

function item(id: string, path: string, process: unknown, isCustom: boolean): FieldConfigPropertyItem {
  return {
    id, path, name: id, isCustom,
    // Grafana fills variables into these two, and not, say, into the text for no value.
    settings: id === 'displayName' || id === 'custom.axisLabel' ? { expandTemplateVars: true } : undefined,
    process: process as Process as FieldConfigPropertyItem['process'],
    override: () => null,
    editor: () => null,
    // The axis of the values is no axis of time: its label would land there too.
    shouldApply: (field: Field) => !id.startsWith('custom.axis') || field.type !== FieldType.time,
  };
}

/** registryFor knows the standard properties and the custom ones this panel uses. */
export function registryFor(config: FieldConfigSource): FieldConfigOptionsRegistry {
  const custom = new Set(Object.keys((config.defaults.custom ?? {}) as object));
  for (const override of config.overrides) {
    for (const property of override.properties) {
      if (property.id.startsWith('custom.')) custom.add(property.id.slice('custom.'.length));
    }
  }
  return new FieldConfigOptionsRegistry(() => [
    ...standard.map(([id, process]) => item(id, id, process, false)),
    ...[...custom].map((path) => item(`custom.${path}`, path, path === 'axisLabel' ? stringOverrideProcessor : identity, true)),
  ]);
}

const identity = (value: unknown, _context: FieldOverrideContext) => value;

/** register makes the standard transformations known, and leaves the check of links to configure. Call it once. */
export function register(): void {
  const none = () => ({});
  const config = { appSubUrl: '', disableSanitizeHtml: true } as Parameters<typeof locationUtil.initialize>[0]['config'];
  locationUtil.initialize({ config, getTimeRangeForUrl: none as never, getVariablesUrlParams: none });
  standardTransformersRegistry.setInit(() => {
    const byId = new Map(Object.values(standardTransformers).map((transformer) => [transformer.id, transformer]));
    return [...byId.values()].map((transformer): TransformerRegistryItem => ({
      id: transformer.id,
      name: transformer.name,
      transformation: () => Promise.resolve(transformer),
      editor: () => null,
      imageDark: '',
      imageLight: '',
    }));
  });
}
