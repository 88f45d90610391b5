/** Whether this browser lets the studio compute, asked once for all rooms; and what they say where it does not. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type AdapterDescription, describeAdapter } from '../../../src/device/caps.ts';
import { strings } from './strings.ts';
import './noGpu.css';

const texts = strings.gpu;

/** What an adapter says of itself. */
export interface AdapterFacts extends AdapterDescription {
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** Why there is none: the page is not secure, the browser has no WebGPU, or it offers no adapter. */
export type NoGpuReason = keyof typeof texts.why;

export type GpuAnswer =
  | { readonly state: 'asking' }
  | { readonly state: 'there'; readonly facts: AdapterFacts }
  | { readonly state: 'missing'; readonly why: NoGpuReason; readonly detail: string };

export const gpuAnswer = signal<GpuAnswer>({ state: 'asking' });
let asked: Promise<GpuAnswer> | undefined;

/** Asks for an adapter, once; after a fault of the GPU `again` asks anew. */
export function askForAdapter({ again = false } = {}): Promise<GpuAnswer> {
  if (again) asked = undefined;
  asked ??= ask().then((answer) => {
    gpuAnswer.value = answer;
    return answer;
  });
  return asked;
}

async function ask(): Promise<GpuAnswer> {
  const missing = (why: NoGpuReason, detail = ''): GpuAnswer => ({ state: 'missing', why, detail });
  if (!isSecureContext) return missing('insecure', location.origin);
  const gpu = navigator.gpu as GPU | undefined;
  if (!gpu) return missing('browser');
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    return adapter ? { state: 'there', facts: factsOf(adapter) } : missing('adapter');
  } catch (error) {
    return missing('adapter', error instanceof Error ? error.message : String(error));
  }
}

function factsOf({ info, features, limits }: GPUAdapter): AdapterFacts {
  // Limits are getters of the prototype.
  const names = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(limits)));
  const entries = names
    .map((name) => [name, (limits as unknown as Record<string, unknown>)[name]] as const)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return {
    ...describeAdapter(info),
    features: [...features].sort(),
    limits: Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b))),
  };
}

/** Why nothing can be computed here, and what to do about it; nothing where there is an adapter. */
export function NoGpu() {
  useEffect(() => void askForAdapter(), []);
  const answer = gpuAnswer.value;
  if (answer.state !== 'missing') return null;
  return (
    <section class="note" role="alert" aria-labelledby="no-gpu">
      <h2 id="no-gpu">{texts.none}</h2>
      <p>
        {texts.why[answer.why]}
        {answer.detail && ` (${answer.detail})`}.
      </p>
      <ul>
        {texts.what[answer.why].map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      <p>{texts.meanwhile}</p>
      <button type="button" onClick={() => void askForAdapter({ again: true })}>
        {texts.again}
      </button>
    </section>
  );
}

/** Which adapter there is, and loudly that it is a software one. */
export function GpuStatus() {
  useEffect(() => void askForAdapter(), []);
  const answer = gpuAnswer.value;
  if (answer.state === 'asking') return <p role="status">{strings.lookingForGpu}</p>;
  if (answer.state === 'missing') return <NoGpu />;
  const { name, software, features } = answer.facts;
  const extras = texts.extras.filter(([feature]) => features.includes(feature)).map(([, text]) => text);
  return (
    <>
      <p role="status">
        <strong>{texts.adapter(name)}</strong>
        {extras.length > 0 && ` · ${extras.join(', ')}`}
      </p>
      {software && <p class="note warning">{texts.software}</p>}
    </>
  );
}
