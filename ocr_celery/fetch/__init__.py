"""Fetches an untrusted URL: the only package that connects to image servers.

Every problem of a source becomes an `OcrError` of its page. Each module limits what a hostile server can cost:
`address_policy` where the worker connects, `bounded_http`, `response_checks` and `download` time and bytes, `inflate` the
size of a decompressed body. The content of the file is checked by `decode`.
"""
