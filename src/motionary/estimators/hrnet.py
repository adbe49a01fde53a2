"""HRNet-W32 as PARE uses it (Sun et al. 2019, arXiv:1902.09212), under the published names.

Branch b has 32 * 2^b channels at 1/4 of the picture's size, halved b times. N pictures, H x W pixels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from motionary.estimators.resnet import bottlenecks

WIDTHS = (32, 64, 128, 256)
NUM_FEATURES = sum(WIDTHS)
STAGE_MODULES = (1, 4, 3)
"""Modules of stages 2, 3 and 4, which have 2, 3 and 4 branches."""
BLOCKS = 4
"""Of each branch of a module."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """One step of refinement."""
        y = self.bn1(self.conv1(x)).relu_()
        return (self.bn2(self.conv2(y)) + x).relu_()


class FusingModule(nn.Module):
    """Branches side by side, then every branch's output added to every other at that one's size."""

    def __init__(self, num_branches: int) -> None:
        super().__init__()
        widths = WIDTHS[:num_branches]
        self.branches = nn.ModuleList(
            nn.Sequential(*[BasicBlock(width) for _ in range(BLOCKS)]) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleDict({str(j): _bring(j, i) for j in range(num_branches) if j != i})
            for i in range(num_branches)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """One map per branch, fused."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [self._fused(i, maps) for i in range(len(maps))]

    def _fused(self, i: int, maps: list[Tensor]) -> Tensor:
        layers = self.fuse_layers[i]
        parts = [x if j == i else layers[str(j)](x) for j, x in enumerate(maps)]  # type: ignore[index]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total.relu()


def _bring(j: int, i: int) -> nn.Sequential:
    """Layers that bring branch j's map to branch i's size and width."""
    if j > i:
        shrink = nn.Conv2d(WIDTHS[j], WIDTHS[i], 1, bias=False)
        return nn.Sequential(shrink, nn.BatchNorm2d(WIDTHS[i]), nn.Upsample(scale_factor=2 ** (j - i)))
    steps = []
    for k in range(j, i):
        last = k == i - 1
        out = WIDTHS[i] if last else WIDTHS[j]
        halve = nn.Conv2d(WIDTHS[j], out, 3, 2, 1, bias=False)
        steps.append(nn.Sequential(halve, nn.BatchNorm2d(out), *([] if last else [nn.ReLU()])))
    return nn.Sequential(*steps)


def _to_branch(channels: int, branch: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, WIDTHS[branch], 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(WIDTHS[branch]), nn.ReLU())


def _upsampling(width: int, times: int) -> nn.Sequential:
    """Bilinear doubling and a convolution, repeated."""
    layers: list[nn.Module] = []
    for _ in range(times):
        layers += [
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


class HrNet32(nn.Module):
    """Pictures to one feature map of 1/4 their size, all four branches' channels side by side.

    Args:
        convolved: Whether coarse branches are brought to full size with convolutions ("hrnet_w32-conv") or by
            interpolation alone ("hrnet_w32-interp").
    """

    num_features = NUM_FEATURES

    def __init__(self, *, convolved: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.layer1 = bottlenecks(64, 64, 4)
        self.transition1 = nn.ModuleList([_to_branch(256, 0, 1), nn.Sequential(_to_branch(256, 1, 2))])
        self.stage2 = _stage(0)
        self.transition2 = nn.ModuleDict({"2": nn.Sequential(_to_branch(WIDTHS[1], 2, 2))})
        self.stage3 = _stage(1)
        self.transition3 = nn.ModuleDict({"3": nn.Sequential(_to_branch(WIDTHS[2], 3, 2))})
        self.stage4 = _stage(2)
        self.final_layer = nn.Conv2d(WIDTHS[0], 24, 1)  # in every published file, used by nothing
        self.convolved = convolved
        if convolved:
            self.upsample_stage_2 = _upsampling(WIDTHS[1], 1)
            self.upsample_stage_3 = _upsampling(WIDTHS[2], 2)
            self.upsample_stage_4 = _upsampling(WIDTHS[3], 3)

    def forward(self, x: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 480 h w"]:
        """The map of normalised RGB pictures whose sides are multiples of 32."""
        x = self.bn1(self.conv1(x)).relu()
        x = self.layer1(self.bn2(self.conv2(x)).relu())
        maps = self.stage2([layer(x) for layer in self.transition1])
        maps = self.stage3([*maps, self.transition2["2"](maps[-1])])
        maps = self.stage4([*maps, self.transition3["3"](maps[-1])])
        return torch.cat([maps[0], *self._full_size(maps)], 1)

    def _full_size(self, maps: list[Tensor]) -> list[Tensor]:
        if self.convolved:
            layers = (self.upsample_stage_2, self.upsample_stage_3, self.upsample_stage_4)
            return [layer(x) for layer, x in zip(layers, maps[1:], strict=True)]
        size = maps[0].shape[-2:]
        return [interpolate(x, size, mode="bilinear", align_corners=True) for x in maps[1:]]


def _stage(index: int) -> nn.Sequential:
    return nn.Sequential(*[FusingModule(index + 2) for _ in range(STAGE_MODULES[index])])
