"""How DeepSeek-OCR sees a picture: the tiles it cuts, the tokens they cost, and how many pixels it can use.

The numbers are those of vLLM's model classes, where they cannot be set; a test compares the two.
"""

from dataclasses import dataclass
from math import ceil

MOST_TILES = 6

_GRIDS = sorted(
    ((across, down) for across in range(1, MOST_TILES + 1) for down in range(1, MOST_TILES + 1)),
    key=lambda grid: grid[0] * grid[1],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How a model sees."""

    tile: int  #: pixels; a picture no larger than this is seen as a whole only
    whole: int  #: tokens of the picture as a whole, padded to 1024 x 1024, with the end of the picture
    side: int  #: tokens along a tile
    row_end: int  #: tokens after each row of tokens of the tiles

    @property
    def longest(self) -> int:
        """Pixels; a longer side holds nothing the model could use: six tiles in a row."""
        return self.tile * MOST_TILES

    def tiles(self, width: int, height: int) -> tuple[int, int]:
        """How many tiles across and down a picture of this size in pixels is cut into; (1, 1): none."""
        if max(width, height) <= self.tile:
            return 1, 1
        best, nearest = (1, 1), float("inf")
        for across, down in _GRIDS:
            if not 2 <= across * down <= MOST_TILES:
                continue
            distance = abs(width / height - across / down)
            # of two grids equally near to the picture's shape the larger one is taken if the picture fills half of it
            fills = width * height > 0.5 * self.tile * self.tile * across * down
            if distance < nearest or (distance == nearest and fills):
                best, nearest = (across, down), distance
        return best

    def count(self, width: int, height: int) -> int:
        """The tokens of a picture of this size in pixels."""
        across, down = self.tiles(width, height)
        if across * down == 1:
            return self.whole
        return self.whole + self.side * down * (self.side * across + self.row_end)

    def useful(self, width: int, height: int) -> tuple[int, int]:
        """The smallest size of about the same shape that still fills every tile; never larger than the size given."""
        across, down = self.tiles(width, height)
        scale = max(self.tile * across / width, self.tile * down / height)
        if across * down == 1 or scale >= 1:
            return width, height
        smaller = ceil(width * scale), ceil(height * scale)
        # a shape halfway between two grids may fall to the other one when it is rounded to whole pixels
        return smaller if self.tiles(*smaller) == (across, down) else (width, height)


FIRST = Sight(tile=640, whole=16 * (16 + 1) + 1, side=10, row_end=1)  #: 273 to 933 tokens
SECOND = Sight(tile=768, whole=16 * 16 + 1, side=12, row_end=0)  #: of DeepSeek-OCR-2: 257 to 1121 tokens
OF_CLASS = {"DeepseekOCRForCausalLM": FIRST, "DeepseekOCR2ForCausalLM": SECOND}  #: by vLLM's name of the model
