// The GPUs that Mesa's compilers can compile for without one being there, and what the environment must say for that.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** Mesa in a private folder, and the layer that asks drivers for statistics: made by `offline-gpu.sh setup`. */
export const tools = process.env.OFFLINE_GPU ?? path.join(homedir(), '.cache', 'offline-gpu');

/** @type {Record<string, { driver: 'nouveau' | 'asahi' | 'freedreno' | 'radeon', device?: string }>} */
export const targets = {
  hopper: { driver: 'nouveau', device: 'nouveau:180' },
  ada: { driver: 'nouveau', device: 'nouveau:194' },
  ampere: { driver: 'nouveau', device: 'nouveau:172' },
  turing: { driver: 'nouveau', device: 'nouveau:164' },
  navi31: { driver: 'radeon' },
  navi21: { driver: 'radeon' },
  vega10: { driver: 'radeon' },
  gfx1201: { driver: 'radeon' },
  m1: { driver: 'asahi', device: 'asahi:0' },
  a650: { driver: 'freedreno', device: 'msm:6050002' },
  a740: { driver: 'freedreno', device: 'msm:43050a01' },
};

/**
 * The command and the environment that run a module of Node on the compiler of a target.
 *
 * @param {string} target
 * @param {string} out A folder for statistics and listings.
 */
export function launch(target, out) {
  const { driver, device } = targets[target];
  const root = path.join(tools, device ? 'new' : 'old');
  const libraries = path.join(root, 'usr', 'lib', 'x86_64-linux-gnu');
  const listings = path.join(out, target);
  mkdirSync(listings, { recursive: true });
  const icd = JSON.parse(
    readFileSync(path.join(root, 'usr', 'share', 'vulkan', 'icd.d', `${driver}_icd.json`), 'utf8'),
  );
  icd.ICD.library_path = path.join(libraries, `libvulkan_${driver}.so`);
  const icdFile = path.join(out, `${target}-icd.json`);
  writeFileSync(icdFile, JSON.stringify(icd));
  const statistics = path.join(out, `${target}.json`);
  writeFileSync(statistics, '');
  const env = {
    ...process.env,
    STAT_NULL: '1',
    STAT_TAGFILE: path.join(out, `${target}.tag`),
    STAT_OUT: statistics,
    STAT_ISA: listings,
    VK_LAYER_PATH: tools,
    VK_INSTANCE_LAYERS: 'VK_LAYER_FOVEA_stat',
    VK_DRIVER_FILES: icdFile,
    VK_ICD_FILENAMES: icdFile,
    MESA_SHADER_CACHE_DISABLE: '1',
  };
  if (!device) {
    return {
      ...{ statistics, listings, command: [process.execPath] },
      env: { ...env, LD_LIBRARY_PATH: libraries, RADV_FORCE_FAMILY: target },
    };
  }
  return {
    ...{ statistics, listings },
    command: [
      path.join(libraries, 'ld-linux-x86-64.so.2'),
      ...['--preload', path.join(tools, 'fakedrm.so'), '--library-path', libraries, process.execPath],
    ],
    env: { ...env, FAKE_DRM: device, NVK_I_WANT_A_BROKEN_VULKAN_DRIVER: '1' },
  };
}
