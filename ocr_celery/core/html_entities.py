"""The entities of HTML (``&amp;``, ``&#42;``) in a text of any kind; `html.unescape` fails for numbers of thousands of digits."""

import html
import re

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)


def unescape_entities(text: str) -> str:
    """The text with the characters that its entities stand for."""
    return ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
