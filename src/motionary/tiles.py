"""Tiles of matrices in vector registers, spelled out instruction by instruction for compiled loops.

What numba makes of a loop over a tile leaves most sums in memory; here all twelve vectors of them stay in
registers, and the processor multiplies at its full rate. Matrices are addresses of float32 numbers; strides
count numbers. Loops name these by `native.Imported`, as numba is imported here.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
ROWS, COLUMNS = 6, 2 * LANES
"""Of a tile: its sums fill twelve of the sixteen registers there are."""
FLOAT, INDEX, SHORT = ir.FloatType(), ir.IntType(64), ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, LANES)
PAIRED = {1: [0, 8, 1, 9, 4, 12, 5, 13], 2: [0, 1, 8, 9, 4, 5, 12, 13], 4: [0, 1, 2, 3, 8, 9, 10, 11]}
"""Lanes that one instruction interleaves, out of the lower halves of two rows so far apart."""


def _pointers(build: Any, *addresses: Any) -> list[Any]:
    return [build.inttoptr(address, FLOAT.as_pointer()) for address in addresses]


def _load(build: Any, start: Any, offset: Any, more: int = 0) -> Any:
    place = build.gep(build.gep(start, [offset]), [INDEX(more)])
    return build.load(build.bitcast(place, VECTOR.as_pointer()), align=4)


def _store(build: Any, vector: Any, start: Any, offset: Any, more: int = 0) -> None:
    place = build.gep(build.gep(start, [offset]), [INDEX(more)])
    build.store(vector, build.bitcast(place, VECTOR.as_pointer()), align=4)


def _shuffled(build: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    return build.shuffle_vector(a, b, ir.Constant(ir.VectorType(SHORT, LANES), lanes))


def _instructions(count: int, write: Callable[..., None]) -> Any:
    """Signature of so many addresses and strides, and what makes a function of them out of instructions."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write(builder, *arguments)
        return context.get_dummy_value()

    return types.void(*[types.intp] * count), code


@intrinsic
def multiply_tile(typing, a, a_row, a_step, b, start, start_row, out, out_row, depth):
    """Rows of out (6, 16): rows of start plus a (6, depth) times b (depth, 16).

    Rows of b follow one another; a has strides along both axes, out and start from row to row. Rows all
    start alike where start's is 0.
    """
    return _instructions(9, _write_product)


def _write_product(build: Any, a, a_row, a_step, b, start, start_row, out, out_row, depth) -> None:
    a, b, start, out = _pointers(build, a, b, start, out)
    sums = [
        [_load(build, start, build.mul(start_row, INDEX(row)), LANES * half) for half in range(2)]
        for row in range(ROWS)
    ]
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    multiply_add = cgutils.get_or_insert_function(build.module, kind, f"llvm.fma.v{LANES}f32")
    before = build.block
    loop, after = build.append_basic_block("depth"), build.append_basic_block("after")
    build.branch(loop)
    build.position_at_end(loop)
    step = build.phi(INDEX)
    totals = [[build.phi(VECTOR) for _ in range(2)] for _ in range(ROWS)]
    halves = [_load(build, b, build.mul(step, INDEX(COLUMNS)), LANES * half) for half in range(2)]
    column = build.gep(a, [build.mul(step, a_step)])
    for row in range(ROWS):
        number = build.load(build.gep(column, [build.mul(a_row, INDEX(row))]))
        first = build.insert_element(ir.Constant(VECTOR, ir.Undefined), number, SHORT(0))
        factor = _shuffled(build, first, first, [0] * LANES)
        for half in range(2):
            total = totals[row][half]
            total.add_incoming(sums[row][half], before)
            sums[row][half] = build.call(multiply_add, [factor, halves[half], total])
            total.add_incoming(sums[row][half], loop)
    following = build.add(step, INDEX(1))
    step.add_incoming(INDEX(0), before)
    step.add_incoming(following, loop)
    build.cbranch(build.icmp_signed("<", following, depth), loop, after)
    build.position_at_end(after)
    for row in range(ROWS):
        for half in range(2):
            _store(build, sums[row][half], out, build.mul(out_row, INDEX(row)), LANES * half)


@intrinsic
def transpose_tile(typing: Any, a, a_row, out, out_row):
    """Eight numbers of each of eight rows, as eight rows; rows are stored in order, whole."""
    return _instructions(4, _write_transposed)


def _write_transposed(build: Any, a, a_row, out, out_row) -> None:
    a, out = _pointers(build, a, out)
    rows = [_load(build, a, build.mul(a_row, INDEX(row))) for row in range(LANES)]
    for apart, low in PAIRED.items():
        high = [lane + (4 if apart == 4 else 2) for lane in low]
        paired = list(rows)
        for row in range(LANES):
            if not row & apart:
                paired[row] = _shuffled(build, rows[row], rows[row + apart], low)
                paired[row + apart] = _shuffled(build, rows[row], rows[row + apart], high)
        rows = paired
    for place, row in enumerate((0, 2, 1, 3, 4, 6, 5, 7)):
        _store(build, rows[row], out, build.mul(out_row, INDEX(place)))


@intrinsic
def copy_vector(typing: Any, a, out):
    """Eight numbers."""
    return _instructions(2, _write_copied)


def _write_copied(build: Any, a: Any, out: Any) -> None:
    a, out = _pointers(build, a, out)
    _store(build, _load(build, a, INDEX(0)), out, INDEX(0))


@intrinsic
def real_bits(typing: Any, bits):
    """The float32 number with the bits of an int32."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], FLOAT)

    return types.float32(types.int32), code
