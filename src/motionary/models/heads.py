"""Multi-head attention of ACTOR's layers, each kind with no more products than its result needs.

B motions, T tokens of which W are wanted, H heads of D numbers each, Z in all.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from motionary.models.dropout import Silencer
from motionary.products import linear


def attend(
    attention: nn.MultiheadAttention,
    x: Float[Tensor, "B T Z"],
    mask: Bool[Tensor, "B T"] | None,
    drop: Silencer,
    wanted: int | None = None,
) -> Float[Tensor, "B W Z"]:
    """Multi-head self-attention of the first W tokens, in which nobody looks at padded frames."""
    if wanted is None:
        projected = linear(x, attention.in_proj_weight, attention.in_proj_bias)
        heads = drop.attend(projected, mask, attention.num_heads)
        if heads is None:
            query, key, value = projected.chunk(3, -1)
            heads = _seen_by_heads(query, key, value, mask, attention.num_heads, drop)
    else:
        heads = _seen_by_few(attention, x, mask, wanted, drop)
    return linear(heads, attention.out_proj.weight, attention.out_proj.bias)


def _seen_by_few(
    attention: nn.MultiheadAttention,
    x: Float[Tensor, "B T Z"],
    mask: Bool[Tensor, "B T"] | None,
    wanted: int,
    drop: Silencer,
) -> Float[Tensor, "B W Z"]:
    """What the first W tokens' heads see of the real ones, without anybody's keys and values.

    A query times a key is the query, brought back through the weights of keys, times the token; a sum of
    values is the value of the sum of tokens. What the bias of keys adds is the same for all tokens and drops
    out of the softmax.
    """
    assert attention.in_proj_weight is not None
    parts = (3, attention.num_heads, attention.head_dim)
    query_weight, key_weight, value_weight = attention.in_proj_weight.unflatten(0, parts)  # (H, D, Z) each
    query_bias, _, value_bias = attention.in_proj_bias.unflatten(0, parts)[:, :, None]  # (H, 1, D) each
    queries = torch.einsum("bwz,hdz->bhwd", x[:, :wanted], query_weight) + query_bias
    asked = torch.einsum("bhwd,hdz->bhwz", queries, key_weight)
    scores = torch.einsum("bhwz,btz->bhwt", asked, x) * attention.head_dim**-0.5
    looks = _looks(scores, mask, drop)
    seen = torch.einsum("bhwt,btz->bhwz", looks, x)
    heads = torch.einsum("bhwz,hdz->bhwd", seen, value_weight)
    heads = heads + looks.sum(-1, keepdim=True) * value_bias  # dropout leaves sums that are not one
    return heads.transpose(1, 2).flatten(2)


def _seen_by_heads(
    queries: Float[Tensor, "B W Z"],
    keys: Float[Tensor, "B T Z"],
    values: Float[Tensor, "B T Z"],
    mask: Bool[Tensor, "B T"] | None,
    num_heads: int,
    drop: Silencer,
) -> Float[Tensor, "B W Z"]:
    """What heads see of the real tokens."""
    query, key, value = (
        rows.unflatten(-1, (num_heads, -1)).transpose(1, 2) for rows in (queries, keys, values)
    )  # (B, H, W or T, Z/H)
    if drop.bits is None:
        seen = None if mask is None else mask[:, None, None]
        heads = functional.scaled_dot_product_attention(query, key, value, seen, drop.probability)
    else:
        heads = _looks((query * query.shape[-1] ** -0.5) @ key.mT, mask, drop) @ value
    return heads.transpose(1, 2).flatten(2)


def _looks(
    scores: Float[Tensor, "B H W T"], mask: Bool[Tensor, "B T"] | None, drop: Silencer
) -> Float[Tensor, "B H W T"]:
    """How much of each token every head takes, some of it silenced; nothing of padded frames."""
    scores = scores if mask is None else scores.masked_fill(~mask[:, None, None], -math.inf)
    return drop.thin(scores.softmax(-1))


def attend_one(
    attention: nn.MultiheadAttention, memory: Float[Tensor, "B Z"], num_frames: int, drop: Silencer
) -> Float[Tensor, "B T Z"]:
    """Multi-head attention of T frames to a single token.

    Attention over one token gives it the weight 1 whatever asks, so queries and keys drop out and what
    remains is a linear map of the token. In training, dropout on that weight silences whole heads, frame by
    frame: every frame adds up what each of its other heads makes of the token.
    """
    width = attention.embed_dim
    assert attention.in_proj_weight is not None
    value = functional.linear(
        memory, attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
    )
    if drop.probability == 0:
        return attention.out_proj(value)[:, None].expand(-1, num_frames, -1)
    by_head = value.unflatten(-1, (attention.num_heads, -1)).transpose(0, 1)  # (H, B, Z/H)
    to_output = attention.out_proj.weight.unflatten(1, (attention.num_heads, -1)).permute(1, 2, 0)
    from_head = (by_head @ to_output).transpose(0, 1)  # (B, H, Z)
    weight = drop.mask(value.new_empty(len(value), num_frames, attention.num_heads))
    return torch.baddbmm(attention.out_proj.bias, weight, from_head)
