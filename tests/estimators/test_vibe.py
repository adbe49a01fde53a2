"""VIBE computes what its own code computes, and loads nothing but whole files."""

import numpy as np
import pytest
import torch

from motionary.body.joint_sets import EVALUATION_ROWS, regressed_points, set_points
from motionary.estimators.crops import CropBodies, normalised
from motionary.estimators.vibe import (
    EncoderConfig,
    Hmr,
    MotionDiscriminator,
    TemporalEncoder,
    Vibe,
    check_vibe,
    discriminator_loss,
    generator_loss,
    load_hmr,
    load_vibe,
    theta,
)
from motionary.estimators.weak_perspective import project_to_crop


@pytest.fixture(scope="module")
def files(estimator_golden, tmp_path_factory):
    """Made-up weights in the two published files' layout."""
    folder = tmp_path_factory.mktemp("vibe")
    spin, vibe = folder / "spin_model_checkpoint.pth.tar", folder / "vibe_model_wo_3dpw.pth.tar"
    torch.save({"model": estimator_golden.state("spin_checkpoint"), "epoch": 3}, spin)
    weights = estimator_golden.state("vibe_gen_state_dict")
    # VIBE's trainer saves numpy's numbers, in torch's old format.
    content = {"gen_state_dict": weights, "performance": np.float64(56.5), "epoch": 0}
    torch.save(content, vibe, _use_new_zipfile_serialization=False)
    return spin, vibe


@pytest.fixture(scope="module")
def vibe(files):
    return load_vibe(*files)


def on_the_body(golden, bodies: CropBodies, vertex_ids) -> dict[str, torch.Tensor]:
    """What VIBE's code reports of its bodies."""
    posed = golden.body.shape(bodies.betas).pose(bodies.rotations)
    joints = set_points(posed, "vibe", golden.extra)
    return {
        "theta": theta(bodies),
        "kp_3d": joints,
        "kp_2d": project_to_crop(joints, bodies.camera),
        "verts": posed.skin(vertex_ids),
        "rotmat": bodies.rotations,
    }


REGRESSOR = {f"reg_{name}": f"regressor.{name}" for name in ("fc1", "fc2", "decpose", "decshape", "deccam")}


def test_spin_as_published(estimator_golden, files, watch):
    case = estimator_golden.case("vibe_hmr")
    hmr = load_hmr(files[0])
    stages = {
        "conv1": (8, 16),
        "maxpool": (8, 8),
        "layer1": (16, 8),
        "layer2": (32, 4),
        "layer3": (64, 2),
        "layer4": (128, 1),
    }
    seen = watch(hmr, [f"backbone.{name}" for name in stages] + list(REGRESSOR.values())).given
    x = normalised(case["in_images_u8"])
    bodies = hmr(x)
    results = on_the_body(estimator_golden, bodies, case["in_vert_idx"])
    for name, (every, step) in stages.items():
        results[name] = seen[f"backbone.{name}"][0][:, ::every, ::step, ::step]
    every = {"reg_fc1": 16, "reg_fc2": 16}
    for name, module in REGRESSOR.items():
        results[name] = torch.stack(seen[module])[..., :: every.get(name, 1)]
    results["features"] = hmr.features(x)
    assert torch.allclose(x[:, :, ::16, ::16], case["in_x_sub"], atol=2e-6)
    estimator_golden.check("vibe_hmr", results)


def test_a_clip_from_crops_to_bodies_as_published(estimator_golden, vibe, watch):
    case = estimator_golden.case("vibe_demo")
    watched = watch(vibe, ["encoder.gru", "encoder.linear", "encoder", *REGRESSOR.values()])
    crops = normalised(case["in_frames_u8"])[None]
    bodies = vibe(crops)
    results = on_the_body(estimator_golden, bodies, case["in_vert_idx"])
    results["features"] = watched.taken["encoder"][0]
    results["gru_out"] = watched.given["encoder.gru"][0][0][..., ::8]
    results["linear_out"] = watched.given["encoder.linear"][0][..., ::8]
    results["encoder_out"] = watched.given["encoder"][0][0][..., ::8]
    for name, module in REGRESSOR.items():
        every = 32 if name in ("reg_fc1", "reg_fc2") else 1
        results[name] = torch.stack(watched.given[module])[:, 0, :, ::every]
    estimator_golden.check("vibe_demo", results)


def test_clips_of_features_as_published(estimator_golden, vibe):
    case = estimator_golden.case("vibe_features")
    features = case["in_features"]
    bodies = vibe.from_features(features)
    results = on_the_body(estimator_golden, bodies, case["in_vert_idx"])
    posed = estimator_golden.body.shape(bodies.betas).pose(bodies.rotations)
    regressor = torch.from_numpy(np.load(estimator_golden.folder / "assets/J_regressor_h36m.npy"))
    joints = regressed_points(posed, regressor[list(EVALUATION_ROWS)])
    results["encoder_out"] = vibe.encoder(features)[0][..., ::8]
    results["h36m_kp_3d"], results["h36m_kp_2d"] = joints, project_to_crop(joints, bodies.camera)
    results["short_theta"] = theta(vibe.from_features(features[1:, :7]))
    estimator_golden.check("vibe_features", results)


