"""Pure policies and data types: standard library only, no I/O, no clock. Callers pass the time."""
