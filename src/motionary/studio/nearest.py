"""Real clips of a data set that are most like a motion."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.body.smpl import BodyModel
from motionary.datasets.actions import ClipRecord
from motionary.datasets.folder import Dataset
from motionary.features import face_forward
from motionary.motion import Motion

INSTANTS = 24
"""At which poses are compared, evenly spread from the first frame to the last."""
MOST_CLIPS = 400
"""Of one action that are looked at, evenly spread over the data set."""


@dataclass(frozen=True)
class RealClip:
    """A clip of the data set and how far it is from what it was compared with."""

    record: ClipRecord
    motion: Motion
    distance_m: float
    """Mean distance of the joints, in metres."""


class RealClips:
    """A data set to look for real clips in; an action's clips are read once, when first wanted."""

    def __init__(self, dataset: Dataset, body: BodyModel) -> None:
        self.dataset = dataset
        self._body = body
        self._read: dict[str, tuple[list[ClipRecord], list[Motion], Float[ndarray, "N 24 24 3"]]] = {}

    def nearest(self, motion: Motion, num: int) -> list[RealClip]:
        """The nearest clips of the same action, or of any where the data set does not know it.

        Distances are between joints at the same fraction of either motion, both facing forward and starting
        over one spot: what is done is compared, not where and how fast.
        """
        action = motion.action if motion.action in self.dataset.actions else None
        records, motions, places = self._clips(action)
        distances = np.linalg.norm(places - self._places(motion), axis=-1).mean((1, 2))
        order = np.argsort(distances, kind="stable")[:num]
        return [RealClip(records[i], motions[i], float(distances[i])) for i in order]

    def _clips(
        self, action: str | None
    ) -> tuple[list[ClipRecord], list[Motion], Float[ndarray, "N 24 24 3"]]:
        key = action or ""
        if key not in self._read:
            records = [clip for clip in self.dataset.clips if action is None or clip.action == action]
            step = -(-len(records) // MOST_CLIPS)
            records = records[::step]
            motions = [self.dataset.motion(record) for record in records]
            self._read[key] = records, motions, np.stack([self._places(motion) for motion in motions])
        return self._read[key]

    def _places(self, motion: Motion) -> Float[ndarray, "24 24 3"]:
        """Joints at the instants, in metres from below the first pelvis, facing forward, on the mean body."""
        times_s = np.linspace(0, (len(motion) - 1) / motion.fps, INSTANTS)
        at_instants = face_forward(motion.at_times(times_s, motion.fps))
        posed = self._body.shape().pose(
            torch.from_numpy(at_instants.pose), torch.from_numpy(at_instants.translation)
        )
        joints = posed.joints.numpy()
        return joints - joints[0, 0] * np.array([1, 0, 1], np.float32)