def test_every_form_of_the_encoder_as_published(estimator_golden):
    forms = {
        "bidir": EncoderConfig(1, 512, bidirectional=True),
        "bidir2_nores": EncoderConfig(2, 256, bidirectional=True, residual=False),
        "plain2048": EncoderConfig(1, 2048, add_linear=False),
        "linear_nores": EncoderConfig(1, 512, residual=False),
        "plain1024": EncoderConfig(1, 1024, add_linear=False),
    }
    features = estimator_golden.case("vibe_encoder_variants")["in_features"]
    with torch.inference_mode():
        results = {
            name: estimator_golden.fill(TemporalEncoder(form))(features)[0][..., ::4]
            for name, form in forms.items()
        }
    estimator_golden.check("vibe_encoder_variants", results)


def test_the_discriminator_and_its_losses_as_published(estimator_golden, watch):
    case = estimator_golden.case("vibe_discriminator")
    network = MotionDiscriminator().eval()
    network.load_state_dict(estimator_golden.state("motion_discriminator"))
    seen = watch(network, ["gru", "attention"]).given
    with torch.inference_mode():
        fake, real = network(case["in_motion"]), network(case["in_motion_real"])
        alone = network(case["in_motion"][:1])
        results = {"output": fake, "output_real": real, "output_batch1": alone[0]}
        for pooling in ("concat", "last"):
            small = estimator_golden.fill(MotionDiscriminator(pooling, hidden=128))
            results[f"output_{pooling}"] = small(case["in_motion"])
    results["gru_out"] = seen["gru"][0][0][..., ::8]
    results["pooled"], results["attention"] = seen["attention"][0]
    results["gen_loss"] = generator_loss(fake)
    results["disc_real"], results["disc_fake"] = discriminator_loss(fake, real)
    results["disc_total"] = results["disc_real"] + results["disc_fake"]
    estimator_golden.check("vibe_discriminator", results)


# ---- laws ----


@pytest.mark.parametrize("parts", [(5, 5, 1), (1, 10), (11,)])
def test_a_person_shown_in_parts_is_the_person_shown_at_once(parts):
    torch.manual_seed(0)
    network = Vibe().eval().requires_grad_(False)
    network.features = lambda crops: crops.flatten(1)[:, :2048]  # the backbone knows no time
    crops = torch.randn(11, 3, 32, 32)
    whole = network.regressor(network.encoder(network.features(crops)[None])[0][0])
    memory, poses = None, []
    for part in crops.split(parts):
        bodies, memory = network.follow(part, memory)
        poses.append(bodies.rotations)
    torch.testing.assert_close(torch.cat(poses), whole.rotations, atol=1e-5, rtol=0)


def test_a_trainable_network_passes_gradients_from_the_discriminator_to_the_crops():
    torch.manual_seed(0)
    hmr, judge = Hmr(), MotionDiscriminator(hidden=8)
    bodies = hmr.regressor(torch.randn(1, 4, 2048, requires_grad=True))
    generator_loss(judge(theta(bodies)[..., 6:75])).backward()
    assert hmr.regressor.decpose.weight.grad.abs().sum() > 0


# ---- files ----


def test_a_vibe_file_in_the_place_of_spins_is_named(files):
    with pytest.raises(ValueError, match="is not SPIN's checkpoint: it has no entry 'model'"):
        load_vibe(files[1], files[1])
    with pytest.raises(ValueError, match="is not a VIBE checkpoint: it has no entry 'gen_state_dict'"):
        check_vibe(files[0])


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda weights: weights.pop("encoder.linear.bias"), "lacks encoder.linear.bias"),
        (lambda weights: weights.update({"encoder.more": torch.zeros(1)}), "also has encoder.more"),
        (lambda weights: weights.update({"head.weight": torch.zeros(1)}), "also has head.weight"),
        (lambda weights: weights.update({"regressor.fc2.bias": torch.zeros(7)}), "must have shape"),
        (lambda weights: weights["regressor.fc2.bias"].fill_(float("nan")), "must hold finite numbers"),
    ],
)
def test_a_checkpoint_that_is_not_whole_is_refused(estimator_golden, tmp_path, damage, complaint):
    weights = {
        key: value
        for key, value in estimator_golden.state("vibe_gen_state_dict").items()
        if ".smpl." not in key  # a body model's arrays need not be there
    }
    damage(weights)
    torch.save({"gen_state_dict": weights}, tmp_path / "vibe.pth.tar")
    with pytest.raises(ValueError, match=complaint):
        check_vibe(tmp_path / "vibe.pth.tar")
