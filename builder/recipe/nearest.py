"""The known word that somebody probably meant."""

from collections.abc import Iterable, Sequence


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` with the nearest of `known`, or nothing where none is near."""
    import difflib  # noqa: PLC0415 - only errors need it, and it costs start-up time

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def suggestion(word: str, label: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'? LABEL: a, x`: the nearest of `known`, and all of them."""
    return f"{did_you_mean(word, known) or ';'} {label}: {', '.join(known)}"
