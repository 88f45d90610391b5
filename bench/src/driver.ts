import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { AdapterChoice } from '../../src/device/device.ts';
import { unpackSwiftShader } from '../../src/device/swiftshader.ts';

const FOLDERS = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

/** Which kind of adapter this is, by the name that Fovea gives it. */
export function kindOf(adapterName: string): Exclude<AdapterChoice, 'auto'> {
  if (/swiftshader/i.test(adapterName)) return 'swiftshader';
  return /lavapipe|llvmpipe/i.test(adapterName) ? 'lavapipe' : 'hardware';
}

/** The Vulkan driver file that onnxruntime, which asks for no adapter by name, must find to take the same one. */
export function driverFile(kind: AdapterChoice): string | undefined {
  if (kind === 'swiftshader') return path.join(unpackSwiftShader(), 'vk_swiftshader_icd.json');
  if (kind !== 'lavapipe') return undefined;
  for (const folder of FOLDERS.filter(existsSync)) {
    const file = readdirSync(folder).find((name) => /^lvp_icd.*\.json$/.test(name));
    if (file) return path.join(folder, file);
  }
  return undefined;
}
