"""Reads a spreadsheet as a program does that knows no more than its format: names, texts, numbers, what is bold."""

import io
import zipfile
from xml.etree import ElementTree as ET

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Value = str | float


class Spreadsheet:
    """The sheets of a file in their order. `formulas`: how many cells are computed or are links."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            assert file.testzip() is None
            parts = {name: file.read(name) for name in file.namelist()}
        book = ET.fromstring(parts["xl/workbook.xml"])
        self.names = [str(sheet.get("name")) for sheet in book.iter(f"{_MAIN}sheet")]
        self._roots = [ET.fromstring(parts[f"xl/worksheets/sheet{n}.xml"]) for n in range(1, len(self.names) + 1)]
        self._styles = ET.fromstring(parts["xl/styles.xml"])
        self.formulas = sum(
            len(list(root.iter(f"{_MAIN}f"))) + len(list(root.iter(f"{_MAIN}hyperlink"))) for root in self._roots
        )

    def cells(self, sheet: int) -> dict[str, Value]:
        """What stands where: {"A1": "Item", "B2": 7.0}."""
        return {str(cell.get("r")): _value(cell) for cell in self._roots[sheet].iter(f"{_MAIN}c")}

    def bold(self, sheet: int) -> set[str]:
        """The cells that are bold."""
        return {place for place, cell in self._formats(sheet).items() if self._is_bold(cell)}

    def shown_as(self, sheet: int) -> dict[str, str]:
        """The code of each cell's format."""
        codes = {str(f.get("numFmtId")): str(f.get("formatCode")) for f in self._styles.iter(f"{_MAIN}numFmt")}
        return {place: codes.get(n, n) for place, f in self._formats(sheet).items() for n in [str(f.get("numFmtId"))]}

    def widths(self, sheet: int) -> list[float]:
        """The widths of the columns."""
        return [float(str(col.get("width"))) for col in self._roots[sheet].iter(f"{_MAIN}col")]

    def _formats(self, sheet: int) -> dict[str, ET.Element]:
        (known,) = self._styles.iter(f"{_MAIN}cellXfs")
        return {str(c.get("r")): known[int(c.get("s") or 0)] for c in self._roots[sheet].iter(f"{_MAIN}c")}

    def _is_bold(self, cell_format: ET.Element) -> bool:
        (fonts,) = self._styles.iter(f"{_MAIN}fonts")
        return fonts[int(str(cell_format.get("fontId")))].find(f"{_MAIN}b") is not None


def _value(cell: ET.Element) -> Value:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
    assert cell.get("t") in (None, "n"), "neither text nor number"
    return float(str(cell.findtext(f"{_MAIN}v")))
