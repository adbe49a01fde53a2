"""Many videos: worked through by processes or a cluster, however often they are interrupted."""

from motionary.estimators.batch.jobs import add_video, videos_in
from motionary.estimators.batch.manifest import Entry, Manifest
from motionary.estimators.batch.run import BatchConfig, estimate_all

__all__ = ["BatchConfig", "Entry", "Manifest", "add_video", "estimate_all", "videos_in"]
