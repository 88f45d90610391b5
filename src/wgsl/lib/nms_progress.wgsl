// nms_progress.wgsl: how far the suppression of an image has come.

struct Progress {
  candidates: u32,  // boxes that take part
  found: u32,       // boxes that stayed so far
  kept: u32,        // those of the last block
}
