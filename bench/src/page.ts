import { Ours } from './ours.ts';
import { JaxJs } from './peers/jax.ts';
import type { JaxPackage } from './peers/jaxTypes.ts';
import { OnnxRuntimeWeb, type OrtBundle } from './peers/ortWeb.ts';
import { Tfjs } from './peers/tfjs.ts';
import type { TfBundle } from './peers/tfTypes.ts';
import { renderReport } from './report.ts';
import { resultsName, rounded } from './results.ts';
import { filtered, QUICK_PATIENCE, runBench } from './runBench.ts';
import type { Peers } from './runRow.ts';
import { allRows } from './workloads/index.ts';

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

const chosen = (id: string): boolean => element<HTMLInputElement>(id).checked;

/** Loads a peer's bundle. Gives undefined if the peers were not installed when bench/run.mjs built the page. */
function bundle<T>(name: string): Promise<T | undefined> {
  const file = `./${name}.js`;
  return import(file).catch(() => undefined);
}

/** The peers that are ticked, each on a device of its own. */
async function openPeers(patience: number | undefined): Promise<Peers> {
  const tfjs = chosen('tfjs') ? await bundle<TfBundle>('tfjs') : undefined;
  const ort = chosen('ort') ? await bundle<OrtBundle>('ort') : undefined;
  const jax = chosen('jax') ? await bundle<{ jax: JaxPackage; version: string }>('jax') : undefined;
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  return {
    tfjs: tfjs && adapter ? await Tfjs.open(tfjs, adapter, patience) : undefined,
    ort: ort && (await OnnxRuntimeWeb.open(ort, new URL('./', location.href).href, patience)),
    jax: jax && (await JaxJs.open(jax.jax, jax.version)),
  };
}

function offer(id: string, name: string, type: string, text: string): void {
  const link = element<HTMLAnchorElement>(id);
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.hidden = false;
}

async function run(): Promise<void> {
  const output = element('output');
  output.textContent = '';
  const quick = chosen('quick');
  const rows = filtered(allRows({ quick }), element<HTMLInputElement>('filter').value);
  const ours = await Ours.open(undefined);
  try {
    const peers = await openPeers(quick ? QUICK_PATIENCE : undefined);
    const results = await runBench({
      libraries: { ours, ...peers },
      rows,
      quick,
      versions: { browser: navigator.userAgent },
      machine: `${navigator.hardwareConcurrency} threads`,
      print: (line) => {
        output.textContent += `${line}\n`;
      },
    });
    const name = resultsName(results);
    offer('json', `${name}.json`, 'application/json', `${JSON.stringify(rounded(results), null, 2)}\n`);
    offer('report', `${name}.html`, 'text/html', renderReport(results));
  } finally {
    ours.dispose();
  }
}

const button = element<HTMLButtonElement>('run');
button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    await run();
    document.title = 'Fovea’s bench: done';
  } catch (error) {
    element('output').textContent += `${(error as Error).message}\n`;
    document.title = 'Fovea’s bench: failed';
  }
  button.disabled = false;
});
