import type { Command } from 'commander';
import { clipped } from './dataProgram.ts';
import { learningOptions, trainOptions } from './trainOptions.ts';

/** Adds all options of `fovea train` but for the adapter. */
export const trainingOptions = (command: Command): Command => trainOptions(learningOptions(clipped(command)));
