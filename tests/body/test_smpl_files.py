import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
import torch
from numpy.testing import assert_array_equal

from motionary.body.smpl_files import read_smpl, read_smpl_arrays, write_smpl_npz


def write_pickle(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def assert_same_arrays(got, expected):
    for key, array in got.items():
        assert_array_equal(
            array, expected[key][..., :10] if key == "shapedirs" else expected[key], err_msg=key
        )


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_any_protocol_gives_its_arrays(tmp_path, smpl_arrays, protocol):
    stored = {
        **smpl_arrays,
        "J_regressor": scipy.sparse.csc_matrix(smpl_arrays["J_regressor"]),
        "bs_type": "lrotmin",
    }
    path = write_pickle(tmp_path / "model.pkl", stored, protocol)
    assert_same_arrays(read_smpl_arrays(path), smpl_arrays)


@pytest.mark.parametrize(
    "make", [np.asfortranarray, lambda a: a.astype(">f8"), lambda a: a.astype(np.float32)]
)
def test_memory_order_byte_order_and_precision_do_not_matter(tmp_path, smpl_arrays, make):
    path = write_pickle(
        tmp_path / "model.pkl", {**smpl_arrays, "v_template": make(smpl_arrays["v_template"])}
    )
    got = read_smpl_arrays(path)["v_template"]
    np.testing.assert_allclose(got, smpl_arrays["v_template"], atol=1e-7)


@pytest.mark.parametrize("form", [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_a_sparse_regressor_equals_the_dense_one(tmp_path, smpl_arrays, form):
    path = write_pickle(
        tmp_path / "model.pkl", {**smpl_arrays, "J_regressor": form(smpl_arrays["J_regressor"])}
    )
    assert_array_equal(read_smpl_arrays(path)["J_regressor"], smpl_arrays["J_regressor"])


def test_an_npz_gives_the_same_body_as_a_pickle(tmp_path, smpl_arrays, body):
    write_smpl_npz(smpl_arrays, tmp_path / "model.npz")
    from_npz, from_pickle = (
        read_smpl(tmp_path / "model.npz"),
        read_smpl(write_pickle(tmp_path / "a.pkl", smpl_arrays)),
    )
    for name, tensor in body.named_buffers():
        torch.testing.assert_close(getattr(from_npz, name), tensor)
        torch.testing.assert_close(getattr(from_pickle, name), tensor)


PRETEND_CHUMPY = """
import pickle, sys, types
import numpy as np, scipy.sparse

def fake(module, name):
    cls = type(name, (), {"__module__": module})
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(parts[end - 1]))
    setattr(sys.modules[module], name, cls)
    return cls

Ch, Select = fake("chumpy.ch", "Ch"), fake("chumpy.reordering", "Select")

def ch(array):
    made = Ch()
    made.__dict__.update(x=array, _dirty_vars={"x"}, terms=[], dterms=("x",))
    return made

def select(array):
    made = Select()
    idxs = np.arange(array.size)[::-1].copy()
    made.__dict__.update(a=ch(array.ravel()[::-1].copy()), idxs=idxs, preferred_shape=array.shape)
    return made

source, target, protocol = sys.argv[1:]
arrays = dict(np.load(source))
arrays["v_template"] = ch(arrays["v_template"])
arrays["posedirs"] = ch(arrays["posedirs"])
arrays["shapedirs"] = select(arrays["shapedirs"])
arrays["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
with open(target, "wb") as file:
    pickle.dump(arrays, file, protocol=int(protocol))
"""


@pytest.mark.parametrize("protocol", [0, 2])
def test_chumpy_arrays_are_read_without_chumpy(tmp_path, smpl_arrays, protocol):
    source, target = tmp_path / "source.npz", tmp_path / "model.pkl"
    np.savez(source, **smpl_arrays)
    subprocess.run([sys.executable, "-c", PRETEND_CHUMPY, source, target, str(protocol)], check=True)
    assert "chumpy" not in sys.modules
    assert_same_arrays(read_smpl_arrays(target), smpl_arrays)


def python_2_array(array):
    """What Python 2 wrote of an array: its bytes as a byte string, which Python 3 pickles no more."""
    raw = array.tobytes()
    return b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntU\x01btR",
            b"(I1\n(" + b"".join(b"I%d\n" % size for size in array.shape) + b"t",
            b"cnumpy\ndtype\n(U\x02%sI0\nI1\ntR(I3\nU\x01<NNNI-1\nI-1\nI0\ntb" % array.dtype.str[1:].encode(),
            b"I00\nT" + len(raw).to_bytes(4, "little") + raw + b"tb",
        ]
    )


def test_a_file_of_python_2_is_read(tmp_path, smpl_arrays):
    items = b"".join(
        b"U" + bytes([len(key)]) + key.encode() + python_2_array(smpl_arrays[key]) for key in smpl_arrays
    )
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x02(" + items + b"d.")
    assert_same_arrays(read_smpl_arrays(path), smpl_arrays)


class Calls:
    def __init__(self, function, *arguments):
        self.reduced = (function, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Calls(os.system, "touch {}"), "system"),
        (Calls(eval, "open('{}', 'w')"), "eval"),
        (Calls(exec, "open('{}', 'w')"), "exec"),
        (Calls(open, "{}", "w"), "open"),
        (Calls(getattr, "text", "format"), "getattr"),
        (Calls(np.save, "{}", 1), "numpy.save"),
        (Calls(subprocess.call, "touch"), "call"),
        (Calls(__import__, "os"), "__import__"),
    ],
)
def test_a_pickle_that_would_run_code_is_refused_by_name(tmp_path, smpl_arrays, call, name, protocol):
    touched = tmp_path / "touched"
    function, arguments = call.reduced
    filled = Calls(function, *(a.format(touched) if isinstance(a, str) else a for a in arguments))
    path = write_pickle(tmp_path / "model.pkl", {**smpl_arrays, "trick": filled}, protocol)
    with pytest.raises(ValueError, match=rf"(?s){name}.*not run"):
        read_smpl_arrays(path)
    assert not touched.exists()


