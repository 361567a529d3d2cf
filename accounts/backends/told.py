"""What providers say of people, made fit to be kept and shown: they may say anything."""

__all__ = ["LONGEST", "is_name", "text"]

LONGEST = 255
"""Characters of a text that are kept. OpenID Connect Core 1.0, section 2: so has a subject."""


def text(claim: object, longest: int = LONGEST) -> str:
    """Return the printable characters of a text; an empty one for what is no text.

    Databases store no U+0000 and no half of a surrogate pair, and a line break is a lie in a log.
    """
    if not isinstance(claim, str):
        return ""
    return "".join(letter for letter in claim[: 2 * longest] if letter.isprintable())[:longest]


def is_name(claim: object) -> bool:
    """Say whether this can name somebody or something, exactly as it stands."""
    return isinstance(claim, str) and 0 < len(claim) <= LONGEST and claim.isprintable()
