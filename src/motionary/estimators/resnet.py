"""ResNet-50 down to its last feature map (He et al. 2016, arXiv:1512.03385), named as torchvision names it.

In a bottleneck the stride sits on the 3x3 convolution. N pictures, H x W pixels.
"""

from jaxtyping import Float
from torch import Tensor, nn

EXPANSION = 4
"""A bottleneck's output is this many times its width."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out = EXPANSION * width
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            if channels != out or stride != 1
            else None
        )

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N D h w"]:
        """One step of refinement."""
        y = self.bn1(self.conv1(x)).relu_()
        y = self.bn2(self.conv2(y)).relu_()
        y = self.bn3(self.conv3(y))
        return (y + (x if self.downsample is None else self.downsample(x))).relu_()


def bottlenecks(channels: int, width: int, count: int, stride: int = 1) -> nn.Sequential:
    """Several in a row, the first with the stride and with a shortcut of its own."""
    rest = [Bottleneck(EXPANSION * width, width) for _ in range(count - 1)]
    return nn.Sequential(Bottleneck(channels, width, stride), *rest)


class ResNet50(nn.Module):
    """Pictures to feature maps of 1/32 their size."""

    num_features = 2048

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = bottlenecks(64, 64, 3)
        self.layer2 = bottlenecks(256, 128, 4, stride=2)
        self.layer3 = bottlenecks(512, 256, 6, stride=2)
        self.layer4 = bottlenecks(1024, 512, 3, stride=2)

    def forward(self, x: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 2048 h w"]:
        """The last layer's map of normalised RGB pictures."""
        x = self.maxpool(self.bn1(self.conv1(x)).relu_())
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))
