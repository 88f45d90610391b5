/**
 * Models of any origin, ready to run: told by their content.
 *
 * @module
 */

export { type ExportModelOptions, exportModel, type ModelExport, usualSide } from './exportModel.ts';
export { hasNamedModel, type NamedModelOptions, namedModel } from './namedModel.ts';
export type { OpenedModel, OpenModelOptions } from './openedModel.ts';
export { openModel } from './openModel.ts';
export { type FromTorchvisionOptions, fromTorchvision } from './pretrained.ts';
