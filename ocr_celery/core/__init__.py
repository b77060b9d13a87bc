"""What is true without Celery, Flask, vLLM and Redis. Standard library only; whoever needs the time passes it in."""