def test_a_dotted_name_below_an_allowed_module_is_refused(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__class__x\x93.".replace(b"\x12", b"\x12"))
    with pytest.raises(ValueError, match=r"ndarray\.__class__"):
        read_smpl_arrays(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("posedirs"), "lacks.*posedirs"),
        (lambda a: a.update(v_template=a["v_template"][:, :2]), "v_template must have shape"),
        (lambda a: a.update(shapedirs=a["shapedirs"][..., :9]), "shapedirs must have shape"),
        (lambda a: a.update(posedirs=a["posedirs"][..., :200]), "posedirs must have shape"),
        (lambda a: a.update(weights=a["weights"] * 2), "sum to 1"),
        (lambda a: a.update(weights=np.tile(a["weights"], 2)), "48 joints"),
        (lambda a: a.update(f=a["f"] + 60), "indices below 60"),
        (lambda a: a.update(v_template=a["v_template"] * np.nan), "finite"),
        (lambda a: a.update(v_template=np.array(["x"] * 60)), "must have shape|numbers"),
        (lambda a: a.update(kintree_table=a["kintree_table"][:, ::-1].copy()), "tree"),
        (lambda a: a.update(v_template=None), "not a SMPL model"),
    ],
)
@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_arrays_that_do_not_fit_are_named(tmp_path, smpl_arrays, change, words, suffix):
    arrays = dict(smpl_arrays)
    change(arrays)
    path = tmp_path / f"model{suffix}"
    if suffix == ".npz":
        if arrays.get("v_template", 0) is None:
            arrays["v_template"] = np.array("nothing")
        np.savez(path, **arrays)
    else:
        write_pickle(path, arrays)
    with pytest.raises(ValueError, match=words):
        read_smpl_arrays(path)


@pytest.mark.parametrize("cut", [0, 1, 100, 5000])
@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_a_cut_file_is_one_clear_error(tmp_path, smpl_arrays, suffix, cut):
    whole = io.BytesIO()
    np.savez(whole, **smpl_arrays)
    content = whole.getvalue() if suffix == ".npz" else pickle.dumps(smpl_arrays)
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content[:cut])
    with pytest.raises(ValueError, match="not a readable"):
        read_smpl_arrays(path)


def test_an_array_that_contains_itself_is_refused(tmp_path, smpl_arrays):
    arrays = {key: value for key, value in smpl_arrays.items() if key != "v_template"}
    loop = b"cchumpy.ch\nCh\n)\x81q\xf0}U\x01xh\xf0sb"  # Ch whose x is that same Ch
    content = pickle.dumps(arrays, 2)[:-1] + b"U\x0av_template" + loop + b"s."
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a SMPL model"):
        read_smpl_arrays(path)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No SMPL model at .*nowhere\.pkl"):
        read_smpl(tmp_path / "nowhere.pkl")


def test_a_pickle_that_is_not_a_dictionary_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds a list"):
        read_smpl_arrays(write_pickle(tmp_path / "model.pkl", [1, 2]))
