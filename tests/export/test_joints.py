import json

import numpy as np

from motionary.body.skeleton import JOINT_NAMES
from motionary.export.joints import write_jsonl, write_trc


def test_trc_columns_are_the_joints_in_metres(motion, body, tmp_path):
    write_trc(motion, tmp_path / "dance.trc", body)
    lines = (tmp_path / "dance.trc").read_text().splitlines()
    assert lines[0].split("\t") == ["PathFileType", "4", "(X/Y/Z)", "dance.trc"]
    facts = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    assert (float(facts["DataRate"]), facts["Units"]) == (motion.fps, "m")
    assert int(facts["NumFrames"]) == len(motion)
    assert int(facts["NumMarkers"]) == len(JOINT_NAMES)
    assert [name for name in lines[3].split("\t")[2:] if name] == list(JOINT_NAMES)
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"]
    assert lines[5] == ""
    rows = np.array([[float(value) for value in line.split("\t")] for line in lines[6:]])
    np.testing.assert_array_equal(rows[:, 0], np.arange(1, len(motion) + 1))
    np.testing.assert_allclose(rows[:, 1], np.arange(len(motion)) / motion.fps, atol=1e-6)
    np.testing.assert_allclose(rows[:, 2:].reshape(-1, 24, 3), motion.joint_positions(body), atol=1e-6)


def test_every_line_of_json_is_a_frame(motion, body, tmp_path):
    write_jsonl(motion, tmp_path / "dance.jsonl", body)
    rows = [json.loads(line) for line in (tmp_path / "dance.jsonl").read_text().splitlines()]
    assert [row["frame"] for row in rows] == list(range(len(motion)))
    assert all(row["valid"] for row in rows)
    np.testing.assert_allclose(
        [row["time_s"] for row in rows], np.arange(len(motion)) / motion.fps, atol=1e-6
    )
    joints = [[row["joints_m"][name] for name in JOINT_NAMES] for row in rows]
    np.testing.assert_allclose(joints, motion.joint_positions(body), atol=1e-6)
