import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from motionary.models.recognisers import (
    GruConfig,
    GruRecogniser,
    Recogniser,
    joints_seen,
    read_published,
    skeleton_body,
    turn,
)
from motionary.models.stgcn import Stgcn, StgcnConfig
from motionary.rotations import axis_angle_to_matrix, axis_angle_to_rotation_6d

PUBLISHED = {
    "ntu13": "vibe_v2",
    "humanact12": "humanact12",
    "humanact12_fineG": "humanact12_fineG",
    "mocap": "mocap_new",
}


@pytest.fixture(scope="module")
def rest_joints():
    joints = torch.randn(24, 3, generator=torch.Generator().manual_seed(0)) * 0.2
    return joints - joints[0] + torch.tensor([0.0, 0.9, 0.0])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return GruRecogniser(GruConfig(num_actions=3)).eval()


def features_of(batch=3, frames=7):
    generator = torch.Generator().manual_seed(1)
    pose = torch.randn(batch, frames, 24, 3, generator=generator)
    features = torch.zeros(batch, frames, 25, 6)
    features[:, :, :24] = axis_angle_to_rotation_6d(pose)
    features[:, :, 24, :3] = torch.randn(batch, frames, 3, generator=generator)
    return features


def published(shared, name):
    path = shared / f"data/recognisers/model_file/action_recognition_model_{PUBLISHED[name]}.tar"
    if not path.exists():
        pytest.skip(f"needs {path}")
    return read_published(path)


def test_padding_does_not_matter(network):
    joints = torch.randn(2, 9, 24, 3)
    mask = torch.arange(9) < torch.tensor([[9], [4]])
    short = network(joints[1:, :4], torch.ones(1, 4, dtype=torch.bool))
    both = network(joints, mask)
    torch.testing.assert_close(both.logits[1:], short.logits)
    torch.testing.assert_close(both.features[1:], short.features)


def test_motions_of_a_batch_do_not_see_each_other(network):
    joints, mask = torch.randn(4, 6, 24, 3), torch.ones(4, 6, dtype=torch.bool)
    torch.testing.assert_close(network(joints[2:3], mask[2:3]).logits, network(joints, mask).logits[2:3])


def test_the_same_motion_gets_the_same_features(network):
    joints, mask = torch.randn(4, 6, 24, 3), torch.ones(4, 6, dtype=torch.bool)
    torch.testing.assert_close(network(joints, mask).features, network(joints, mask).features, rtol=0, atol=0)


def test_where_a_motion_happens_does_not_matter(rest_joints):
    features = features_of()
    moved = features.clone()
    moved[:, :, 24, :3] += torch.tensor([3.0, 0.0, -2.0])
    skeleton = skeleton_body(rest_joints)
    torch.testing.assert_close(
        joints_seen(moved, skeleton, "as_recorded"), joints_seen(features, skeleton, "as_recorded")
    )
    assert joints_seen(features, skeleton, "as_recorded")[:, 0, 0].abs().max() == 0


@pytest.mark.parametrize(("facing", "same"), [("forward", True), ("as_recorded", False)])
def test_facing_forward_forgets_the_heading(rest_joints, facing, same):
    angle_rad = torch.tensor([0.5, -2.0, 3.0])
    R_turn = axis_angle_to_matrix(torch.stack([torch.zeros(3), angle_rad, torch.zeros(3)], -1))
    features = features_of()
    features[:, 0, 24, :3] = 0
    turned = features.clone()
    rows = turned[:, :, 0].unflatten(-1, (2, 3))
    R_root = torch.cat([rows, torch.linalg.cross(rows[..., 0, :], rows[..., 1, :])[..., None, :]], -2)
    turned[:, :, 0] = (R_turn[:, None] @ R_root)[..., :2, :].flatten(-2)
    turned[:, :, 24, :3] = (R_turn[:, None] @ features[:, :, 24, :3, None]).squeeze(-1)
    skeleton = skeleton_body(rest_joints)
    seen, seen_turned = joints_seen(features, skeleton, facing), joints_seen(turned, skeleton, facing)
    assert torch.allclose(seen_turned, seen, atol=1e-5) == same
    if not same:
        torch.testing.assert_close(seen_turned, turn(seen, angle_rad), atol=1e-5, rtol=0)


