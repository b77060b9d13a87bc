"""The values that the OpenAPI document gives as examples."""

TASK_ID = "550e8400-e29b-41d4-a716-446655440000"
BATCH_ID = "550e8400-e29b-41d4-a716-446655440001"
TIME = 1699000000.0  #: Unix seconds
PROMPT = "<image>\n<|grounding|>Convert the document to markdown."
