import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { summaryOf } from '../../../../../src/verify/rows.ts';
import { GpuStatus, gpuAnswer } from '../../noGpu.tsx';
import { download } from '../../project/saveFile.ts';
import { hrefOf, route } from '../../router.ts';
import { strings } from '../../strings.ts';
import type { Dtype } from '../../work/verify.ts';
import { Bench, timing } from './bench.tsx';
import { Results } from './results.tsx';
import {
  casesOf,
  check,
  checkFiles,
  enter,
  fault,
  finished,
  found,
  last,
  reportOf,
  running,
  stop,
  table,
  total,
} from './session.ts';
import './verify.css';

const texts = strings.verify;

/** The operations that the address names, `#/verify/conv2d,nms` or `?op=conv2d,nms`; undefined for all. */
function askedOf(item: string): readonly string[] | undefined {
  const named = item || (new URLSearchParams(location.search).get('op') ?? '');
  const list = named.split(',').filter((op) => op !== '');
  return list.length > 0 ? list : undefined;
}

const save = () =>
  finished.value &&
  download(
    'fovea-verify.json',
    new Blob([`${JSON.stringify(reportOf(finished.value), null, 2)}\n`], { type: 'application/json' }),
  );

/** What the adapter offers, in full. */
function Limits() {
  const answer = gpuAnswer.value;
  if (answer.state !== 'there') return null;
  const { limits, features } = answer.facts;
  return (
    <details>
      <summary>{texts.limits}</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.limit}</th>
            <th scope="col" class="number">
              {texts.value}
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(limits).map(([name, value]) => (
            <tr key={name}>
              <th scope="row" class="code">
                {name}
              </th>
              <td class="number">{value.toLocaleString('en')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>{texts.features(features.join(', ') || texts.noFeatures)}</p>
    </details>
  );
}

function Summary() {
  const end = finished.value;
  if (!end) return <p role="status" class="summary" hidden />;
  const { counts, rows } = found.value;
  const look = counts.failed > 0 ? 'failed' : end.complete && rows.every(({ ok }) => ok) ? 'ok' : '';
  return (
    <p role="status" class={`summary ${look}`}>
      {summaryOf(counts)}
      {!end.complete && ` (${texts.stopped})`}{' '}
      <span class="soft">{texts.on(end.dtype, end.device?.adapter.name ?? '', end.seconds)}</span>
    </p>
  );
}

/** What is checked, and how: the operations, the precision, or files of cases. */
function Controls({ asked }: { readonly asked: readonly string[] | undefined }) {
  const precision = useSignal<Dtype>('f32');
  const busy = running.value;
  // What is timed must not be disturbed.
  const none = gpuAnswer.value.state === 'missing' || timing.value;
  const known = table.value;
  const label = known
    ? asked
      ? texts.runSome(casesOf(asked), asked.join(', '))
      : texts.run(casesOf(undefined))
    : texts.preparing;
  const chosen = asked?.join(',') ?? '';
  const names = Object.keys(known ?? {}).sort();
  const offered = chosen === '' || names.includes(chosen) ? names : [chosen, ...names];
  return (
    <div class="bar">
      <button
        type="button"
        class="primary"
        disabled={!known || (none && !busy)}
        onClick={() => {
          if (busy) return stop();
          check(precision.value, asked);
        }}
      >
        {busy ? texts.stop : label}
      </button>
      <label class="choice">
        {texts.what}{' '}
        <select
          value={chosen}
          disabled={busy}
          onChange={(event) => {
            location.href = hrefOf('verify', event.currentTarget.value);
          }}
        >
          <option value="">{texts.everything}</option>
          {offered.map((op) => (
            <option key={op} value={op}>
              {op}
            </option>
          ))}
        </select>
      </label>
      <label class="choice">
        {texts.precision}{' '}
        <select
          value={precision.value}
          disabled={busy}
          onChange={(event) => {
            precision.value = event.currentTarget.value as Dtype;
          }}
        >
          <option>f32</option>
          <option>f16</option>
        </select>
      </label>
      <label class="button">
        {texts.files}
        <input
          type="file"
          accept=".safetensors"
          multiple
          disabled={busy || none}
          onChange={(event) => {
            const input = event.currentTarget;
            const files = [...(input.files ?? [])];
            // Choosing the same files again must count as a change.
            input.value = '';
            void checkFiles(precision.value, files);
          }}
        />
      </label>
      <button type="button" disabled={busy || !finished.value} onClick={save}>
        {texts.download}
      </button>
    </div>
  );
}

/** Checks of every operation on this adapter. */
export function Room() {
  useEffect(enter, []);
  const state = running.value ? 'running' : (finished.value?.complete ?? false) ? 'done' : 'idle';
  const { cases } = found.value;
  return (
    <div class="verify" data-state={fault.value === '' ? state : 'fault'}>
      <p>{texts.lead}</p>
      <GpuStatus />
      <Limits />
      <Controls asked={askedOf(route.value.item)} />
      {fault.value !== '' && (
        <p class="note error" role="alert">
          {fault.value}
        </p>
      )}
      {running.value && (
        <p class="progress">
          <progress aria-label={texts.progressLabel} max={total.value} value={cases} />
          <span>{last.value === '' ? texts.starting : texts.progress(cases, total.value, last.value)}</span>
        </p>
      )}
      <Summary />
      <Results />
      <Bench />
    </div>
  );
}
