// npm run test:quick, for daily work: types, lint, the tests without a GPU, and on the adapter the kernels and gradients of the
// operations that were touched since main, or a few of all kinds. npm test runs everything.
import { finish, lint, tests, types } from './checks.mjs';
import { changedFiles, operationsTouched } from './touched.mjs';

/** One operation of each kind of kernel. */
const FEW = ['add', 'batch_norm', 'conv2d', 'matmul', 'nms', 'roi_align', 'softmax', 'sort', 'sum'];

const touched = operationsTouched(changedFiles());
const names = touched.length > 0 ? touched : FEW;
console.log(
  `operations: ${names.join(', ')}${touched.length > 0 ? '' : ' (none was touched, or what all rest on)'}`,
);

await Promise.all([types().then(lint), tests('units', ['--project=unit'])]);
await tests('kernels and gradients', ['test/verify/verify.test.ts'], { CASES: names.join() });
finish();
