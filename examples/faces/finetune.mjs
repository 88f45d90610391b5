// Fine-tuning of a network of somebody else's: its weights from PyTorch's file, losses of our own, a handful of images.
// Run: node examples/faces/finetune.mjs [version-RFB-320.pth]
// Without the file it begins with random weights. The images are drawn here: discs with eyes, on noise.
import {
  add,
  backward,
  boxEncode,
  cast,
  crossEntropy,
  div,
  gatherRows,
  greaterEqual,
  matchAnchors,
  maximum,
  mul,
  openGpu,
  smoothL1Loss,
  sub,
  sum,
  tensor,
} from 'fovea';
import { loadWeights } from 'fovea/io';
import { AdamW, generator, manualSeed } from 'fovea/nn';
import { anchorsFor, UltraLightFace, WEIGHTS } from './ultralight.mjs';

const [file] = process.argv.slice(2);
const gpu = await openGpu();
manualSeed(1);
const model = new UltraLightFace();
if (file) {
  const { matched } = model.loadStateDict(await loadWeights(file));
  console.log(`${file}: ${matched.length} tensors matched`);
}
// A few images say little about statistics: batch norms keep those of the file.
model.eval();

const [N, H, W] = [4, 240, 320];
const anchors = anchorsFor(H, W);

/**
 * Faces are what anchors with an IoU of 0.35 or more learn, and the best anchor of each. Background and faces count alike,
 * however many anchors of each there are.
 *
 * @param {import('fovea').Tensor} images @param {import('fovea').Tensor} boxes @param {import('fovea').Tensor} counts
 */
function lossOf(images, boxes, counts) {
  const { logits, offsets } = model.forward(images);
  const matches = matchAnchors(anchors, boxes, counts, { highThreshold: 0.35, lowThreshold: 0.35 });
  const face = greaterEqual(matches, 0);
  /** @param {import('fovea').Tensor} values @param {import('fovea').Tensor} share */
  const meanOver = (values, share) => div(sum(mul(values, share)), maximum(sum(share), 1));
  const share = cast(face, 'f32');
  const classes = crossEntropy(logits, face, { reduction: 'none' });
  const wanted = gatherRows(boxes, maximum(matches, 0), 1);
  const goals = boxEncode(wanted, anchors, { weights: WEIGHTS });
  const places = sum(smoothL1Loss(offsets, goals, { reduction: 'none' }), { dim: -1 });
  return add(add(meanOver(classes, share), meanOver(classes, sub(1, share))), meanOver(places, share));
}

const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
const step = gpu.capture((images, boxes, counts) => {
  const loss = lossOf(images, boxes, counts);
  backward(loss);
  optimizer.step();
  return { loss };
});

const random = generator(2);
/** Images of (value - 127) / 128, and the box of the one face in each. */
function drawn() {
  const images = Float32Array.from({ length: N * H * W * 3 }, () => random() - 0.5);
  const boxes = [];
  for (let n = 0; n < N; n++) {
    const radius = 20 + 30 * random();
    const [cx, cy] = [radius + (W - 2 * radius) * random(), radius + (H - 2 * radius) * random()];
    boxes.push(cx - radius, cy - radius, cx + radius, cy + radius);
    for (let y = Math.ceil(cy - radius); y < cy + radius; y++) {
      for (let x = Math.ceil(cx - radius); x < cx + radius; x++) {
        if ((x - cx) ** 2 + (y - cy) ** 2 > radius ** 2) continue;
        const eye = Math.hypot(Math.abs(x - cx) - radius / 3, y - cy + radius / 4) < radius / 7;
        images.set(eye ? [-0.8, -0.8, -0.8] : [0.6, 0.3, 0.1], ((n * H + y) * W + x) * 3);
      }
    }
  }
  return { images: tensor(images, [N, H, W, 3]), boxes: tensor(boxes, [N, 1, 4]) };
}

const { images, boxes } = drawn();
const counts = tensor(Int32Array.from({ length: N }, () => 1));
const losses = [];
for (let i = 0; i < 20; i++) {
  const { loss } = await step(images, boxes, counts);
  losses.push(await loss.item());
}
console.log(`loss ${losses[0].toFixed(3)}, after 20 steps ${losses.at(-1)?.toFixed(3)}`);
gpu.dispose();
