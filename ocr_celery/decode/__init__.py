"""Decodes untrusted images and pages of documents to upright RGB pages, in child processes that can be killed.

The worker runs `pool` with its `decoder_thread`s, `decode_queue`, `cost_estimate` and `child_process`, and shares `header`
and `protocol` with the child. All other modules run in the child (`child`), the only process that imports decoders.
"""
