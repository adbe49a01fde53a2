"""HDM05: about 130 classes of motion, cut to single performances, of five actors; Acclaim files at 120 Hz.

Source: Müller et al. 2007, Documentation Mocap Database HDM05, technical report CG-2007-2, Universität Bonn.

A cut file is called `HDM_{actor}_{class}_{take}_{rate}.amc`. A class says what is done and, after a number,
how often and starting with which side (`kickLFront1Reps`, `sneak2StepsLStart`): only what is done is the
action here.
"""

from motionary.datasets.named import About
from motionary.datasets.recorded import RecordedSet

HDM05 = RecordedSet(
    name="hdm05",
    about=About(
        title="HDM05 motion capture database, cut clips",
        page="https://resources.mpi-inf.mpg.de/HDM05",
        licence="CC BY-SA 3.0; credit: Müller et al., Documentation Mocap Database HDM05, CG-2007-2",
        layout="Lay out HDM_{actor}_{class}_{take}_{rate}.amc in any folders, the HDM_{actor}.asf of their "
        "actors beside them; or give the archive.",
    ),
    format="amc",
    label_pattern=r"(?i:HDM)_(?P<subject>[A-Za-z]+)_(?P<action>[A-Za-z]+)\w*_\d+_\d+\.(?i:amc)$",
)
