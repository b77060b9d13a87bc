"""Celery's seams that both sides use, the client and the worker: the broker, the result backend and the outbox."""
