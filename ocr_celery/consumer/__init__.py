"""The batching consumer: standard Celery messages in, batches into the engine, standard Celery results out."""
