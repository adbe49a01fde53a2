"""Products in tiles are torch's products."""

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from motionary import products
from motionary.products import fitting

needs_tiles = pytest.mark.skipif(not fitting(), reason="tiles are for other processors than this one")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@needs_tiles
@pytest.mark.parametrize(
    ("rows", "depth", "columns"),
    [(1, 16, 16), (7, 32, 48), (12, 336, 16), (62, 64, 32), (193, 16, 336), (200, 656, 32), (620, 256, 768)],
)
def test_linear_and_its_gradients_are_torchs(rows, depth, columns):
    generator = torch.Generator().manual_seed(0)
    x, weight, bias, gradient = (
        torch.randn(*shape, generator=generator)
        for shape in ((rows, depth), (columns, depth), (columns,), (rows, columns))
    )
    given = [tensor.requires_grad_() for tensor in (x, weight, bias)]
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    assert products.worthwhile(x, weight)
    found, expected = products.linear(*given), functional.linear(*exact)
    slopes = torch.autograd.grad(found, given, gradient)
    for ours, theirs in zip(
        (found, *slopes), (expected, *torch.autograd.grad(expected, exact, gradient.double())), strict=True
    ):
        assert_close(ours.double(), theirs, rtol=0, atol=3e-6 * float(theirs.detach().abs().max()))


@needs_tiles
def test_leading_axes_and_slices_of_weights_make_no_difference():
    x, weight, bias = torch.randn(3, 5, 32)[:, 1:], torch.randn(48, 32)[16:32], torch.randn(16)
    weight.requires_grad_()
    assert_close(products.linear(x, weight, bias), functional.linear(x, weight, bias), rtol=0, atol=3e-5)


@needs_tiles
def test_inputs_without_a_gradient_get_none():
    x, weight = torch.randn(4, 16), torch.randn(16, 16, requires_grad=True)
    products.linear(x, weight, torch.zeros(16)).sum().backward()
    assert x.grad is None
    assert_close(weight.grad, x.sum(0).expand(16, -1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", ["several threads", "double", "odd width", "autocast"])
def test_what_tiles_are_not_for_goes_to_torch(case):
    kind = torch.float64 if case == "double" else torch.float32
    width = 10 if case == "odd width" else 16
    x, weight, bias = (
        torch.randn(*shape, dtype=kind, requires_grad=True) for shape in ((4, width), (16, width), (16,))
    )
    torch.set_num_threads(2 if case == "several threads" else 1)
    with torch.autocast("cpu", torch.bfloat16, enabled=case == "autocast"):
        out = products.linear(x, weight, bias)
        assert "Linear" not in type(out.grad_fn).__name__
        assert torch.equal(out, functional.linear(x, weight, bias))
