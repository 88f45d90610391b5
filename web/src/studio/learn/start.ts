/** Weights that a training starts from. */
import { architectureIn, architectureOf, classifierArchitecture, type TaskName } from 'fovea';
import { type LoadedWeights, loadWeights, type OtherValue } from 'fovea/io';
import { readOnnxWeights } from 'fovea/onnx';
import type { ProjectTask, SavedModel } from '../project/model.ts';
import type { Store } from '../store/index.ts';

/** Reads a file of weights: .safetensors, PyTorch's, or the weights of an .onnx model. Throws DataError for any other. */
export async function readWeights(file: File): Promise<LoadedWeights> {
  if (/\.onnx$/i.test(file.name)) {
    return readOnnxWeights(new Uint8Array(await file.arrayBuffer()), { name: file.name });
  }
  return loadWeights(file);
}

/** The weights of a model of the project. */
export async function startOf(store: Store, id: string): Promise<LoadedWeights> {
  return readWeights(await store.models.fileOf(await store.models.model(id)));
}

/** The classes that a file of Fovea's names; none for others. */
function classesIn({ other }: LoadedWeights): readonly string[] {
  const text: OtherValue | undefined = other.get('fovea.model');
  if (typeof text !== 'string') return [];
  try {
    const { classNames } = JSON.parse(text) as { readonly classNames?: unknown };
    return Array.isArray(classNames) ? classNames.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

/** Checks that a file has weights, and stores it as a model of the project. */
export async function addWeights(
  store: Store,
  project: string,
  task: ProjectTask,
  file: File,
): Promise<SavedModel> {
  const weights = await readWeights(file);
  const known = architectureIn(weights);
  const own: TaskName | undefined = known
    ? architectureOf(known).task
    : classifierArchitecture(weights)
      ? 'classify'
      : undefined;
  return store.models.addModel(
    {
      ...{ project, name: file.name.replace(/\.[^.]*$/, ''), file: file.name },
      // Weights of another task, such as a classifier's, may be the backbone of a detector.
      task: own ?? task,
      classNames: classesIn(weights),
    },
    file,
  );
}
