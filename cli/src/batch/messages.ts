/** What is said between a process that computes and the one that started it. */
import type { ShardDone, ShardTask } from './runner.ts';

export type ToChild = {
  readonly type: 'run';
  readonly task: ShardTask;
  /** Images that are left alone, with the reasons. */
  readonly skip: readonly (readonly [at: number, reason: string])[];
  readonly careful: boolean;
};

export type FromChild =
  | { readonly type: 'adapter'; readonly name: string; readonly software: boolean }
  | { readonly type: 'image'; readonly at: number }
  | { readonly type: 'done'; readonly done: ShardDone }
  /**
   * `usage`: of what was asked for, which no other process can do either; `data`: an error of Fovea, whose message says what to do.
   */
  | { readonly type: 'failed'; readonly message: string; readonly kind: 'usage' | 'data' | 'other' };
