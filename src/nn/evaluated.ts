import type { Module } from './module.ts';

/** Calls fn with a model and all below it in evaluation, and then gives each part its mode back. */
export function evaluated<R>(model: Module, fn: () => R): R {
  const training = [...model.modules()].filter((part) => part.training);
  model.eval();
  try {
    return fn();
  } finally {
    for (const part of training) part.training = true;
  }
}
