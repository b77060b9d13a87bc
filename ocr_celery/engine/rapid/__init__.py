"""The CPU engine: rapidocr finds and reads lines, and what is here makes a page of them."""
