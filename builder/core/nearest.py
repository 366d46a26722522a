"""The known word that somebody probably meant."""

from collections.abc import Iterable, Sequence

# Comparing takes time in proportion to all three: words, known words, mistakes. Nobody mistypes a word longer than this.
_WORD_LENGTH = 100
_KNOWN_WORDS = 200


def nearest(word: str, known: Iterable[str], *, most: int = _KNOWN_WORDS) -> str | None:
    """The one of `known` that is most like `word`, None where none is near, or where there are more than `most`."""
    words = list(known)
    if len(word) > _WORD_LENGTH or len(words) > most:
        return None
    import difflib  # noqa: PLC0415 - only errors need it, and it costs start-up time

    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str], *, most: int = _KNOWN_WORDS) -> str:
    """`; did you mean 'x'?` with the nearest of `known` (see `nearest`), or nothing where none is near."""
    near = nearest(word, known, most=most)
    return f"; did you mean {near!r}?" if near else ""


def suggestion(word: str, label: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'? LABEL: a, x`: the nearest of `known`, and all of them."""
    return f"{did_you_mean(word, known) or ';'} {label}: {', '.join(known)}"
