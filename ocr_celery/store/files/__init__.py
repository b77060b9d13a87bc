"""Where uploaded files lie until their task is read: Redis, a folder or S3, behind one small protocol, chosen by OCR_STORE."""
