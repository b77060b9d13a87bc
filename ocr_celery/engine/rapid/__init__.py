"""The CPU engine: rapidocr detects and reads lines; the modules here arrange them into a page."""
