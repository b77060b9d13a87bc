"""From a stranger's file to an upright RGB page: decoded in child processes that can be killed, never in the worker.

The worker's side is `pool` (which page is next: `queue`, what a page costs: `cost`), `process` (one child) and
`protocol`. Everything else runs in a child (`child`), which alone imports decoders.
"""
