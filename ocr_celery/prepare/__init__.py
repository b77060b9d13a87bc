"""From a URL or bytes to a page an engine can read: the one room that opens sockets and hostile files.

Everything that can be wrong with a page is found here, before it enters a batch, and is that page's own `OcrError`.
Each module bounds what a stranger may cost us: `address` where we connect, `wire` and `download` time and bytes,
`budget` and `image` pixels, `metadata` the time spent on everything in a file that is not its picture.
"""
