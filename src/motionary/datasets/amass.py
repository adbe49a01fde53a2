"""AMASS: many motion capture collections as SMPL-H or SMPL-X parameters.

Source: Mahmood et al. 2019, AMASS: Archive of Motion Capture as Surface Shapes, arXiv:1904.03278.

A collection unpacks to `{collection}/{folder}/{name}_poses.npz` (SMPL-H) or `..._stageii.npz` (SMPL-X). The
folder is a person in some collections and a kind of motion in others; it is the label here, and collection
and folder together are the subject. Better labels (BABEL, for one) are not part of AMASS.
"""

from motionary.datasets.named import About
from motionary.datasets.recorded import RecordedSet

AMASS = RecordedSet(
    name="amass",
    about=About(
        title="AMASS, any of its collections",
        page="https://amass.is.tue.mpg.de",
        licence="AMASS licence: non-commercial research, registration; cite AMASS and the collection",
        layout="Unpack collections to {collection}/{folder}/{name}.npz; or give a collection's archive.",
    ),
    format="amass",
    label_pattern=r"(?P<subject>(?:[^/]+/)?(?P<action>[^/]+))/[^/]+\.npz$",
    not_clips=r"^(shape|.*_stagei|.*_shape)\.npz$",
)
