import { metricText } from './metrics.ts';

/** The texts of the room that tries models. */
export const tryStrings = {
  model: 'Model',
  which: 'Which model',
  none: 'No model yet: train one, or choose a file of Fovea, PyTorch (torchvision) or ONNX.',
  noModel: 'There is no model yet. Train one, or choose a file.',
  bring: 'Model from a file…',
  archMore: 'Weights of torchvision',
  arch: 'Architecture',
  archHint: 'told by the weights',
  fromServer: (name: string) => `${name}, from this server`,
  notOffered: (name: string, status: number) =>
    `${name}: the server no longer gives it (${status}); choose a file`,
  facts: (
    task: 'detect' | 'segment' | 'classify' | undefined,
    classes: readonly string[],
    bytes: number,
    metric: { readonly name: string; readonly value: number } | undefined,
  ) =>
    [
      task && { detect: 'finds objects', segment: 'finds pixels', classify: 'names pictures' }[task],
      classes.length > 0 &&
        (classes.length > 8
          ? `${classes.length.toLocaleString('en')} classes`
          : `classes ${classes.join(', ')}`),
      `${(bytes / 1e6).toFixed(1)} MB`,
      metric && metricText(metric),
    ]
      .filter(Boolean)
      .join(' · '),
  modelName: 'Name of the model',
  removeReally: (name: string) => `Remove ${name}? This cannot be undone.`,
  opening: (name: string) => `Opening ${name}…`,
  fetching: 'Fetching the model…',
  back: 'Previous',
  on: 'Next',
  count: (n: number) =>
    n === 1 ? '1 picture in the project' : `${n.toLocaleString('en')} pictures in the project`,
  file: 'Picture or video…',
  camera: 'Camera',
  thePicture: 'the picture',
  emptyFile: (name: string) => `${name}: the file is empty; copy or export it again`,
  notAPicture: (name: string) => `${name}: not a picture that this browser can read; use PNG, JPEG or WebP`,
  notAVideo: (name: string) => `${name}: not a video that this browser can play; use MP4 (H.264) or WebM`,
  nothing: 'Nothing to look at yet',
  nothingMore:
    'Go to a picture of the project with Next, drop a picture, a video or a model anywhere on this page, or start the camera.',
  looking: (name: string) => `Looking at ${name}…`,
  found: 'What it finds',
  results: 'Results',
  threshold: 'Score at least',
  opacity: 'Strength of the colours',
  number: '#',
  class: 'Class',
  score: 'Score',
  box: 'Box',
  boxHint: 'left, top – right, bottom, in pixels',
  share: 'Pixels',
  probability: 'Probability',
  percent: (value: number) => `${value.toFixed(1)} %`,
  size: (width: number, height: number) => `${width} × ${height}`,
  summary: (task: 'detect' | 'segment' | 'classify', visible: number, all: number, threshold: number) =>
    task !== 'detect'
      ? ''
      : all === 0
        ? 'nothing found'
        : `${visible} of ${all} with score ${threshold.toFixed(2)} or more`,
  spent: (ms: number, adapter: string, software: boolean) =>
    `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s on ${adapter}${software ? ' (software)' : ''}`,
  keep: 'Keep it',
  take: 'Take as labels',
  taken: (n: number, name: string) =>
    n === 0
      ? `Nothing new for the labels of ${name}.`
      : `${n === 1 ? '1 proposal' : `${n.toLocaleString('en')} proposals`} for the labels of ${name}: accept them in the room of labels.`,
  savePicture: 'Save as a picture',
  saveLabelme: 'Save for Labelme',
  saveCoco: 'Save as COCO',
  play: 'Play',
  pause: 'Pause',
  paused: 'Paused',
  end: 'End',
  rate: (perSecond: number) => `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} frames a second`,
  frameName: (name: string, seconds: number) => `${name} at ${seconds.toFixed(2)} s`,
};