def test_facing_forward_puts_the_left_side_at_plus_x(rest_joints):
    features = torch.zeros(1, 1, 25, 6)
    features[..., :24, :] = torch.tensor([1.0, 0, 0, 0, 1, 0])
    features[..., 0, :] = axis_angle_to_rotation_6d(torch.tensor([0.0, 1.2, 0.0]))
    seen = joints_seen(features, skeleton_body(rest_joints), "forward")
    torch.testing.assert_close(seen[0, 0], rest_joints - rest_joints[0], atol=1e-6, rtol=0)


def test_a_saved_recogniser_is_the_same_when_loaded(network, rest_joints, tmp_path):
    saved = Recogniser(network, ("sit", "run", "jump"), 25.0, 48, "forward", rest_joints, licence="CC0")
    saved.save(tmp_path / "model.safetensors")
    loaded = Recogniser.load(tmp_path / "model.safetensors")
    for name in ("actions", "fps", "num_frames", "facing", "licence", "digest"):
        assert getattr(loaded, name) == getattr(saved, name)
    features, mask = features_of(), torch.ones(3, 7, dtype=torch.bool)
    torch.testing.assert_close(
        loaded.recognise(features, mask, batch_size=2).logits, saved.recognise(features, mask).logits
    )


def test_a_saved_stgcn_is_the_same_when_loaded(rest_joints, tmp_path):
    torch.manual_seed(0)
    network, features = Stgcn(StgcnConfig(num_actions=2, width=4)), features_of()
    mask = torch.ones(3, 7, dtype=torch.bool)
    network(features[:, :, :24], mask)  # moves the running statistics
    saved = Recogniser(network.eval(), ("sit", "run"), 25.0, 48, "as_recorded", rest_joints)
    saved.save(tmp_path / "model.safetensors")
    loaded = Recogniser.load(tmp_path / "model.safetensors")
    assert (loaded.kind, loaded.digest) == ("stgcn", saved.digest)
    torch.testing.assert_close(
        loaded.recognise(features, mask).logits, saved.recognise(features, mask).logits
    )


def test_digest_changes_with_the_weights(network, rest_joints):
    recogniser = Recogniser(network, ("a", "b", "c"), 30.0, 60, "forward", rest_joints)
    before = recogniser.digest
    with torch.no_grad():
        network.to_logits.bias += 1e-3
    assert recogniser.digest != before


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("state", ["zero", "rand"])
def test_published_weights_give_published_outputs(golden, shared, golden_tolerance, name, state):
    data = np.load(golden / "actor/case5/recogniser_noise.npz")
    joints = torch.from_numpy(data[f"{name}_x"]).permute(0, 3, 1, 2)  # theirs is (B, J, 3, T)
    mask = torch.arange(joints.shape[1]) < torch.from_numpy(data[f"{name}_lengths"])[:, None]
    hidden = torch.from_numpy(data[f"{name}_h0"]) if state == "rand" else None
    with torch.inference_mode():
        found = published(shared, name)(joints, mask, hidden)
    for output in ("logits", "features"):
        array = f"{name}_{output}_h0{state}"
        assert_allclose(
            getattr(found, output),
            data[array],
            atol=golden_tolerance("case5/recogniser_noise", array),
            rtol=0,
        )


def centred(joints, how):
    root = {"raw": 0, "frame0": joints[:, :1, :1], "perframe": joints[:, :, :1]}
    return joints - root[how.split("_")[0]]


def varied(joints, how):
    """Joints as one line of the accuracies file has them: root handling, then perhaps wrong axes or order."""
    if how.endswith("swap_0_8"):
        order = list(range(joints.shape[2]))
        order[0], order[8] = 8, 0
        joints = joints[:, :, order]
    joints = centred(joints, how)
    return joints * torch.tensor([1.0, -1.0, -1.0]) if how.endswith("flipyz") else joints


def recognise(network, joints, hidden=None):
    with torch.inference_mode():
        return network(joints, torch.ones(joints.shape[:2], dtype=torch.bool), hidden)


SAMPLES = {
    "ntu13": ("ntu_rgbd_vibe", 18),
    "humanact12": ("humanact12", 24),
    "mocap": ("mocap", 20),
}
"""Folder of Action2Motion's samples and joints, by golden name."""


