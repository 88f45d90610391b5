// The measuring steps of a run on a GPU host: bench/host/run.mjs starts it with the step's name. Each result is a line that is
// appended to a file at once: what a time limit cuts off leaves those before it.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { AdapterChoice } from '../../../src/device/device.ts';
import { requestNodeAdapter } from '../../../src/device/node.ts';
import { type Limits, measureLimits } from '../../../src/profile/limits.ts';
import { kindOf } from '../driver.ts';
import { Ours } from '../ours.ts';
import { rounded } from '../results.ts';
import type { Elsewhere } from '../runBench.ts';
import { describe } from './info.ts';
import { convolutionCases, memoryRows, networkStepRows, productCases, selectionRows } from './plan.ts';
import { measureRows } from './rows.ts';
import { measureStrategies } from './strategies.ts';

/** Exit code where something was left out because the time was up: bench/host/runSteps.mjs. */
const OUT_OF_TIME = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    adapter: { type: 'string' },
    results: { type: 'string', default: 'results.jsonl' },
    seconds: { type: 'string', default: '600' },
    torch: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const [step = ''] = positionals;
const adapter = values.adapter as AdapterChoice | undefined;
const { quick } = values;
const end = performance.now() + 1000 * Number(values.seconds);
const parent = process.ppid;

/** Whether there is time for more. Without the run that has started this nobody reads on. */
const goOn = (): boolean => performance.now() < end && process.ppid === parent;

/** Writes a result down, and prints it. */
function note(result: object): void {
  appendFileSync(values.results, `${JSON.stringify({ step, ...rounded(result) })}\n`);
  const texts = Object.values(rounded(result)).filter((value) => value !== undefined);
  console.log(texts.map((value) => (typeof value === 'object' ? JSON.stringify(value) : value)).join('  '));
}

/** As the step `info` has measured them, or measured now. */
async function limitsOf(ours: Ours): Promise<Limits> {
  const lines = existsSync(values.results) ? readFileSync(values.results, 'utf8').split('\n') : [];
  const known = lines.find((line) => line.startsWith('{"step":"info"') && line.endsWith('}'));
  return known ? (JSON.parse(known) as { limits: Limits }).limits : measureLimits(ours.gpu.device);
}

const torch = (): Elsewhere | undefined =>
  values.torch && existsSync(values.torch)
    ? (JSON.parse(readFileSync(values.torch, 'utf8')) as Elsewhere)
    : undefined;

/** Runs one step. Gives 'done' if everything was measured and agrees, 'time' if time ran out, 'wrong' if strategies disagree. */
type Measure = () => Promise<'done' | 'time' | 'wrong'>;

const strategies =
  (cases: typeof productCases): Measure =>
  async () => {
    const open = (boundsChecks: boolean) => Ours.open(adapter, { boundsChecks });
    const ours = await open(true);
    return measureStrategies({ cases: cases(quick), ours, open, limits: await limitsOf(ours), goOn, note });
  };

const rows =
  (list: typeof memoryRows, autotune?: boolean): Measure =>
  async () => {
    const ours = await Ours.open(adapter, { autotune });
    return measureRows({
      rows: list(quick),
      ours,
      limits: await limitsOf(ours),
      elsewhere: torch(),
      goOn,
      note,
    });
  };

const measures: Record<string, Measure> = {
  info: async () => {
    const ours = await Ours.open(adapter);
    note(await describe(ours.gpu.device, await requestNodeAdapter(kindOf(ours.gpu.device.adapter.name))));
    return 'done';
  },
  products: strategies(productCases),
  convolutions: strategies(convolutionCases),
  memory: rows(memoryRows, false),
  selection: rows(selectionRows, false),
  networks: rows(networkStepRows, false),
  tuned: rows(networkStepRows, true),
};

const measure = measures[step];
if (!measure) {
  console.error(`no step "${step}"; choose of ${Object.keys(measures).join(', ')}`);
  process.exit(2);
}
// Compilation is measured, not what a driver has kept from the last time.
process.env.MESA_SHADER_CACHE_DISABLE = 'true';
try {
  const result = await measure();
  process.exit({ done: 0, wrong: 1, time: OUT_OF_TIME }[result]);
} catch (error) {
  console.error(error);
  process.exit(1);
}
