import type { Module } from '../nn/module.ts';

/**
 * Notes which modules of a model are in training mode.
 *
 * @returns A function that sets their modes back.
 */
export function keepModes(model: Module): () => void {
  const modes = [...model.modules()].map((module) => [module, module.training] as const);
  return () => {
    for (const [module, training] of modes) module.training = training;
  };
}
