"""What PyTorch's eager mode takes for rows of the bench, on the same GPU: f32 without TF32, and mixed precision.

    python3 bench/torch/train.py --out torch.json [--quick] [--limit 60]

The networks are those of bench/src/networks/nets.ts, in channels-last memory; sizes and batches those of the rows. A time
is the median of single runs, each waited for, as the bench's wall times are. `npm run bench -- --torch torch.json` shows
them beside Fovea's.
"""

import argparse
import contextlib
import json
import os
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        blocks, channels = [], 64
        for i, width in enumerate((64, 128, 256, 512)):
            for block in range(2):
                blocks.append(BasicBlock(channels, width, 2 if block == 0 and i > 0 else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = F.max_pool2d(self.stem(x), 3, 2, 1)
        return self.fc(self.blocks(x).mean((2, 3)))


def double_conv(channels, out):
    layers = []
    for source in (channels, out):
        layers += [nn.Conv2d(source, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, width=32, depth=4, classes=21):
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(double_conv(source, to) for source, to in zip([3, *widths], widths))
        pairs = list(zip(widths[:0:-1], widths[-2::-1]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(source, to, 2, 2) for source, to in pairs)
        self.merge = nn.ModuleList(double_conv(2 * to, to) for _, to in pairs)
        self.out = nn.Conv2d(width, classes, 1)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, x):
        x, skips = (x - self.mean) / self.std, []
        for level, down in enumerate(self.down):
            x = down(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([skips.pop(), up(x)], 1))
        return self.out(x)


class RetinaNet(nn.Module):
    """On ResNet-18 with a small stem, levels P3 to P7, group norm in the heads: `retinanet` of nets.ts."""

    def __init__(self, width=64, pyramid=128, depth=2, classes=20):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.layers, channels = nn.ModuleList(), width
        for i in range(4):
            out = width * 2**i
            self.layers.append(nn.Sequential(FirstBlock(channels, out), BasicBlock(out, out, 1)))
            channels = out
        self.inner = nn.ModuleList(nn.Conv2d(width * 2**i, pyramid, 1) for i in (1, 2, 3))
        self.layer = nn.ModuleList(nn.Conv2d(pyramid, pyramid, 3, 1, 1) for _ in range(3))
        self.p6, self.p7 = (nn.Conv2d(pyramid, pyramid, 3, 2, 1) for _ in range(2))
        self.heads = nn.ModuleList(self.head(pyramid, depth, values) for values in (classes, 4))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    @staticmethod
    def head(width, depth, values):
        layers = []
        for _ in range(depth):
            layers += [nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.GroupNorm(width // 8, width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Conv2d(width, 9 * values, 3, 1, 1))

    def forward(self, x):
        x, features = self.stem((x - self.mean) / self.std), []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        inner = None
        levels = []
        for lateral, layer, feature in reversed(list(zip(self.inner, self.layer, features[1:]))):
            side = lateral(feature)
            inner = side if inner is None else side + F.interpolate(inner, scale_factor=2)
            levels.insert(0, layer(inner))
        levels.append(self.p6(levels[-1]))
        levels.append(self.p7(F.relu(levels[-1])))
        rows = lambda y, values: y.permute(0, 2, 3, 1).reshape(y.shape[0], -1, values)
        return [
            torch.cat([rows(head(level), values) for level in levels], 1)
            for head, values in zip(self.heads, (self.heads[0][-1].out_channels // 9, 4))
        ]


class FirstBlock(BasicBlock):
    """A stage's first block halves the size, and so has a convolution beside it, whatever its channels."""

    def __init__(self, channels, out):
        super().__init__(channels, out, 2)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def figures(run, device, seconds):
    """Median and interquartile range of single runs, in milliseconds."""
    start = time.perf_counter()
    run()
    wait(device)
    first = time.perf_counter() - start
    for _ in range(5):
        run()
    wait(device)
    times, begin = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        wait(device)
        times.append(1000 * (time.perf_counter() - start))
    low, middle, high = statistics.quantiles(times, n=4)
    return {"runs": len(times), "medianMs": middle, "spreadMs": high - low, "firstMs": 1000 * first}


def images(shape, device):
    n, side = shape
    return torch.rand(n, 3, side, side, device=device).to(memory_format=torch.channels_last)


def precision(device, mixed):
    return torch.autocast(device, dtype=torch.float16) if mixed else contextlib.nullcontext()


def inference(make, shape, device, mixed):
    model = make().to(device, memory_format=torch.channels_last).eval()
    x = images(shape, device)

    def run():
        with torch.no_grad(), precision(device, mixed):
            model(x)

    return run


def learn(loss, optimizer, scaler):
    """Gradients and the optimizer's step, of a scaled loss in mixed precision."""
    if scaler is None:
        loss.backward()
        optimizer.step()
        return
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


def training(make, shape, labels, classes, device, mixed):
    model = make().to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scaler = torch.amp.GradScaler(device) if mixed else None
    x = images(shape, device)
    target = torch.randint(classes, labels, device=device)

    def run():
        optimizer.zero_grad(set_to_none=True)
        with precision(device, mixed):
            loss = F.cross_entropy(model(x), target)
        learn(loss, optimizer, scaler)

    return run


def detection(batch, side, device, mixed):
    """RetinaNet's step: focal loss and distances of boxes, with targets made beforehand."""
    model = RetinaNet().to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scaler = torch.amp.GradScaler(device) if mixed else None
    x = images((batch, side), device)
    with torch.no_grad():
        logits, deltas = model(x)
    target = (torch.rand_like(logits) < 0.001).float()
    goal = torch.randn_like(deltas)
    matched = (torch.rand(batch, deltas.shape[1], 1, device=device) < 0.01).float()
    share = matched.sum((1, 2)).clamp(min=1)

    def run():
        optimizer.zero_grad(set_to_none=True)
        with precision(device, mixed):
            logits, deltas = model(x)
        logits, deltas = logits.float(), deltas.float()
        p = logits.sigmoid()
        ce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        focal = (0.75 - 0.5 * target) * (p + target - 2 * p * target) ** 2 * ce
        apart = (deltas - goal).abs() * matched
        loss = (focal.sum((1, 2)) / share).mean() + (apart.sum((1, 2)) / share).mean()
        learn(loss, optimizer, scaler)

    return run


def product(n, device, dtype):
    a, b = (torch.rand(n, n, device=device).to(dtype) for _ in range(2))
    return lambda: torch.matmul(a, b)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--quick", action="store_true", help="the sizes of the bench's quick rows")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row and precision")
    parser.add_argument("--limit", type=float, default=float("inf"), help="begin no row after so many seconds")
    options = parser.parse_args()
    quick = options.quick
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True

    batch, side, unet_side, unet_image, retina = (1, 96, 32, 64, 128) if quick else (4, 224, 256, 256, 256)
    jobs = []
    for name, make in {
        f"ResNet-18 {side}, training step, batch {batch}": lambda mixed: training(
            ResNet18, (batch, side), (batch,), 1000, device, mixed
        ),
        f"U-Net {unet_side}, training step, batch {batch}": lambda mixed: training(
            UNet, (batch, unet_side), (batch, unet_side, unet_side), 21, device, mixed
        ),
        f"RetinaNet {retina}, training step, batch {batch}": lambda mixed: detection(batch, retina, device, mixed),
        f"ResNet-18 {side}, inference, batch 1": lambda mixed: inference(ResNet18, (1, side), device, mixed),
        f"U-Net {unet_image}, inference, batch 1": lambda mixed: inference(UNet, (1, unet_image), device, mixed),
    }.items():
        jobs.append((name, "torch", lambda make=make: make(False)))
        if device == "cuda":
            jobs.append((name, "torchAmp", lambda make=make: make(True)))
    for n in (256, 512, 1024) if quick else (4096, 2048, 1024, 512, 256):
        jobs.append((f"gemm {n}", "torch", lambda n=n: product(n, device, torch.float32)))
    if device == "cuda":
        for n in (1024,) if quick else (4096, 8192, 1024):
            jobs.append((f"gemm {n}, f16", "torchAmp", lambda n=n: product(n, device, torch.float16)))

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    result = {"device": name, "versions": {"torch": torch.__version__}, "rows": {}}
    begin = time.perf_counter()
    for row, peer, make in jobs:
        if time.perf_counter() - begin > options.limit:
            print("no time for the rows that are left")
            break
        taken = figures(make(), device, options.seconds)
        result["rows"].setdefault(row, {})[peer] = taken
        print(row, peer, f"{taken['medianMs']:.3f} ms", sep="  ", flush=True)
        # After each row: what is ended early leaves what it has.
        with open(options.out + ".part", "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2)
        os.replace(options.out + ".part", options.out)


if __name__ == "__main__":
    main()
