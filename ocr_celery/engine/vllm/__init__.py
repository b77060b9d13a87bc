"""DeepSeek-OCR on vLLM. `model` is the only module that imports vLLM."""
