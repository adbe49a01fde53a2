"""What other programs make of exported files: three.js in a browser, Khronos' validator, Blender."""

import json
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from motionary.body.skeleton import JOINT_NAMES
from motionary.export.bvh import write_bvh
from motionary.export.glb import export_glb, write_glb

PACKAGES = ("three@0.181.1", "gltf-validator@2.0.0-dev.3.10")

PAGE = """<!doctype html><title>waiting</title><link rel="icon" href="data:,">
<script type="importmap">
{"imports": {"three": "./node_modules/three/build/three.module.js",
             "three/addons/": "./node_modules/three/examples/jsm/"}}</script>
<script type="module">
import * as THREE from "three";
import {GLTFLoader} from "three/addons/loaders/GLTFLoader.js";
const {scene, animations} = await new GLTFLoader().loadAsync("people.glb");
const mixer = new THREE.AnimationMixer(scene);
const skinned = [];
scene.traverse(node => { if (node.isSkinnedMesh) skinned.push(node.skeleton.bones.length); });
window.played = (name, times, joints) => {
  mixer.stopAllAction();
  mixer.clipAction(animations.find(clip => clip.name === name)).play();
  return times.map(time => {
    mixer.setTime(time);
    scene.updateMatrixWorld(true);
    return joints.map(joint => scene.getObjectByName(joint).getWorldPosition(new THREE.Vector3()).toArray());
  });
};
window.found = {clips: animations.map(clip => [clip.name, clip.duration]), skinned};
document.title = "ready";
</script>"""

IN_BLENDER = """
import json, sys
import bpy
path, fps, joints = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.context.scene.render.fps = fps
if path.endswith(".bvh"):
    bpy.ops.import_anim.bvh(filepath=path)
else:
    bpy.ops.import_scene.gltf(filepath=path)
armature = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
start, end = (round(frame) for frame in armature.animation_data.action.frame_range)
positions = []
for frame in range(start, end + 1):
    bpy.context.scene.frame_set(frame)
    heads = [armature.matrix_world @ armature.pose.bones[joint].head for joint in joints]
    positions.append([[head.x, head.z, -head.y] for head in heads])  # Blender's z is up
print("POSITIONS" + json.dumps(positions))
"""


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory) -> Path:
    """A folder with three.js and Khronos' validator, fetched from the npm registry."""
    if not (npm := shutil.which("npm")):
        pytest.skip("needs node and npm (Debian: apt install npm)")
    folder = tmp_path_factory.mktemp("node")
    fetch = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        *PACKAGES,
    ]
    try:
        fetched = subprocess.run(fetch, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry did not answer within two minutes")
    if fetched.returncode:
        pytest.skip(f"npm could not fetch {' and '.join(PACKAGES)}: {fetched.stderr.strip()[:200]}")
    return folder


class Quiet(SimpleHTTPRequestHandler):
    """Tells nobody what is asked for."""

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def served(node_folder):
    """Address under which a browser finds node_folder."""
    handler = partial(Quiet, directory=str(node_folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_khronos_validator_has_nothing_to_say(motion, body, tmp_path, node_folder):
    export_glb([motion], tmp_path / "dance.glb", body)
    script = (
        "require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[1])))"
        ".then(report => console.log(report.issues.numErrors, report.issues.numWarnings))"
    )
    result = subprocess.run(
        ["node", "-e", script, str(tmp_path / "dance.glb")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "NODE_PATH": str(node_folder / "node_modules")},
    )
    assert result.stdout.split() == ["0", "0"], result.stderr


def test_three_js_plays_each_animation_joint_for_joint(motion, body, node_folder, served, browser):
    export_glb([motion, motion.crop(2, 8)], node_folder / "people.glb", body)
    (node_folder / "index.html").write_text(PAGE)
    browser.open(f"{served}/index.html")
    browser.until("document.title === 'ready'")
    found = browser.run("return window.found")
    assert found["skinned"] == [len(JOINT_NAMES)]
    assert len(found["clips"]) == 2
    name, duration_s = found["clips"][0]
    assert duration_s == pytest.approx((len(motion) - 1) / motion.fps, abs=1e-4)
    frames = [0, len(motion) // 2, len(motion) - 2]
    times = [frame / motion.fps for frame in frames]
    played = browser.run(f"return window.played({json.dumps([name, times, JOINT_NAMES])[1:-1]})")
    truth = motion.joint_positions(body)[frames]
    assert np.abs(truth[1] - truth[0]).max() > 0.02  # or nothing would be shown to move
    np.testing.assert_allclose(played, truth, atol=1e-4)
    assert not browser.complaints()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".bvh", ".glb"])
def test_blender_shows_the_same_joints(suffix, motion, body, tmp_path):
    """Runs where `bpy`, Blender as a package of 360 MB, can be imported; it wants an older numpy than we do.

    So give it an environment of its own, and say where: MOTIONARY_BLENDER_PYTHON=blender/bin/python.
    """
    path = tmp_path / f"people{suffix}"
    (write_bvh if suffix == ".bvh" else write_glb)(motion, path, body)
    arguments = [str(path), str(round(motion.fps)), json.dumps(JOINT_NAMES)]
    python = os.environ.get("MOTIONARY_BLENDER_PYTHON", sys.executable)
    shown = subprocess.run(
        [python, "-c", IN_BLENDER, *arguments], capture_output=True, text=True, timeout=300
    )
    if "No module named 'bpy'" in shown.stderr:
        pytest.skip("needs bpy, Blender as a package: see this test's docstring")
    line = next((line for line in shown.stdout.splitlines() if line.startswith("POSITIONS")), None)
    assert line, shown.stderr
    scale = 0.01 if suffix == ".bvh" else 1.0  # BVH files are in centimetres
    positions = scale * np.array(json.loads(line.removeprefix("POSITIONS")))
    np.testing.assert_allclose(positions, motion.joint_positions(body), atol=1e-4)
