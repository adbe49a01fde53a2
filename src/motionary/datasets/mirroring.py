"""Which action a mirror image shows: what a left kick is called when left becomes right."""

import re
from collections.abc import Mapping, Sequence

_SWAPPED = {"left": "right", "right": "left", "l": "r", "r": "l"}
_WORD = re.compile(
    r"(?<![A-Za-z])(?i:left|right|l|r)(?:(?![A-Za-z])|(?=[A-Z][a-z]))"  # kick_left, KICK-L, leftKick, LKick
    r"|(?<=[a-z0-9])(?:Left|Right|L|R)(?:(?![A-Za-z])|(?=[A-Z][a-z]))"  # kickLeftFront, kickLFront, grabHighR
)
_ANYWHERE = re.compile(r"left|right", re.IGNORECASE)


def mirrored_actions(
    actions: Sequence[str], overrides: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    """The action that each one's mirror image shows; None where the data set has none for it.

    A name without left and right, L and R, is its own mirror image. One that says a side becomes the name
    that says the other, if there is such an action.

    Args:
        actions: All of the data set.
        overrides: What the user knows better: action -> action, in both directions.

    Raises:
        ValueError: If an override names no action of the data set.
    """
    overrides = overrides or {}
    if unknown := sorted({*overrides, *overrides.values()} - set(actions)):
        raise ValueError(
            f"No action {', '.join(unknown)} to mirror; this data set has: {', '.join(actions)}."
        )
    return {action: overrides.get(action, _derived(action, actions)) for action in actions}


def _derived(action: str, actions: Sequence[str]) -> str | None:
    for words in (_WORD, _ANYWHERE):
        other = words.sub(lambda found: _other_side(found[0]), action)
        if other != action and other in actions:
            return other
    return None if _WORD.search(action) else action


def _other_side(word: str) -> str:
    swapped = _SWAPPED[word.lower()]
    if word.isupper():
        return swapped.upper()
    return swapped.title() if word[0].isupper() else swapped
