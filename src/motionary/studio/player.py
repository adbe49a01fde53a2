"""Time on the page: which frame is on."""

from dataclasses import dataclass


@dataclass
class Player:
    """Which frame is on."""

    num_frames: int = 1
    fps: float = 30.0
    speed: float = 1.0
    playing: bool = True
    position: float = 0.0
    """In frames, from 0 to below num_frames."""

    @property
    def frame(self) -> int:
        """The frame to show."""
        return int(self.position)

    def insert(self, num_frames: int, fps: float) -> None:
        """Go to the start of another motion."""
        self.num_frames, self.fps, self.position = num_frames, fps, 0.0

    def advance(self, elapsed_s: float) -> None:
        """Let time go by; after the end comes the start."""
        if self.playing:
            self.position = (self.position + elapsed_s * self.fps * self.speed) % self.num_frames

    def seek(self, frame: int) -> None:
        """Go to a frame, or to the nearest there is."""
        self.position = float(min(max(frame, 0), self.num_frames - 1))
