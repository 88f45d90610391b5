import { metricText } from './metrics.ts';

/** The texts of the room of exports. */
export const exportTexts = {
  dataset: 'Data set',
  datasetMore: 'The pictures and their labels as one zip, for other programs and the command line.',
  format: 'Format',
  formats: {
    coco: { title: 'COCO', more: 'one JSON file with boxes, outlines and masks; most programs read it' },
    labelme: { title: 'Labelme', more: 'a JSON file beside each picture' },
    voc: { title: 'Pascal VOC', more: 'an XML file for each picture, masks as PNG files' },
    yolo: { title: 'YOLO', more: 'a text file for each picture, with boxes or outlines' },
    masks: { title: 'Masks', more: 'a PNG file for each picture, whose pixels are the classes' },
    folders: { title: 'Folders', more: 'the pictures, in a folder for each class' },
  },
  which: 'Pictures',
  whiches: {
    labelled: (n: number) => `labelled (${n.toLocaleString('en')})`,
    done: (n: number) => `everything is labelled (${n.toLocaleString('en')})`,
    all: (n: number) => `all (${n.toLocaleString('en')})`,
  },
  images: 'with the pictures, not the labels alone',
  none: 'There are no such pictures.',
  looking: (n: number) =>
    n === 0 ? 'Looking through the labels…' : `Looking through the labels: ${n.toLocaleString('en')}`,
  contents: (pictures: number, objects: number, parts: string) => {
    const what = `${pictures === 1 ? '1 picture' : `${pictures.toLocaleString('en')} pictures`}, ${objects === 1 ? '1 object' : `${objects.toLocaleString('en')} objects`}`;
    return parts === '' ? what : `${what}; a folder for each part: ${parts}`;
  },
  unlabelled: (n: number) =>
    n === 1
      ? '1 picture has no labels: other programs take it for one in which there is nothing.'
      : `${n.toLocaleString('en')} pictures have no labels: other programs take them for pictures in which there is nothing.`,
  notHeld: (format: string) => `${format} does not hold everything:`,
  counted: (what: string, n: number) => `${what}: ${n.toLocaleString('en')}`,
  lost: {
    points: 'points, left out',
    proposals: 'proposals that nobody has accepted, left out',
    classless: 'pictures without a class, or with several, left out',
  },
  save: 'Save the data set…',
  saving: (done: number, all: number) =>
    `Saving picture ${done.toLocaleString('en')} of ${all.toLocaleString('en')}`,
  saved: (name: string) => `${name} is saved.`,
  stop: 'Stop',
  stopped: 'Nothing was saved.',
  models: 'Models',
  modelsMore:
    'As they are stored, which the command line and the library take; as ONNX, for onnxruntime and others; or as a page that runs the model.',
  noModels: 'There are no models yet.',
  toTrain: 'Train one',
  model: (
    task: string,
    bytes: number,
    metric: { readonly name: string; readonly value: number } | undefined,
  ) =>
    `${task}, ${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB${metric ? `, ${metricText(metric)}` : ''}`,
  asStored: (file: string) => `Save ${file.slice(file.lastIndexOf('.'))}`,
  asStoredNamed: (file: string, name: string) => `Save ${file.slice(file.lastIndexOf('.'))} of ${name}`,
  asOnnx: 'Save .onnx',
  asOnnxNamed: (name: string) => `Save .onnx of ${name}`,
  asPage: 'Save a page that runs it',
  asPageNamed: (name: string) => `Save a page that runs it: ${name}`,
  pageMore:
    'The page is a zip with an index.html of some 35 lines, the library and the model. It asks for nothing beyond its folder. Put the folder on any web server, or run “python3 -m http.server” in it.',
  savingFile: (name: string) => `Saving ${name}…`,
  project: 'The whole project',
  projectMore:
    'Everything as one file, for the studio on another machine, or as a copy to keep: pictures, labels, models and trainings.',
  toProjects: 'Projects: save as a file',
};
