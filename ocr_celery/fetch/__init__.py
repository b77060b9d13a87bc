"""From a stranger's URL to bytes: the one room that opens sockets.

Everything that can be wrong with a source is found here and is that page's own `OcrError`. Each module bounds what a stranger
may cost: `address` where the worker connects, `wire`, `response` and `download` time and bytes, `inflate` what comes out of a
compressed body. What is in the bytes is for `decode`.
"""
