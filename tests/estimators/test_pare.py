"""PARE computes what its own code computes, in every form, and loads nothing but whole files."""

import pytest
import torch
import yaml

from motionary.body.joint_sets import set_points
from motionary.estimators.crops import normalised
from motionary.estimators.pare import (
    KEYS,
    Pare,
    PareConfig,
    attention,
    coordinates,
    hard_argmax,
    load_pare,
    sample,
    soft_argmax,
)
from motionary.estimators.spin_rotations import SPIN_EPS, columns_6d_to_matrix
from motionary.estimators.weak_perspective import body_translation, project_to_crop
from motionary.torch_files import fill, rename

RELEASED = {
    "PARE": {
        "BACKBONE": "hrnet_w32-conv",
        "USE_KEYPOINT_ATTENTION": True,
        "NUM_DECONV_LAYERS": 2,
        "NUM_DECONV_FILTERS": 128,
        "SHAPE_INPUT_TYPE": "feats.shape.cam",
    },
    "DATASET": {"USE_HEATMAPS": "part_segm", "BATCH_SIZE": 64},
}
WIDE = {"NUM_DECONV_LAYERS": 3, "NUM_DECONV_FILTERS": 256}


def config_of(**changed) -> dict:
    return {**RELEASED, "PARE": {**RELEASED["PARE"], **changed}}


CONFIGS = {
    "pare_hrnet_w32_conv": RELEASED,
    "pare_hrnet_w32_conv_3x256": config_of(**WIDE),
    "pare_hrnet_w32_conv_meanparams": config_of(USE_MEAN_CAMSHAPE=True, USE_MEAN_POSE=True),
    "pare_hrnet_w32_interp": config_of(BACKBONE="hrnet_w32-interp"),
    "pare_resnet50_part_segm": config_of(BACKBONE="resnet50", **WIDE),
    "pare_resnet50_defaults": {"PARE": {}, "DATASET": {"USE_HEATMAPS": ""}},
}

STAGES = {
    "stem": ("bn2", 8, 8),
    "layer1": ("layer1", 16, 8),
    "layer2": ("layer2", 32, 4),
    "layer3": ("layer3", 64, 2),
    "upsample_stage_2": ("upsample_stage_2", 8, 8),
    "upsample_stage_3": ("upsample_stage_3", 8, 8),
    "upsample_stage_4": ("upsample_stage_4", 8, 8),
}
"""Golden name -> module of the backbone, and how its output is thinned out."""
HEAD = {
    "part_feats": ("keypoint_deconv_layers", 8, 8),
    "smpl_feats": ("smpl_deconv_layers", 8, 8),
    "cam_shape_feats_map": ("smpl_final_layer", 4, 8),
}


@pytest.fixture(scope="module")
def checkpoint(estimator_golden, tmp_path_factory):
    """The released form with made-up weights, in the published layout."""
    folder = tmp_path_factory.mktemp("pare")
    weights = {f"model.{key}": value for key, value in estimator_golden.state("pare_hrnet_w32_conv").items()}
    others = {"smpl.betas": torch.zeros(1, 10), "smpl_native.J_regressor": torch.zeros(2, 2)}
    content = {"state_dict": {**weights, **others}, "epoch": 7, "global_step": 1}
    torch.save(content, folder / "pare_w_3dpw_checkpoint.ckpt")
    (folder / "pare_w_3dpw_config.yaml").write_text(yaml.safe_dump(RELEASED))
    return folder / "pare_w_3dpw_checkpoint.ckpt"


def network_of(golden, name, tmp_path) -> Pare:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIGS[name]))
    network = Pare(PareConfig.read(tmp_path / "config.yaml"))
    weights = {f"model.{key}": value for key, value in golden.state(name).items() if "smpl.smpl." not in key}
    fill(network, rename(weights, KEYS, ignored=lambda key: False))
    return network.eval().requires_grad_(False)


