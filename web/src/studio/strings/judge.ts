/** The texts of the room that judges models. */
const count = (n: number, one: string, many = `${one}s`) =>
  n === 1 ? `1 ${one}` : `${n.toLocaleString('en')} ${many}`;

export const judgeTexts = {
  lead: 'How well a model does on pictures whose labels are known, and where it goes wrong.',
  model: 'Model',
  which: 'Judged by',
  whiches: {
    valid: (n: number) => `valid (${count(n, 'picture')})`,
    test: (n: number) => `test (${count(n, 'picture')})`,
    train: (n: number) => `train (${count(n, 'picture')})`,
    all: (n: number) => `all that are labelled (${count(n, 'picture')})`,
  },
  start: 'Judge',
  again: 'Judge again',
  stop: 'Stop',
  stopped: 'Stopped. Nothing was judged.',
  running: (done: number, all: number) => `Judging: ${done.toLocaleString('en')} of ${count(all, 'picture')}`,
  beginning: 'The model is being loaded…',
  noModels: 'There are no models yet.',
  toTrain: 'Train one',
  noPictures: 'No picture is labelled yet: a model is judged by what it should have found.',
  toLabels: 'Label pictures',
  nonePart:
    'There are no labelled pictures of this kind. Choose others, or set the parts in the room of pictures.',
  learned: (n: number, all: number) =>
    `The model has learned from ${all === 1 ? 'this picture' : `${n === all ? 'all' : n.toLocaleString('en')} of these ${count(all, 'picture')}`}: on pictures that it has not seen, it does worse than here.`,
  changed: (n: number) =>
    `The labels of ${count(n, 'picture')} have changed since. Judge again to count that in.`,
  leftOut: (n: number) => `${count(n, 'picture')} left out: not of one class that the model knows.`,
  unknown: (names: string) => `The model does not know ${names}: these objects are neither right nor wrong.`,
  summary: (pictures: number, seconds: number) =>
    `${count(pictures, 'picture')}, judged in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`,
  metrics: 'In all',
  names: {
    ap: 'AP',
    ap50: 'AP at IoU 0.5',
    maskAp: 'mask AP',
    iou: 'mean IoU',
    dice: 'mean Dice',
    pixelAccuracy: 'pixels right',
    accuracy: 'accuracy',
    top5: 'among the five best',
    f1: 'mean F1',
    precision: 'precision',
    recall: 'recall',
    objects: 'objects',
    pictures: 'pictures',
  },
  meanings: {
    best: (threshold: string) => `of what has a score of ${threshold} at least, the best balance of both`,
    ap: 'COCO’s average precision: the mean over IoU 0.5 to 0.95',
    iou: 'overlap of what is labelled and what is found, without the background',
  },
  byClass: 'By class',
  class: 'Class',
  curve: 'Precision and recall',
  curveAlt: (ap: string) => `Precision over recall at IoU 0.5; average precision ${ap}`,
  allClasses: 'all classes',
  threshold: 'Score at least',
  thresholdMore: (best: string) => `The best balance of precision and recall is at ${best}.`,
  atThreshold: (right: number, wrong: number) =>
    `${right.toLocaleString('en')} right, ${count(wrong, 'mistake')}`,
  mistakes: 'Mistakes',
  kinds: {
    classification: 'wrong class',
    localization: 'badly placed',
    both: 'wrong class and badly placed',
    duplicate: 'found twice',
    background: 'nothing is there',
    missed: 'missed',
  },
  kind: 'Kind',
  number: 'Number',
  confusion: 'What was taken for what',
  confusionMore: 'A row for what is labelled, a column for what was found; shares of the row.',
  confusionCell: (row: string, column: string, n: number) =>
    `${row} taken for ${column}: ${n.toLocaleString('en')}`,
  worst: 'Worst pictures first',
  worstMore:
    'Boxes are green where they are right, and red and dashed where they are wrong. Choose a picture to mend its labels; the way back leads here.',
  worstMaps: 'Choose a picture to mend its labels; the way back leads here.',
  more: 'Show more',
  mend: 'Mend the labels of',
  labelled: 'labelled',
  found: 'found',
  wrong: (n: number) => (n === 0 ? 'all right' : count(n, 'mistake')),
  pictureIou: (iou: string) => `IoU ${iou}`,
  pictureClass: (label: string, predicted: string, percent: number) =>
    label === predicted
      ? `${label}, and taken for it (${percent} %)`
      : `${label}, taken for ${predicted} (${percent} %)`,
  gone: 'This picture is no longer there.',
};
