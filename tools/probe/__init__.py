"""The parts of tools/batch_probe.py."""
