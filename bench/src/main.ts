import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { AdapterChoice } from '../../src/device/device.ts';
import { driverFile, kindOf } from './driver.ts';
import { Ours } from './ours.ts';
import { benchFolder, foveaVersion, webgpuVersion } from './peers/load.ts';
import { openJax, openTfjs } from './peers/node.ts';
import { OnnxRuntime } from './peers/ort.ts';
import { OnnxRuntimeCpu } from './peers/ortCpu.ts';
import { renderReport } from './report.ts';
import { type PeerName, resultsName, rounded } from './results.ts';
import { type Elsewhere, filtered, present, QUICK_PATIENCE, runBench } from './runBench.ts';
import { allRows } from './workloads/index.ts';

const USAGE = `npm run bench -- [options]
  --filter TEXT     only rows whose name contains TEXT (or one of several, separated by commas)
  --adapter NAME    hardware, lavapipe or swiftshader; default: FOVEA_ADAPTER, or else the first that exists
  --peers NAMES     tfjs, ort, jax, ortCpu (onnxruntime without WebGPU), or "none" for Fovea alone; default: all
  --quick           batch 1, fewer repetitions, and smaller sizes or none for the largest rows
  --page            serve the benchmark as a page, to this machine only (PORT; default 8090)
  --torch FILE      also show the times that bench/torch/train.py has measured on this machine
  --out DIR         folder for the results (default: bench/results)
  --list            list the rows and stop
  --save            write results and report also with --filter; --no-save: never`;

const ADAPTERS = ['hardware', 'lavapipe', 'swiftshader', 'auto'];
const PEERS: readonly PeerName[] = ['tfjs', 'ort', 'jax', 'ortCpu'];

function options() {
  const { values } = parseArgs({
    options: {
      filter: { type: 'string', default: '' },
      adapter: { type: 'string' },
      peers: { type: 'string', default: PEERS.join(',') },
      quick: { type: 'boolean', default: false },
      torch: { type: 'string' },
      out: { type: 'string', default: path.join(benchFolder(), 'results') },
      list: { type: 'boolean', default: false },
      save: { type: 'boolean' },
      help: { type: 'boolean', default: false },
    },
    allowNegative: true,
  });
  const peers = values.peers === 'none' ? [] : values.peers.split(',');
  const stranger = peers.find((name) => !(PEERS as readonly string[]).includes(name));
  if (stranger !== undefined)
    throw new Error(`no peer "${stranger}"; choose of ${PEERS.join(', ')}, or none`);
  if (values.adapter !== undefined && !ADAPTERS.includes(values.adapter)) {
    throw new Error(`no adapter "${values.adapter}"; choose ${ADAPTERS.slice(0, 3).join(', ')}`);
  }
  const save = values.save ?? values.filter === '';
  return {
    ...values,
    save,
    peers: peers as PeerName[],
    adapter: values.adapter as AdapterChoice | undefined,
  };
}

async function main(): Promise<void> {
  const { filter, adapter, peers, quick, torch, out, list, save, help } = options();
  if (help) return console.log(USAGE);
  const rowsOn = (slow: boolean) => filtered(allRows({ quick, slow: quick && slow }), filter);
  if (list) {
    const slow = (adapter ?? process.env.FOVEA_ADAPTER) === 'swiftshader';
    return console.log(
      rowsOn(slow)
        .map(({ name }) => name)
        .join('\n'),
    );
  }
  // Compilation is measured, not what a driver has kept from the last time.
  process.env.MESA_SHADER_CACHE_DISABLE = 'true';

  const ours = await Ours.open(adapter);
  const kind = kindOf(ours.gpu.device.adapter.name);
  const rows = rowsOn(kind === 'swiftshader');
  if (rows.length === 0) throw new Error(`no row's name holds "${filter}"; --list shows them all`);
  const patience = quick ? QUICK_PATIENCE : undefined;
  const libraries = {
    ours,
    tfjs: peers.includes('tfjs') ? await openTfjs(kind, patience) : undefined,
    ort: peers.includes('ort') ? OnnxRuntime.open(driverFile(kind), patience) : undefined,
    jax: peers.includes('jax') ? await openJax(kind) : undefined,
    ortCpu: peers.includes('ortCpu') ? OnnxRuntimeCpu.open(os.availableParallelism()) : undefined,
  };
  if (present(libraries).length < peers.length) {
    console.log('peers are not installed: npm run bench:peers installs them');
  }
  const results = await runBench({
    libraries,
    rows,
    quick,
    versions: { fovea: foveaVersion(), webgpu: webgpuVersion(), node: process.versions.node },
    machine: `${os.cpus()[0]?.model.trim()} (${os.availableParallelism()} cores)`,
    print: (line) => console.log(line),
    ...(torch ? { elsewhere: JSON.parse(readFileSync(torch, 'utf8')) as Elsewhere } : {}),
  });
  if (save) {
    mkdirSync(out, { recursive: true });
    const name = path.join(out, resultsName(results));
    writeFileSync(`${name}.json`, `${JSON.stringify(rounded(results), null, 2)}\n`);
    writeFileSync(`${name}.html`, renderReport(results));
    console.log(`results: ${path.relative(process.cwd(), name)}.json and .html`);
  }
  ours.dispose();
  const failed = results.rows.some(({ peers: all }) => Object.values(all).some((peer) => 'failed' in peer));
  process.exit(failed ? 1 : 0);
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  if (process.env.FOVEA_DEBUG === '1') console.error(error);
  process.exit(2);
}
