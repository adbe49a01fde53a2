"""A pose estimator as a plug-in: whatever moves before a still camera is one person standing upright."""

from pathlib import Path

import numpy as np

from motionary.estimators import Camera, PersonEstimate, Video, VideoEstimate, View
from motionary.motion import Motion


class Mover:
    """Called with a video's path; keyword arguments are options of one's own."""

    def __init__(self, *, height_m: float = 1.7) -> None:
        self.height_m = height_m

    def __call__(self, path: Path) -> VideoEstimate:
        """Raise ValueError where there is nobody, and leave frames without an observation invalid."""
        video, times, boxes, before = Video(path), [], [], None
        for frame in video.frames():
            picture = frame.rgb().mean(-1)
            y, x = np.nonzero(abs(picture - (picture if before is None else before)) > 20)
            boxes.append([x.min(), y.min(), x.max(), y.max()] if len(x) else [np.nan] * 4)
            times.append(frame.time_s)
            before = picture
        facts, valid, box = video.facts(), ~np.isnan(boxes)[:, 0], np.array(boxes, float)
        if not valid.any():
            raise ValueError(f"Nothing moves in {path}.")
        box = np.stack([np.interp(times, np.array(times)[valid], side[valid]) for side in box.T], axis=1)
        camera = Camera(float(facts.width), facts.width, facts.height)
        distance_m = camera.focal_px * self.height_m / np.median(box[:, 3] - box[:, 1])
        feet_m = camera.rays(np.stack([box[:, ::2].mean(1), box[:, 3]], axis=1)) * distance_m
        root_m = np.column_stack([feet_m[:, 0], np.full(len(box), 0.9), np.full(len(box), -distance_m)])
        motion = Motion(np.zeros((len(box), 24, 3)), root_m, facts.fps, valid=valid)
        view = View(camera, np.eye(3), shift_m=np.array([0.0, np.median(feet_m[:, 1]), 0.0]))
        person = PersonEstimate(1, motion, np.array(times), valid.astype(float), box, view)
        return VideoEstimate(facts, "mover", {1: person})
