import type { Shape } from '../../../src/shape.ts';
import type { Contestant } from '../contestant.ts';
import { fromOrt, toOrt } from '../layout.ts';
import { Probe } from '../probe.ts';
import { type JaxWay, type Values, valuesOf, type Workload } from '../workload.ts';
import type { Jax, JaxArray, JaxPackage } from './jaxTypes.ts';

const isArray = (value: unknown): value is JaxArray =>
  typeof value === 'object' && value !== null && 'aval' in value;

const again = (value: unknown): unknown => {
  if (isArray(value)) return value.ref;
  return Array.isArray(value) ? value.map(again) : value;
};

/** The same functions, each with a reference of its own. While jit records, nobody counts what is left over. */
function keeping<T extends object>(functions: T): T {
  const made = new Map<unknown, unknown>();
  return new Proxy(functions, {
    get: (target, name) => {
      const value: unknown = target[name as keyof T];
      if (typeof value !== 'function') return value;
      if (!made.has(name)) made.set(name, (...args: unknown[]) => value(...args.map(again)));
      return made.get(name);
    },
  });
}

/** @jax-js/jax with its WebGPU backend, on a device of its own of the same adapter; every row through jit. */
export class JaxJs {
  readonly version: string;
  readonly #package: JaxPackage;
  readonly #probe: Probe;
  readonly #jax: Jax;

  private constructor(jax: JaxPackage, version: string) {
    this.#package = jax;
    this.version = version;
    this.#probe = new Probe(jax.getWebGPUDevice());
    this.#jax = {
      np: keeping(jax.numpy),
      lax: keeping(jax.lax),
      nn: keeping(jax.nn),
      grads: (fn, inputs, dy) => jax.vjp(fn, inputs.map(again) as JaxArray[])[1](dy.ref),
      valueAndGrads: (fn, inputs) => jax.valueAndGrad(fn)(inputs.map(again) as JaxArray[]),
    };
  }

  /** Where `navigator.gpu` gives the adapter. */
  static async open(jax: JaxPackage, version: string): Promise<JaxJs | undefined> {
    const devices = await jax.init('webgpu');
    if (!devices.includes('webgpu')) return undefined;
    jax.defaultDevice('webgpu');
    return new JaxJs(jax, version);
  }

  async prepare(workload: Workload, way: JaxWay): Promise<Contestant> {
    const { numpy, tree } = this.#package;
    const probe = this.#probe;
    probe.resetPeak();
    const put = (data: Values, shape: Shape) => {
      const array = numpy.array(data, { shape });
      return workload.half ? numpy.astype(array, numpy.float16) : array;
    };
    const given = valuesOf(workload.inputs);
    const inputs = given.map((data, i) => {
      const { shape, layout = 'plain' } = workload.inputs[i]!;
      const { data: turned, dims } = toOrt(data, shape, layout);
      return put(turned, dims);
    });
    let state = (way.state?.(given) ?? []).map(({ data, shape }) => put(data, shape));
    const fn = this.#package.jit((inputs: JaxArray[], state: JaxArray[]) => {
      const { outputs, state: next = [] } = way.fn(this.#jax, inputs, state);
      return [[...outputs], [...next]];
    });
    const start = performance.now();
    let outputs: JaxArray[] = [];
    let jsMs = 0;
    const run = async () => {
      const begin = performance.now();
      tree.dispose(outputs);
      const [results, next] = fn(inputs.map(again) as JaxArray[], state.map(again) as JaxArray[]);
      outputs = results!;
      if (next!.length > 0) {
        tree.dispose(state);
        state = next!;
      }
      jsMs = performance.now() - begin;
      await this.#package.blockUntilReady([...outputs, ...next!]);
    };
    await run();
    const firstMs = performance.now() - start;
    const results: Values[] = [];
    for (const [i, output] of outputs.entries()) {
      const wide = workload.half ? numpy.astype(output.ref, numpy.float32) : output.ref;
      const data = (await wide.data()) as Values;
      results.push(fromOrt(data, output.shape, way.outputs?.[i] ?? 'plain'));
    }
    return {
      library: 'jax-js',
      note: way.note,
      firstMs,
      results,
      before: () => probe.start(),
      run,
      after: async () => ({ gpuMs: await probe.stop(), jsMs }),
      peakBytes: () => probe.peakBytes,
      dispose: async () => tree.dispose([outputs, inputs, state]),
    };
  }
}
