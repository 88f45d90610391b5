import { builtin } from './installed.ts';

interface Descriptors {
  dup(descriptor: number): number;
  dup2(from: number, to: number): number;
  close(descriptor: number): number;
}

let descriptors: Promise<Descriptors | undefined> | undefined;

/** The C library's descriptor calls, which Node does not have; undefined where the package koffi is not installed. */
function loadDescriptors(): Promise<Descriptors | undefined> {
  // A specifier that bundlers cannot follow: an application that does not use koffi does not need it.
  const name = 'koffi';
  descriptors ??= import(/* @vite-ignore */ /* webpackIgnore: true */ name).then(
    ({ default: koffi }) => {
      const libc = koffi.load(null);
      return {
        dup: libc.func('int dup(int)'),
        dup2: libc.func('int dup2(int, int)'),
        close: libc.func('int close(int)'),
      };
    },
    () => undefined,
  );
  return descriptors;
}

/**
 * Runs `run` with what native code writes to stderr held back: warnings of Dawn, of Vulkan's loader and of drivers go past
 * Node, so that only exchanging descriptor 2 stops them. They are written after all where `run` throws, or where
 * `wanted` says so of its result (an adapter that was not found). Only what is written before `run` returns is held
 * back, not what comes while its promise is pending. Only calls `run` where FOVEA_DEBUG is set, on Windows and
 * macOS, and where the package koffi is not installed.
 */
export async function withoutNativeWarnings<T>(
  run: () => Promise<T>,
  wanted: (result: T) => boolean,
): Promise<T> {
  const hides = process.platform === 'linux' && ['', '0'].includes(process.env.FOVEA_DEBUG ?? '');
  const libc = hides ? await loadDescriptors() : undefined;
  if (libc === undefined) return run();
  const fs = builtin<typeof import('node:fs')>('node:fs');
  const { tmpdir } = builtin<typeof import('node:os')>('node:os');
  const path = builtin<typeof import('node:path')>('node:path');

  let file: number;
  let stderr: number;
  try {
    // A file and not a pipe: nobody reads while `run` runs, so a full pipe would block.
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'fovea-'));
    file = fs.openSync(path.join(folder, 'stderr'), 'wx+', 0o600);
    fs.rmSync(folder, { recursive: true });
    stderr = libc.dup(2);
  } catch {
    return run();
  }
  let result: Promise<T>;
  libc.dup2(file, 2);
  try {
    result = run();
  } finally {
    libc.dup2(stderr, 2);
    libc.close(stderr);
  }
  const say = () => {
    const text = Buffer.alloc(fs.fstatSync(file).size);
    // From the start: native code has left the position behind what it wrote.
    fs.readSync(file, text, 0, text.length, 0);
    fs.writeSync(2, text);
  };
  try {
    const value = await result;
    if (wanted(value)) say();
    return value;
  } catch (error) {
    say();
    throw error;
  } finally {
    fs.closeSync(file);
  }
}