def thinned(x, every, step):
    return x[:, ::every, ::step, ::step]


def inside(network, seen) -> dict[str, torch.Tensor]:
    """What PARE's code reports of its inside, where the form has it."""
    given, taken = seen.given, seen.taken
    parts = given["head.keypoint_final_layer"][0]
    results = {
        "pose_6d": given["head.pose_mlp"][0],
        "point_local_feat": taken["head.pose_mlp"][0],
        "cam_shape_feats": taken["head.shape_mlp"][0].unflatten(1, (64, 24)),
        "backbone_out": thinned(given["backbone"][0], 64 if network.config.backbone == "resnet50" else 16, 8),
    }
    if network.config.backbone == "resnet50":
        results["backbone_out"] = given["backbone"][0][:, ::64]
    if network.config.part_segmentation:
        looks = attention(parts)
        results["pred_segm_mask"], results["attention"] = (x[..., ::4, ::4] for x in (parts, looks))
        results["attention_max"] = looks.flatten(2).amax(-1)
    else:
        results["pred_heatmaps_2d"] = parts[..., ::4, ::4]
        results["pred_kp2d"] = soft_argmax(parts, network.head.temperature)
    for golden_name, (module, every, step) in STAGES.items():
        if f"backbone.{module}" in given:
            results[golden_name] = thinned(given[f"backbone.{module}"][0], every, step)
    for golden_name, (module, every, step) in HEAD.items():
        results[golden_name] = thinned(given[f"head.{module}"][0], every, step)
    for stage in (2, 3, 4):
        for branch, x in enumerate((given.get(f"backbone.stage{stage}") or [[]])[0]):
            thin = (4 * 2**branch, 8 // 2**branch)
            results[f"stage{stage}_{branch}"] = thinned(x, *thin)
    return results


@pytest.mark.parametrize("name", CONFIGS)
def test_every_form_as_published(estimator_golden, name, request, tmp_path, watch):
    if name == "pare_hrnet_w32_conv":
        network = load_pare(request.getfixturevalue("checkpoint"))
    else:
        network = network_of(estimator_golden, name, tmp_path)
    modules = dict(network.named_modules())
    wanted = ["backbone", "head.pose_mlp", "head.shape_mlp", "head.keypoint_final_layer"]
    wanted += [f"head.{module}" for module, _, _ in HEAD.values()]
    stages = [module for module, _, _ in STAGES.values()] + ["stage2", "stage3", "stage4"]
    wanted += [f"backbone.{stage}" for stage in stages if f"backbone.{stage}" in modules]
    seen = watch(network, wanted)
    pictures = estimator_golden.case("pare_hrnet_w32_conv")  # every form's input
    case = estimator_golden.case(name)
    x = normalised(pictures["in_images_u8"])
    assert torch.allclose(x[:, :, ::16, ::16], pictures["in_x_sub"], atol=2e-6)
    with torch.inference_mode():
        bodies = network(x)
    posed = estimator_golden.body.shape(bodies.betas).pose(bodies.rotations)
    joints = set_points(posed, "vibe", estimator_golden.extra)
    results = {
        "pred_pose": bodies.rotations,
        "pred_shape": bodies.betas,
        "pred_cam": bodies.camera,
        "pred_cam_t": body_translation(bodies.camera),
        "smpl_joints3d": joints,
        "smpl_joints2d": project_to_crop(joints, bodies.camera),
        "smpl_vertices": posed.skin(case["in_vert_idx"]),
    }
    estimator_golden.check(name, results | inside(network, seen))


def test_heat_maps_as_published(estimator_golden):
    case = estimator_golden.case("pare_geometry")
    positions, values = hard_argmax(case["in_heatmaps"])
    results = {
        "softargmax2d": soft_argmax(case["in_heatmaps"], torch.tensor(1.0)),
        "heatmap_preds": positions,
        "heatmap_conf": values,
        "interpolate": sample(case["in_feat"], case["in_kp"]),
        "coord_maps": coordinates(8, 8)[None],
    }
    estimator_golden.check_some("pare_geometry", results)


# ---- laws ----


def test_attention_passes_over_the_background_and_sums_to_one():
    parts = torch.randn(2, 25, 6, 5)
    louder = parts.clone()
    louder[:, 0] += 100
    torch.testing.assert_close(attention(louder), attention(parts))
    torch.testing.assert_close(attention(parts).sum((-2, -1)), torch.ones(2, 24))


def test_a_sharp_heat_map_is_read_at_its_peak():
    heat = torch.full((1, 1, 5, 9), -100.0)
    heat[0, 0, 3, 2] = 100.0
    expected = torch.tensor([[[2 * 2 / 8 - 1, 2 * 3 / 4 - 1]]])
    torch.testing.assert_close(soft_argmax(heat, torch.tensor(1.0)), expected)
    torch.testing.assert_close(hard_argmax(heat)[0], expected)
    torch.testing.assert_close(sample(heat, expected), torch.tensor([[[100.0]]]))


def test_the_mean_pose_alone_is_the_mean_pose_read_component_by_component(tmp_path):
    network = Pare(PareConfig("resnet50", 1, 4, True, True, False, mean_pose=True)).eval()
    torch.manual_seed(0)
    network.head.init_pose.copy_(torch.randn(1, 144))
    network.head.pose_mlp.weight.data.zero_()
    with torch.inference_mode():
        bodies = network(torch.zeros(1, 3, 64, 64))
    expected = columns_6d_to_matrix(network.head.init_pose.reshape(6, 24).T[None], SPIN_EPS)
    torch.testing.assert_close(bodies.rotations, expected)


# ---- files ----


def test_weights_without_their_configuration_are_refused_by_the_files_name(checkpoint, tmp_path):
    alone = tmp_path / "pare_checkpoint.ckpt"
    alone.symlink_to(checkpoint)
    with pytest.raises(FileNotFoundError, match=r"No pare_config\.yaml beside .*pare_w_3dpw_config\.yaml"):
        load_pare(alone)


def test_weights_that_the_configuration_does_not_describe_are_refused(checkpoint, tmp_path):
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(CONFIGS["pare_hrnet_w32_conv_3x256"]))
    with pytest.raises(ValueError, match=r"other\.yaml describes it: it lacks head\."):
        load_pare(checkpoint, tmp_path / "other.yaml")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (config_of(KEYPOINT_ATTENTION_ACT="sigmoid"), "only 'softmax' is supported"),
        (config_of(ITERATIVE_REGRESSION=True), "only False is supported"),
        (config_of(BACKBONE="hrnet_w48-conv"), "must be one of hrnet_w32-conv"),
        (config_of(NUM_DECONV_LAYERS="two"), "positive whole numbers"),
        (config_of(USE_MEAN_POSE="maybe"), "True or False"),
        ({**RELEASED, "DATASET": {"USE_HEATMAPS": "hm_soft"}}, "must be '' or part_segm"),
        ({"LR": 1}, "no section PARE"),
        ([1, 2], "no section PARE"),
    ],
)
def test_a_configuration_of_another_network_is_refused(content, complaint, tmp_path):
    (tmp_path / "pare_config.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=complaint):
        PareConfig.read(tmp_path / "pare_config.yaml")


def test_nothing_may_be_written_in_two_ways(tmp_path):
    for number, nothing in enumerate((None, "None")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump(config_of(USE_FINAL_NONLOCAL=nothing)))
        assert PareConfig.read(path).part_attention


def test_a_configuration_that_runs_code_is_refused(tmp_path):
    (tmp_path / "pare_config.yaml").write_text("PARE: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(ValueError, match="no plain YAML"):
        PareConfig.read(tmp_path / "pare_config.yaml")
