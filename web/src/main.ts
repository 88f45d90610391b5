import { startDetectSection } from './detectSection.ts';
import { type Gpu, getGpu } from './gpu.ts';
import { byId, describeError, say, setState } from './page.ts';

function showGpu(gpu: Gpu): void {
  const { adapter, caps } = gpu.device;
  const extras = [
    caps.f16 && '16-bit floats',
    gpu.device.device.features.has('subgroups') && 'subgroups',
  ].filter(Boolean);
  const offers = extras.length > 0 ? ` · ${extras.join(', ')}` : '';
  byId('adapter').textContent = `Adapter: ${adapter.name}${offers}`;
  say(
    byId('software'),
    adapter.software
      ? 'This is a software adapter: everything runs on the CPU, many times slower than on a GPU. If this machine has a GPU, chrome://gpu (or about:support) says why it is not used; also check that hardware acceleration is on in the settings.'
      : '',
  );
  setState('adapter', adapter.software ? 'software' : 'hardware');
}

function showFault(error: unknown): void {
  say(byId('fault'), describeError(error));
}

addEventListener('error', (event) => showFault(event.error ?? event.message));
addEventListener('unhandledrejection', (event) => showFault(event.reason));

getGpu().then(showGpu, (error: unknown) => {
  byId('adapter').textContent = 'No GPU available';
  setState('adapter', 'none');
  showFault(error);
});
startDetectSection(showGpu);
