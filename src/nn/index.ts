export * from './init.ts';
export * from './layers.ts';
export * from './module.ts';
export * from './optimizers.ts';
export * from './schedules.ts';
