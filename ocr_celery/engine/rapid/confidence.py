"""What the recogniser's confidence in its lines says: which are noise, and how much of the page is doubtful.

The confidence is the mean of the likelihoods of a line's characters. A line of clean print has 0.97 and more, whatever it
says; one whose mean is lower has, as a rule, a wrong character.
"""

from collections.abc import Iterable

_NOISE = 0.5  #: a line below it is no text
_DOUBTFUL = 0.95  #: a line below it is doubtful

Recognition = tuple[str, float]  #: the text of a line, and the confidence in it, 0 to 1


def is_noise(recognition: Recognition) -> bool:
    """Whether there is no line of text."""
    text, confidence = recognition
    return confidence < _NOISE or not text.strip()


def doubtful_share(recognitions: Iterable[Recognition]) -> float:
    """The share (0 to 1) of a page's characters that are in doubtful lines, noise among them: text may have been lost with it."""
    sizes = [(sum(map(len, text.split())), confidence < _DOUBTFUL) for text, confidence in recognitions]
    doubtful = sum(size for size, is_doubtful in sizes if is_doubtful)
    return doubtful / max(1, sum(size for size, _ in sizes))
