import { AdapterError, UsageError } from '../errors.ts';
import { builtin, installedFolders } from './installed.ts';
import { withoutNativeWarnings } from './nativeStderr.ts';
import { waitPatiently } from './polling.ts';
import { unpackSwiftShader } from './swiftshader.ts';

/** Which adapter to take: the first that there is, or one kind and no other. */
export type AdapterChoice = 'auto' | 'hardware' | 'lavapipe' | 'swiftshader';

interface Dawn {
  create(options: string[]): GPU;
}

// By driver and toggles, one for all devices: an instance takes megabytes, and Dawn crashes at the next call once the object
// that create() returned has been collected.
const instances = new Map<string, GPU>();

const togglesOf = (boundsChecks: boolean): string[] => [
  `enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia${boundsChecks ? '' : ',disable_robustness'}`,
  'disable-dawn-features=timestamp_quantization',
];

/** Where Fovea is linked into an application from elsewhere, `webgpu` is found from the application only. */
function applicationsDawn(): string | undefined {
  const path = builtin<typeof import('node:path')>('node:path');
  const fs = builtin<typeof import('node:fs')>('node:fs');
  const url = builtin<typeof import('node:url')>('node:url');
  const [folder] = installedFolders('webgpu');
  if (folder === undefined) return undefined;
  const { main = 'index.js' } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return url.pathToFileURL(path.join(folder, main)).href;
}

async function loadDawn(): Promise<Dawn> {
  // A specifier that bundlers cannot follow: browsers never come here.
  const load = (name: string) => import(/* @vite-ignore */ /* webpackIgnore: true */ name) as Promise<Dawn>;
  try {
    return await load('webgpu').catch((error) => {
      const place = applicationsDawn();
      if (place === undefined) throw error;
      return load(place);
    });
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    throw new AdapterError(
      missing
        ? 'WebGPU in Node needs the package "webgpu"; run "npm install webgpu"'
        : `the package "webgpu" does not load (${(error as Error).message.split('\n')[0]}); reinstall it`,
      { cause: error },
    );
  }
}

/** Makes a shared library resident and visible to Dawn's own dlopen. True if it is there and whole. */
function preload(library: string): boolean {
  const { constants } = builtin<typeof import('node:os')>('node:os');
  const RTLD_NODELETE = 0x1000;
  try {
    const flags = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE;
    process.dlopen({ exports: {} }, library, flags);
    return true;
  } catch (error) {
    // It is no Node addon, so dlopen always throws (Bun in its own words); what counts is whether the library was loaded.
    return /self-register|napi_register/.test((error as Error).message);
  }
}

let systemLoader: boolean | undefined;

/** Whether the system has a Vulkan loader. Asked once: after SwiftShader's own was loaded, any name would find that. */
function hasSystemLoader(): boolean {
  systemLoader ??= process.platform !== 'linux' || preload('libvulkan.so.1');
  return systemLoader;
}

async function request(dawn: Dawn, toggles: string[], icd?: string): Promise<GPUAdapter | null> {
  const names = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'];
  const search = async () => {
    const before = names.map((name) => process.env[name]);
    if (icd) for (const name of names) process.env[name] = icd;
    try {
      const key = [icd, ...toggles].join();
      const gpu = instances.get(key) ?? dawn.create(toggles);
      instances.set(key, gpu);
      return await gpu.requestAdapter({ powerPreference: 'high-performance' });
    } finally {
      names.forEach((name, i) => {
        if (before[i] === undefined) delete process.env[name];
        else process.env[name] = before[i];
      });
    }
  };
  const adapter = await withoutNativeWarnings(search, (found) => found === null);
  if (adapter && isSoftwareAdapter(adapter)) waitPatiently();
  return adapter;
}

const isLlvmpipe = (adapter: GPUAdapter) =>
  /llvmpipe/i.test(`${adapter.info.device} ${adapter.info.description}`);
const isSoftwareAdapter = (adapter: GPUAdapter) =>
  isLlvmpipe(adapter) || /swiftshader/i.test(`${adapter.info.architecture} ${adapter.info.device}`);

function lavapipeIcd(): string | undefined {
  const fs = builtin<typeof import('node:fs')>('node:fs');
  for (const folder of ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d']) {
    if (!fs.existsSync(folder)) continue;
    const file = fs.readdirSync(folder).find((name) => /^lvp_icd.*\.json$/.test(name));
    if (file) return `${folder}/${file}`;
  }
  return undefined;
}

/**
 * An adapter for Node, in this order: hardware; a software Vulkan of the system (lavapipe); SwiftShader from
 * npm. `choice` asks for one kind only and throws AdapterError where that is not to be had. `boundsChecks` is as in `OpenOptions`.
 */
export async function requestNodeAdapter(choice: AdapterChoice, boundsChecks = true): Promise<GPUAdapter> {
  const toggles = togglesOf(boundsChecks);
  const dawn = await loadDawn();
  const system = hasSystemLoader();
  if (system && (choice === 'auto' || choice === 'hardware')) {
    const adapter = await request(dawn, toggles);
    if (adapter && (choice === 'auto' || !isSoftwareAdapter(adapter))) return adapter;
  }
  const icd = lavapipeIcd();
  if (system && icd && choice === 'lavapipe') {
    const adapter = await request(dawn, toggles, icd);
    if (adapter && isLlvmpipe(adapter)) return adapter;
  }
  if (choice === 'auto' || choice === 'swiftshader') {
    const folder = unpackSwiftShader();
    if (!system) preload(`${folder}/libvulkan.so.1`);
    const adapter = await request(dawn, toggles, `${folder}/vk_swiftshader_icd.json`);
    if (adapter) return adapter;
  }
  const hint = {
    auto: 'install a Vulkan driver, or the npm package @sparticuz/chromium for SwiftShader',
    hardware: 'install the GPU vendor’s Vulkan driver, or leave out --adapter to run on the CPU',
    lavapipe: 'install Mesa’s Vulkan drivers (25.0 or newer), or leave out --adapter',
    swiftshader: 'SwiftShader did not start; reinstall @sparticuz/chromium',
  }[choice];
  throw new AdapterError(`no ${choice === 'auto' ? 'WebGPU' : choice} adapter: ${hint}`);
}

const CHOICES: readonly string[] = ['auto', 'hardware', 'lavapipe', 'swiftshader'];

/** The adapter that options ask for, else the environment (`FOVEA_ADAPTER`, `FOVEA_BOUNDS_CHECKS`). */
export async function chosenNodeAdapter({
  adapter = (process.env.FOVEA_ADAPTER ?? 'auto') as AdapterChoice,
  boundsChecks = process.env.FOVEA_BOUNDS_CHECKS !== '0',
}: {
  readonly adapter?: AdapterChoice;
  readonly boundsChecks?: boolean;
}): Promise<GPUAdapter> {
  if (!CHOICES.includes(adapter)) {
    throw new AdapterError(`no adapter "${adapter}"; choose ${CHOICES.join(', ')}`);
  }
  if (typeof boundsChecks !== 'boolean') {
    throw new UsageError(`openGpu: boundsChecks is ${JSON.stringify(boundsChecks)}; give true or false`);
  }
  return requestNodeAdapter(adapter, boundsChecks);
}
