"""How DeepSeek-OCR sees a picture: the tiles it cuts, the tokens they cost, and how many pixels it can use.

The numbers are those of vLLM's `DeepseekOCRForCausalLM`, where they cannot be set; a test compares the two.
"""

from math import ceil

TILE = 640  #: pixels; a picture no larger than this is seen as a whole only
MOST_TILES = 6
LONGEST = TILE * MOST_TILES  #: pixels; a longer side holds nothing the model could use: six tiles in a row

_WHOLE = 16 * (16 + 1) + 1  # the picture padded to 1024 x 1024: 16 rows, each with its end, and the end of the picture
_SIDE = 10  # tokens along a tile

_GRIDS = sorted(
    ((across, down) for across in range(1, MOST_TILES + 1) for down in range(1, MOST_TILES + 1)),
    key=lambda grid: grid[0] * grid[1],
)


def tiles(width: int, height: int) -> tuple[int, int]:
    """How many tiles across and down a picture of this size in pixels is cut into; (1, 1): none."""
    if max(width, height) <= TILE:
        return 1, 1
    best, nearest = (1, 1), float("inf")
    for across, down in _GRIDS:
        if not 2 <= across * down <= MOST_TILES:
            continue
        distance = abs(width / height - across / down)
        # of two grids equally near to the picture's shape the larger one is taken if the picture fills half of it
        if distance < nearest or (distance == nearest and width * height > 0.5 * TILE * TILE * across * down):
            best, nearest = (across, down), distance
    return best


def count(width: int, height: int) -> int:
    """The tokens of a picture of this size in pixels: 273 to 933."""
    across, down = tiles(width, height)
    if across * down == 1:
        return _WHOLE
    return _WHOLE + _SIDE * down * (_SIDE * across + 1)


def useful(width: int, height: int) -> tuple[int, int]:
    """The smallest size of about the same shape that still fills every tile; never larger than the size given."""
    across, down = tiles(width, height)
    scale = max(TILE * across / width, TILE * down / height)
    if across * down == 1 or scale >= 1:
        return width, height
    smaller = ceil(width * scale), ceil(height * scale)
    # a shape halfway between two grids may fall to the other one when it is rounded to whole pixels
    return smaller if tiles(*smaller) == (across, down) else (width, height)
