"""How DeepSeek-OCR cuts a picture into tiles, how many tokens they cost, and how many pixels it uses.

The numbers are those of vLLM's model classes, which are fixed there; a test compares the two.
"""

from dataclasses import dataclass
from math import ceil

MAX_TILES = 6

_GRIDS = sorted(
    ((across, down) for across in range(1, MAX_TILES + 1) for down in range(1, MAX_TILES + 1)),
    key=lambda grid: grid[0] * grid[1],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TilingScheme:
    """How one model cuts pictures into tiles."""

    tile_size: int  #: pixels; a picture no larger than this is not cut into tiles
    global_tokens: int  #: tokens of the picture as a whole, padded to 1024 x 1024, with the end of the picture
    tile_side_tokens: int  #: tokens along a tile
    row_newlines: int  #: tokens after each row of tokens of the tiles

    @property
    def max_useful_side(self) -> int:
        """The longest side of a picture in pixels that the model can use: six tiles in a row."""
        return self.tile_size * MAX_TILES

    def tiles(self, width: int, height: int) -> tuple[int, int]:
        """How many tiles (across, down) a picture of this size in pixels is cut into; (1, 1): none."""
        if max(width, height) <= self.tile_size:
            return 1, 1
        best, nearest = (1, 1), float("inf")
        for across, down in _GRIDS:
            if not 2 <= across * down <= MAX_TILES:
                continue
            distance = abs(width / height - across / down)
            # of two grids equally near to the picture's shape, the later and larger wins if half filled
            fills = width * height > 0.5 * self.tile_size * self.tile_size * across * down
            if distance < nearest or (distance == nearest and fills):
                best, nearest = (across, down), distance
        return best

    def image_tokens(self, width: int, height: int) -> int:
        """How many tokens a picture of this size in pixels costs."""
        across, down = self.tiles(width, height)
        if across * down == 1:
            return self.global_tokens
        return self.global_tokens + self.tile_side_tokens * down * (self.tile_side_tokens * across + self.row_newlines)

    def useful_size(self, width: int, height: int) -> tuple[int, int]:
        """The smallest size of about the same shape that still fills every tile; never larger than the size given."""
        across, down = self.tiles(width, height)
        scale = max(self.tile_size * across / width, self.tile_size * down / height)
        if across * down == 1 or scale >= 1:
            return width, height
        smaller = ceil(width * scale), ceil(height * scale)
        # rounding to whole pixels may move a shape halfway between two grids to the other one
        return smaller if self.tiles(*smaller) == (across, down) else (width, height)


#: 273 to 933 tokens
DEEPSEEK_OCR = TilingScheme(tile_size=640, global_tokens=16 * (16 + 1) + 1, tile_side_tokens=10, row_newlines=1)
#: 257 to 1121 tokens
DEEPSEEK_OCR_2 = TilingScheme(tile_size=768, global_tokens=16 * 16 + 1, tile_side_tokens=12, row_newlines=0)
#: by vLLM's name of the model class
BY_ARCHITECTURE = {"DeepseekOCRForCausalLM": DEEPSEEK_OCR, "DeepseekOCR2ForCausalLM": DEEPSEEK_OCR_2}
