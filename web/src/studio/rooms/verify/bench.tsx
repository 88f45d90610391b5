import { computed, signal } from '@preact/signals';
import type { Limits } from '../../../../../src/profile/limits.ts';
import { gpuAnswer } from '../../noGpu.tsx';
import { strings } from '../../strings.ts';
import type { BenchReply, BenchRow } from '../../work/bench.ts';
import { running } from './session.ts';

const texts = strings.bench;

/** Stay while other rooms are looked at. */
const rows = signal<readonly BenchRow[]>([]);
const limits = signal<Limits | undefined>(undefined);
const total = signal(0);
const fault = signal('');
const worker = signal<Worker | undefined>(undefined);
export const timing = computed(() => worker.value !== undefined);

function end(error = ''): void {
  worker.value?.terminate();
  worker.value = undefined;
  fault.value = error;
}

function begin(): void {
  rows.value = [];
  limits.value = undefined;
  total.value = 0;
  fault.value = '';
  const made = new Worker(new URL('../../work/bench.ts', import.meta.url), { type: 'module' });
  made.addEventListener('message', ({ data }: MessageEvent<BenchReply>) => {
    if (data.type === 'began') {
      limits.value = data.limits;
      total.value = data.count;
    } else if (data.type === 'row') rows.value = [...rows.value, data.row];
    else end(data.error);
  });
  made.addEventListener('error', (event) => {
    event.preventDefault();
    end(strings.verify.workerFailed(event.message ?? ''));
  });
  worker.value = made;
}

const short = (value: number): string =>
  value.toLocaleString('en', { maximumSignificantDigits: 3, useGrouping: false });

/** Times of a handful of operations and networks, beside what the adapter can do at most. */
export function Bench() {
  const busy = timing.value;
  return (
    <section class="bench" aria-labelledby="bench" data-state={busy ? 'running' : 'idle'}>
      <h2 id="bench">{texts.title}</h2>
      <p>{texts.lead}</p>
      <div class="bar">
        <button
          type="button"
          // Two at a time would measure each other.
          disabled={!busy && (running.value || gpuAnswer.value.state === 'missing')}
          onClick={() => (busy ? end() : begin())}
        >
          {busy ? strings.verify.stop : texts.run}
        </button>
        <span role="status" class="soft">
          {busy && (total.value === 0 ? texts.limitsFirst : texts.progress(rows.value.length, total.value))}
        </span>
      </div>
      {fault.value !== '' && (
        <p class="note error" role="alert">
          {fault.value}
        </p>
      )}
      {limits.value && <p>{texts.limits(short(limits.value.gflops), short(limits.value.gbps))}</p>}
      {rows.value.length > 0 && (
        <table class="results times">
          <caption class="unseen">{texts.title}</caption>
          <thead>
            <tr>
              {texts.columns.map((name, i) => (
                <th key={name} scope="col" class={i > 0 ? 'number' : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.value.map(({ name, medianMs, spreadMs, gflops, gbps, shareOfLimit }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{texts.ms(short(medianMs), short(spreadMs))}</td>
                <td class="number">{gflops > 0 ? texts.gflops(short(gflops)) : '–'}</td>
                <td class="number">{texts.gbps(short(gbps))}</td>
                <td class="number">{texts.share(Math.round(100 * shareOfLimit))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
