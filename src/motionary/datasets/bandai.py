"""Bandai-Namco Research Motiondataset: actions performed in styles by professional actors; BVH at 30 Hz.

Source: the READMEs in https://github.com/BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset.

A file is called `dataset-{1|2}_{action}_{style}_{id}.bvh`; who performed is not told. JSON files beside them
are not needed.
"""

from motionary.datasets.named import About
from motionary.datasets.recorded import RecordedSet

BANDAI = RecordedSet(
    name="bandai",
    about=About(
        title="Bandai-Namco Research Motiondataset 1 and 2",
        page="https://github.com/BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset",
        licence="CC BY-NC 4.0; credit: Bandai Namco Research Inc.",
        layout="Lay out dataset-{1|2}_{action}_{style}_{id}.bvh in any folders, as data.zip does; "
        "or give the archive.",
    ),
    format="bvh",
    label_pattern=r"dataset-\d+_(?P<action>[a-z-]+)_[a-z-]+_\d+\.(?i:bvh)$",
)
