"""Exports torchvision's models with random weights by torch.onnx.export, with an input and what PyTorch computes of it:
python3 onnxTorch.py FOLDER [--opset 13] NAME... Needs torch and torchvision (Debian: python3-torchvision). scripts/onnxTorch.mjs runs it."""
import argparse
import json
import pathlib

import numpy as np
import torch
import torchvision

parser = argparse.ArgumentParser()
parser.add_argument('folder', type=pathlib.Path)
parser.add_argument('names', nargs='+')
parser.add_argument('--opset', type=int, default=13)
parser.add_argument('--seed', type=int, default=0)
options = parser.parse_args()
zoo = torchvision.models


def made(name):
    if hasattr(zoo.detection, name):
        few = {'weights': None, 'weights_backbone': None, 'num_classes': 2 if 'keypoint' in name else 5}
        if not name.startswith('ssd'):
            few.update(min_size=96, max_size=128)
        if 'rcnn' in name:
            few.update(rpn_pre_nms_top_n_test=100, rpn_post_nms_top_n_test=20, box_detections_per_img=8, box_score_thresh=0.0)
        else:
            few.update(score_thresh=0.0, topk_candidates=50, detections_per_img=10)
        return getattr(zoo.detection, name)(**few), [torch.rand(3, 96, 128)]
    if hasattr(zoo.segmentation, name):
        return getattr(zoo.segmentation, name)(weights=None, weights_backbone=None), torch.randn(1, 3, 64, 64)
    extra = {'init_weights': True, 'aux_logits': False} if name in ('googlenet', 'inception_v3') else {}
    size = 224 if name.startswith(('vit', 'swin', 'vgg', 'alexnet')) else 139 if name == 'inception_v3' else 64
    return getattr(zoo, name)(weights=None, **extra), torch.randn(1, 3, size, size)


class Flat(torch.nn.Module):
    """One tensor in, tensors out."""

    def __init__(self, model, lists):
        super().__init__()
        self.model, self.lists = model, lists

    def forward(self, x):
        y = self.model([x])[0] if self.lists else self.model(x)
        return y if torch.is_tensor(y) else tuple(y.values())


for name in options.names:
    torch.manual_seed(options.seed)
    model, x = made(name)
    lists = isinstance(x, list)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for p in model.parameters():
        if p.dim() > 1 and (not p.any() or (lists and not norms)):
            torch.nn.init.kaiming_normal_(p)
    if lists and norms:
        # Statistics of the input itself: else random weights leave nothing of it, and all scores are the same.
        model.eval()
        for norm in norms:
            norm.train()
            norm.momentum = 1.0
        with torch.no_grad():
            model([x[0], torch.rand(3, 96, 128)])
    elif norms:
        for norm in norms:
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 1.5)
    model.eval()
    # Not those of masks and keypoints: a mask's edges would be so steep that the last bits of its box show. (When the input changed
    # by 1e-7, PyTorch's own masks changed by 0.07.)
    heads = [
        p
        for key, p in model.named_parameters()
        if p.dim() > 1 and any(part in key for part in ('head', 'predictor', 'rpn')) and 'mask' not in key and 'keypoint' not in key
    ]
    for key, p in model.named_parameters():
        if 'mask_fcn_logits' in key:
            with torch.no_grad():
                p.mul_(0.01)
    with torch.no_grad():
        y = model(x)
        # Heads so strong that scores differ and are not all 0 or 1: equal ones have no order.
        for factor in (16, 8, 7, 6, 5, 4, 3, 2, 1, 0.7, 0.5, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001) if lists else ():
            kept = [p.clone() for p in heads]
            for p in heads:
                p.mul_(factor)
            y = model(x)
            scores = y[0]['scores'].sort().values
            if len(scores) > 1 and scores.diff().min() > 2e-5 and 0.01 < scores[-1] < 0.999:
                break
            for p, old in zip(heads, kept):
                p.copy_(old)
        else:
            if lists:
                print(name, 'has equal scores with all factors', y[0]['scores'])
    y = y[0] if lists else y
    outputs = {'y': y} if torch.is_tensor(y) else dict(y)
    one = x[0] if lists else x
    file = options.folder / name
    torch.onnx.export(
        Flat(model, lists).eval(), (one,), f'{file}.onnx', opset_version=options.opset, input_names=['x'], output_names=list(outputs)
    )
    told = {key: {'shape': list(v.shape), 'data': v.numpy().astype(np.float64).ravel().tolist()} for key, v in {'x': one, **outputs}.items()}
    pathlib.Path(f'{file}.json').write_text(json.dumps(told))
    print(name, {key: list(v.shape) for key, v in outputs.items()}, flush=True)
