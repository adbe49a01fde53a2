"""Attention with fewer products is the usual one."""

import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from motionary.models.dropout import Dropout
from motionary.models.heads import _seen_by_few, _seen_by_heads, attend, attend_one


def test_attention_to_one_token_is_torch_s_attention():
    attention = torch.nn.MultiheadAttention(16, 2, batch_first=True).eval()
    memory, queries = torch.randn(3, 16), torch.randn(3, 5, 16)
    expected, _ = attention(queries, memory[:, None], memory[:, None])
    assert_close(attend_one(attention, memory, 5, Dropout(0.0).begin(memory.device)), expected)


def test_dropout_on_one_token_silences_whole_heads():
    attention = torch.nn.MultiheadAttention(16, 2, dropout=0.5).train()
    torch.nn.init.eye_(attention.out_proj.weight)
    memory = torch.randn(1, 16)
    value = functional.linear(memory, attention.in_proj_weight[32:], attention.in_proj_bias[32:])
    drop = Dropout(0.5).begin(memory.device)
    ratio = (attend_one(attention, memory, 200, drop) / value[:, None]).unflatten(-1, (2, 8))
    assert_close(ratio, ratio[..., :1].expand_as(ratio))
    assert set(ratio.detach().round(decimals=3).unique().tolist()) == {0.0, 2.0}


def test_attention_to_one_token_with_dropout_is_torch_s_with_the_same_heads_silent():
    attention = torch.nn.MultiheadAttention(16, 2, batch_first=True)
    memory, drop = torch.randn(3, 16, requires_grad=True), Dropout(0.5)
    torch.manual_seed(0)
    got = attend_one(attention, memory, 5, drop.begin(memory.device))
    torch.manual_seed(0)
    weight = drop.begin(memory.device).mask(torch.empty(3, 5, 2))
    value = functional.linear(memory, attention.in_proj_weight[32:], attention.in_proj_bias[32:])
    heads = weight[..., None] * value.view(3, 1, 2, 8)  # attention weights of 1, after dropout
    expected = attention.out_proj(heads.flatten(2))
    assert_close(got, expected)
    parameters = [memory, attention.in_proj_weight, attention.out_proj.weight, attention.out_proj.bias]
    factor = torch.randn(3, 5, 16)
    for ours, plain in zip(
        torch.autograd.grad((got * factor).sum(), parameters),
        torch.autograd.grad((expected * factor).sum(), parameters),
        strict=True,
    ):
        assert_close(ours, plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("lengths", [None, (11, 4)])
def test_attention_of_the_first_tokens_is_that_of_all_cut_short(lengths):
    attention = torch.nn.MultiheadAttention(32, 4)
    torch.nn.init.normal_(attention.in_proj_bias)
    x = torch.randn(2, 11, 32, requires_grad=True)
    mask = None if lengths is None else torch.arange(11) < torch.tensor(lengths)[:, None]
    towards = torch.randn(2, 2, 32)
    dropout = Dropout(0.0).train()

    def out_and_gradients(wanted: int | None) -> list[torch.Tensor]:
        out = attend(attention, x, mask, dropout.begin(x.device), wanted)[:, :2]
        return [out, *torch.autograd.grad((out * towards).sum(), [x, *attention.parameters()])]

    for few, all_of_them in zip(out_and_gradients(2), out_and_gradients(None), strict=True):
        assert_close(few, all_of_them, atol=1e-5, rtol=1e-4)


def test_dropout_thins_the_same_looks_whether_keys_are_made_or_not():
    attention, x = torch.nn.MultiheadAttention(16, 2), torch.randn(3, 9, 16)
    dropout = Dropout(0.5).train()

    def heads(few: bool) -> torch.Tensor:
        drop = dropout.begin(x.device, seed=5)
        if few:
            return _seen_by_few(attention, x, None, 2, drop)
        queries, keys, values = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(
            3, -1
        )
        return _seen_by_heads(queries[:, :2], keys, values, None, 2, drop)

    assert_close(heads(few=True), heads(few=False))
