import { Ours } from './ours.ts';
import { Tfjs } from './peers/tfjs.ts';
import type { TfBundle } from './peers/tfTypes.ts';
import { renderReport } from './report.ts';
import { resultsName, rounded } from './results.ts';
import { filtered, QUICK_PATIENCE, runBench } from './runBench.ts';
import { allRows } from './workloads/index.ts';

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

/** tfjs where the peers were installed when the page was built: else there is no such file. */
async function openTfjs(patience?: number): Promise<Tfjs | undefined> {
  const file = './tfjs.js';
  const bundle = await import(file).catch(() => undefined);
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  return bundle && adapter ? Tfjs.open(bundle as TfBundle, adapter, patience) : undefined;
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
  const quick = element<HTMLInputElement>('quick').checked;
  const rows = filtered(allRows({ quick }), element<HTMLInputElement>('filter').value);
  const ours = await Ours.open(undefined);
  try {
    const tfjs = element<HTMLInputElement>('tfjs').checked
      ? await openTfjs(quick ? QUICK_PATIENCE : undefined)
      : undefined;
    const results = await runBench({
      libraries: { ours, tfjs },
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
