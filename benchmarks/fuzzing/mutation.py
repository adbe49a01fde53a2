"""Damaged files from whole ones: bytes turned, cut, spliced, repeated; numbers exchanged, archives redone."""

import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence

import numpy as np

MOST_BYTES = 1 << 20
"""Of a damaged file: what matters is its form, and small ones are tried faster."""

NUMBERS = [
    *("0", "-1", "1", "2", "3", "7", "65535", "1000000", "2147483648", "99999999999", "18446744073709551616"),
    *("nan", "inf", "-inf", "1e400", "1e-300", "0.0", "1e30", "", "x", "NaN", "null", "9" * 5000),
]
TOKENS = [
    *(b"\n" * 2000, b" " * 2000, b"[" * 2000, b"{" * 2000, b"(" * 2000, b"begin\n" * 500, b"\0", b'"', b"'"),
    *(b"../../etc/passwd", b"}", b"]", b",", b":", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"cos\nsystem\n"),
    *(b"null", b"[]", b"{}", b"true", b'"x"', b"|O", b">f8", b"<U9", b"V8", b"f16", b"\\u0000", b"\t" * 300),
]

Random = np.random.Generator


def _place(content: bytes, rng: Random) -> int:
    return int(rng.integers(0, len(content) + 1))


def _piece(content: bytes, rng: Random) -> bytes:
    start = _place(content, rng)
    return content[start : start + int(2 ** rng.uniform(0, 14))]


def _turn_bits(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(int(2 ** rng.uniform(0, 5))):
        if changed:
            changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _set_bytes(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start, value = _place(content, rng), rng.choice([0, 1, 0x7F, 0x80, 0xFF])
    size = int(rng.choice([1, 2, 4, 8]))
    return content[:start] + bytes([value]) * size + content[start + size :]


def _cut(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    return content[: _place(content, rng)]


def _leave_out(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start = _place(content, rng)
    return content[:start] + content[start + int(2 ** rng.uniform(0, 12)) :]


def _splice(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start, other = _place(content, rng), others[int(rng.integers(len(others)))]
    return content[:start] + _piece(other, rng) + content[start + int(rng.integers(0, 64)) :]


def _repeat(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start = _place(content, rng)
    return content[:start] + _piece(content, rng) * int(2 ** rng.uniform(0, 7)) + content[start:]


def _change_number(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    found = list(re.finditer(rb"-?\d+(\.\d+)?", content[: MOST_BYTES // 4]))
    if not found:
        return _set_bytes(content, others, rng)
    at, number = found[int(rng.integers(len(found)))], NUMBERS[int(rng.integers(len(NUMBERS)))]
    return content[: at.start()] + number.encode() + content[at.end() :]


def _put_token(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    start, token = _place(content, rng), TOKENS[int(rng.integers(len(TOKENS)))]
    return content[:start] + token + content[start + int(rng.choice([0, 0, len(token)])) :]


CHANGES: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    *(_turn_bits, _set_bytes, _cut, _leave_out, _splice, _repeat, _change_number, _change_number),
    _put_token,
)


def _plainly(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    for _ in range(int(rng.integers(1, 5))):
        content = CHANGES[int(rng.integers(len(CHANGES)))](content, others, rng)[:MOST_BYTES]
    return content


def _in_zip(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """A whole archive with damaged members, so that no checksum protects the reader."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    names = list(members)
    for _ in range(int(rng.integers(1, 3))):
        name = names[int(rng.integers(len(names)))]
        members[name] = _inside(members[name], list(members.values()), rng)
    out = io.BytesIO()
    with zipfile.ZipFile(
        out, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED
    ) as made:
        for name, member in members.items():
            made.writestr(name, member)
    return out.getvalue()


def _in_npy(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """A damaged header of the length that is announced."""
    (length,) = struct.unpack("<H", content[8:10])
    header = _plainly(content[10 : 10 + length].rstrip(), [content], rng)[:60000]
    return content[:8] + struct.pack("<H", len(header) + 1) + header + b"\n" + content[10 + length :]


def _in_safetensors(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """A damaged header of the length that is announced, or damaged JSON inside of it."""
    (length,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + length]
    about = json.loads(header)
    if (notes := about.get("__metadata__")) and rng.random() < 0.7:
        name = list(notes)[int(rng.integers(len(notes)))]
        notes[name] = _plainly(notes[name].encode(), [header], rng).decode("latin1")
        header = json.dumps(about).encode()
    else:
        header = _plainly(header, [header], rng)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def _inside(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Damage below the outermost layer where there is one."""
    if rng.random() < 0.25:
        return _plainly(content, others, rng)
    try:
        if content[:2] == b"PK":
            return _in_zip(content, others, rng)
        if content[:6] == b"\x93NUMPY":
            return _in_npy(content, others, rng)
        if content[:2] == b"\x1f\x8b":
            return gzip.compress(_inside(gzip.decompress(content), others, rng), 1)
        if content[:1] == b"\x78" and content[1:2] in b"\x01\x5e\x9c\xda":
            return zlib.compress(_inside(zlib.decompress(content), others, rng), 1)
        if content[8:9] == b"{":
            return _in_safetensors(content, others, rng)
    except Exception:  # too damaged already to have layers
        return _plainly(content, others, rng)
    return _plainly(content, others, rng)


def mutated(seeds: Sequence[bytes], rng: Random) -> bytes:
    """A damaged file made from whole ones of its format."""
    return _inside(seeds[int(rng.integers(len(seeds)))], seeds, rng)
