"""How recognisers look at motions in the published protocol: which points, which axes, which initial state.

B motions, T frames.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel
from motionary.evaluation.published import Watch
from motionary.features import add_trajectory, features_to_joints, half_turn
from motionary.models.recognisers import GruRecogniser, Recogniser
from motionary.models.recognition import Recognition
from motionary.models.stgcn import Stgcn

SETS_BY_SIZE = {18: "a2m", 24: "smpl"}
"""Joint set of Action2Motion's recognisers by the number of their joints: NTU13's and HumanAct12's."""

SETS_ON_THE_SPOT = ("a2m",)
"""Sets whose root stays put: the published code found no real trajectories in NTU13."""


def watch_with_own(recogniser: Recogniser) -> Watch:
    """One of Motionary's recognisers, which starts from zero."""

    def watch(
        features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"], noise: torch.Generator
    ) -> Recognition:
        return recogniser.recognise(features, mask)

    return watch


def watch_with_published(
    network: GruRecogniser, body: BodyModel, extra_regressor: Float[Tensor, "9 V"] | None = None
) -> Watch:
    """One of Action2Motion's recognisers: points of a SMPL body in a camera's axes, a random initial state.

    Args:
        network: From `read_published`.
        body: The neutral SMPL body.
        extra_regressor: The nine extra rows that some points of NTU13's joint set need.

    Raises:
        ValueError: If ACTOR's protocol has no joint set of the network's size.
    """
    joint_set = SETS_BY_SIZE.get(network.config.num_joints)
    if joint_set is None:
        sizes = " or ".join(map(str, SETS_BY_SIZE))
        raise ValueError(
            f"The published protocol has recognisers of {sizes} joints; "
            f"this one has {network.config.num_joints}."
        )

    def watch(
        features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"], noise: torch.Generator
    ) -> Recognition:
        points = published_points(half_turn(features), mask, joint_set, body, extra_regressor)
        return network(points, mask, random_state(network, len(features), noise))

    return watch


def watch_with_published_stgcn(network: Stgcn) -> Watch:
    """One of ACTOR's recognisers of UESTC: joint rotations in a camera's axes.

    Args:
        network: From `read_published_stgcn`.
    """

    def watch(
        features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"], noise: torch.Generator
    ) -> Recognition:
        return network(half_turn(features)[:, :, :NUM_JOINTS], mask)

    return watch


def published_points(
    features: Float[Tensor, "B T 25 6"],
    mask: Bool[Tensor, "B T"],
    joint_set: str,
    body: BodyModel,
    extra_regressor: Float[Tensor, "9 V"] | None,
) -> Float[Tensor, "B T K 3"]:
    """Points that the published evaluation shows its recognisers, metres from the root joint.

    HumanAct12's move along the path of the root, NTU13's do not.
    """
    points = features_to_joints(features, body, mask, joint_set, extra_regressor=extra_regressor)
    return points if joint_set in SETS_ON_THE_SPOT else add_trajectory(points, features)


def random_state(network: GruRecogniser, count: int, noise: torch.Generator) -> Float[Tensor, "L B H"]:
    """Initial state from N(0, 1), as the published code draws it on every call."""
    return torch.randn(network.config.num_layers, count, network.config.hidden_dim, generator=noise)
