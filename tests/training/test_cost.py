"""What a step costs in operations and in numbers held: counts do not flake, so no change undoes them."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from motionary import products
from motionary.body.assets import cache_folder
from motionary.body.quadrature import load_quadrature
from motionary.body.smpl import BodyArrays, BodyModel, PosedBody
from motionary.body.vertex_error import VertexError
from motionary.models.actor import Actor, ActorConfig
from motionary.rotations import axis_angle_to_matrix

FRAMES, WINDOWS = 60, 2
NUM_VERTICES = 6890


class Largest(TorchDispatchMode):
    """Size of the largest tensor that operations make, and how many numbers they make in all."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = self.made = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        if not function.is_view:
            self.numbers, self.made = max([self.numbers, *sizes]), self.made + sum(sizes)
        return result


@pytest.fixture(scope="module")
def big_body() -> BodyModel:
    """A body of SMPL's size."""
    generator = torch.Generator().manual_seed(0)
    owner = torch.arange(NUM_VERTICES) * 24 // NUM_VERTICES
    weights = torch.zeros(NUM_VERTICES, 24)
    weights[torch.arange(NUM_VERTICES), owner] = 0.7
    weights[torch.arange(NUM_VERTICES), (owner - 1).clamp(min=0)] += 0.3
    return BodyModel(
        BodyArrays(
            v_template=torch.randn(NUM_VERTICES, 3, generator=generator),
            faces=torch.zeros(1, 3, dtype=torch.long),
            weights=weights,
            joints_template=torch.randn(24, 3, generator=generator),
            joints_shapedirs=torch.zeros(24, 3, 10),
            shapedirs=torch.zeros(NUM_VERTICES, 3, 10),
            posedirs=torch.randn(NUM_VERTICES, 3, 207, generator=generator) * 0.002,
        )
    )


def poses(body: BodyModel, frames: int) -> tuple[PosedBody, PosedBody]:
    pose = torch.randn(2, frames, 24, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    posed, target = (body.shape().pose(axis_angle_to_matrix(turns)) for turns in pose.requires_grad_())
    return posed, target


def test_the_network_does_less_than_torch_s_layers_would(monkeypatch):
    monkeypatch.setattr(products, "fitting", lambda: False)  # torch's own products are counted
    config = ActorConfig(num_actions=3)
    layer = {"d_model": 256, "nhead": 4, "dim_feedforward": 1024, "batch_first": True}
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(**layer), 8)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**layer), 8)
    frames, tokens = torch.randn(WINDOWS, FRAMES, 256), torch.randn(WINDOWS, FRAMES + 2, 256)
    with FlopCounterMode(display=False) as plain:
        (encoder(tokens).sum() + decoder(frames, frames[:, :1]).sum()).backward()
    features, action = torch.randn(WINDOWS, FRAMES, 25, 6), torch.zeros(WINDOWS, dtype=torch.long)
    with FlopCounterMode(display=False) as ours:
        output, posterior = Actor(config)(features, action, None, torch.zeros(WINDOWS, 256))
        (output.sum() + posterior.divergence()).backward()
    assert ours.get_total_flops() < 0.91 * plain.get_total_flops()


def test_the_error_of_all_vertices_never_holds_them(big_body):
    posed, target = poses(big_body, 400)
    error = VertexError(big_body)
    with Largest() as seen:
        error(posed, target).backward()
    assert seen.numbers < 0.25 * 400 * NUM_VERTICES * 3


def test_few_vertices_cost_a_tenth_of_all(big_body):
    posed, target = poses(big_body, 100)
    rule = load_quadrature(big_body, cache_folder())
    counts = []
    for error in (VertexError(big_body), VertexError(big_body, rule.vertex_ids, rule.counts)):
        with FlopCounterMode(display=False) as counter:
            error(posed, target)
        counts.append(counter.get_total_flops())
    assert counts[1] < 0.1 * counts[0]