@pytest.fixture(scope="module")
def samples(golden, shared):
    """Joints and labels of the published samples: as stored, and with the Lie ones put into space."""
    data = np.load(golden / "actor/case5/recogniser_published.npz")
    found = {}
    for name, (folder, num_joints) in SAMPLES.items():
        for path in sorted((shared / f"data/recognisers/checkpoints/vae/{folder}").glob("*/joints")):
            kind = "lie" if "lie" in path.parent.name else "vanilla"
            stored = torch.from_numpy(np.load(next(path.glob("motion_joints*.npy"))))
            labels = np.load(path / "motion_class.npy")
            np.testing.assert_array_equal(labels, data[f"{name}_{kind}_labels"])
            found[f"{name}_{kind}_as_stored"] = stored.unflatten(-1, (num_joints, 3)), labels
        found[f"{name}_lie_lie_fk"] = torch.from_numpy(data[f"{name}_lie_fk_joints"]), labels_of(data, name)
    if not found:
        pytest.skip("needs Action2Motion's published samples")
    return found


def labels_of(data, name):
    return data[f"{name}_lie_labels"]


def test_published_recognisers_give_published_outputs_on_published_motions(
    golden, shared, samples, golden_tolerance
):
    data, checked = np.load(golden / "actor/case5/recogniser_published.npz"), 0
    for array in (name for name in data.files if name.endswith("_logits")):
        prefix = array.removesuffix("_logits")
        sample = next(key for key in samples if prefix.startswith(key))
        how = prefix.removeprefix(f"{sample}_")
        name = sample.split("_")[0] + ("_fineG" if how == "fineG" else "")
        hidden = torch.from_numpy(data[prefix]) if how.endswith("h0") else None
        joints = centred(samples[sample][0], "frame0" if how == "fineG" else how)
        found = recognise(published(shared, name), joints, hidden)
        for output in ("logits", "features"):
            expected = data[f"{prefix}_{output}"]
            allowed = golden_tolerance("case5/recogniser_published", f"{prefix}_{output}")
            assert_allclose(
                getattr(found, output), expected, atol=allowed, rtol=0, err_msg=f"{prefix}_{output}"
            )
        checked += 1
    assert checked >= 26


def test_published_recognisers_are_right_as_often_as_published(golden, shared, samples):
    generator = torch.Generator().manual_seed(0)
    codes = np.load(golden / "actor/case5/recogniser_published.npz")["fineG_label_codes_sorted"]
    for line in (golden / "actor/case5/accuracies.txt").read_text().splitlines():
        sample, how = line.split()[:2]
        joints, labels = samples[sample]
        name, still = sample.split("_")[0], float(re.search(r"acc\(h0=0\) ([\d.]+)", line)[1])
        if how == "fineG->coarse":
            fine = recognise(published(shared, f"{name}_fineG"), centred(joints, "frame0")).logits.argmax(1)
            assert_allclose((codes[fine] // 100 - 1 == labels).mean(), still, atol=0.006, err_msg=line)
            continue
        network, joints = published(shared, name), varied(joints, how)
        right = (recognise(network, joints).logits.argmax(1).numpy() == labels).mean()
        assert_allclose(right, still, atol=0.006, err_msg=line)  # printed with two digits
        mean, spread = map(float, re.search(r"20 draws\) ([\d.]+) \+- ([\d.]+)", line).groups())
        hidden = torch.randn(2, 5 * len(joints), 128, generator=generator)
        again = recognise(network, joints.repeat(5, 1, 1, 1), hidden).logits.argmax(1).numpy()
        shares = (again.reshape(5, -1) == labels).mean(1)
        allowed = 0.02 + 2 * spread  # five other draws than their twenty
        assert_allclose(shares.mean(), mean, atol=allowed, err_msg=line)


@pytest.mark.parametrize("content", [b"", b"not a recogniser", b"PK\x03\x04broken"])
def test_a_foreign_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "foreign.tar"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a GRU recogniser") as error:
        read_published(path)
    assert "\n" not in str(error.value)


def test_other_weights_are_refused(tmp_path):
    torch.save({"model": {"conv.weight": torch.zeros(3)}}, tmp_path / "other.tar")
    with pytest.raises(ValueError, match="is not a GRU recogniser"):
        read_published(tmp_path / "other.tar")
    with pytest.raises(FileNotFoundError, match="No recogniser file"):
        read_published(tmp_path / "missing.tar")
