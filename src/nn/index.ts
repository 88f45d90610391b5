export * from './init.ts';
export * from './layers.ts';
export type { TorchLayout } from './layout.ts';
export * from './module.ts';
export * from './optimizers.ts';
export * from './schedules.ts';
export type { Summary, SummaryRow } from './summary.ts';
