/** Every text of the studio, so that there is one place to read, mend and translate them. */
export const strings = {
  title: 'Fovea Studio',
  lead: 'Label pictures, train a model and try it, on this machine. Nothing leaves it.',
  rooms: {
    pictures: 'Pictures',
    label: 'Label',
    train: 'Train',
    try: 'Try',
    judge: 'Judge',
    verify: 'Verify',
  },
  skip: 'Skip to the content',
  nav: 'Rooms',
  close: 'Close',
  loading: 'Loading…',
  saved: 'Everything is saved on this machine',
  saving: 'Saving…',
  notSaved: 'Not saved',
  comes: 'This room is not there yet.',
  newProject: 'My project',
  closedByOther: 'A newer version of the studio is open in another tab. Reload this page.',
  elsewhere: 'Another tab edits this project. This one only shows it.',
  takeOver: 'Edit it here',
  noGpu: 'No GPU available',
  lookingForGpu: 'Looking for a GPU…',
  pictures: {
    add: 'Add pictures…',
    addFolder: 'Add a folder…',
    drop: 'Drop pictures, folders or a zip here',
    none: 'No pictures yet',
    noneMore:
      'Drop pictures, a folder or a zip anywhere on this page. With label files of Labelme, COCO, VOC, YOLO or masks they bring their labels.',
    count: (n: number) => (n === 1 ? '1 picture' : `${n.toLocaleString('en')} pictures`),
    adding: (done: number, all: number) =>
      `Adding ${done.toLocaleString('en')} of ${all.toLocaleString('en')}`,
    added: (n: number) => (n === 1 ? '1 picture added' : `${n.toLocaleString('en')} pictures added`),
    known: (n: number) => (n === 1 ? '1 was there already' : `${n.toLocaleString('en')} were there already`),
    unreadable: (n: number, name: string, why: string) =>
      n === 1
        ? `${name} is no picture that this browser can read (${why})`
        : `${n.toLocaleString('en')} files are no pictures that this browser can read, such as ${name} (${why})`,
    faults: (n: number, first: string) =>
      n === 1
        ? `1 label was left out or changed: ${first}`
        : `${n.toLocaleString('en')} labels were left out or changed, such as: ${first}`,
    reading: 'Reading…',
    nothing: 'There was no picture among these files',
    stop: 'Stop',
    grid: 'Pictures of the project',
    open: (name: string) => `Label ${name}`,
    done: 'done',
    objects: (n: number) =>
      n === 0 ? 'no labels' : n === 1 ? '1 object' : `${n.toLocaleString('en')} objects`,
    filter: 'Show',
    filters: { all: 'all', labelled: 'labelled', unlabelled: 'not labelled' },
  },
} as const;
