import type { AdapterChoice } from '../../../src/device/device.ts';
import { requestNodeAdapter } from '../../../src/device/node.ts';
import { JaxJs } from './jax.ts';
import type { JaxPackage } from './jaxTypes.ts';
import { loadPeer, peerVersion } from './load.ts';
import { Tfjs } from './tfjs.ts';
import type { TfBundle } from './tfTypes.ts';

/** The backend runs where there is a worker with WebGPU and its classes; what it computes on is the device it is given. */
async function pretendBrowser(gpu: object = {}): Promise<void> {
  const { globals } = (await import('webgpu')) as { globals: object };
  const navigator = globalThis.navigator ?? { userAgent: `Node.js/${process.versions.node}` };
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  Object.assign(globalThis, globals, { WorkerGlobalScope: Object });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
}

/** tfjs in Node, as bench/run.mjs has bundled it; nothing where it is not installed. */
export async function openTfjs(kind: AdapterChoice, patience?: number): Promise<Tfjs | undefined> {
  const bundle = loadPeer<TfBundle>('../dist/tfjs.cjs');
  if (!bundle) return undefined;
  // After the package was loaded: it would open a device by itself.
  await pretendBrowser();
  return Tfjs.open(bundle, await requestNodeAdapter(kind), patience);
}

/** jax-js in Node, which asks `navigator.gpu` for its adapter; nothing where it is not installed. */
export async function openJax(kind: AdapterChoice): Promise<JaxJs | undefined> {
  const jax = loadPeer<JaxPackage>('@jax-js/jax');
  if (!jax) return undefined;
  await pretendBrowser({ requestAdapter: () => requestNodeAdapter(kind) });
  return JaxJs.open(jax, peerVersion('@jax-js/jax'));
}
