import { computed } from '@preact/signals';
import { gpuAnswer } from '../../noGpu.tsx';
import { readOnly } from '../../state.ts';

/** Another tab edits the project, or there is no adapter. */
export const cannotTrain = computed(() => readOnly.value || gpuAnswer.value.state === 'missing');
