"""Which lanes there are, and how often each is served: a lane of weight 4 four times as often as one of weight 1.

Lanes are served by stride scheduling: each has a pass, the least is served next, and then grows by the lane's stride.
"""

SINGLE = "single"  #: pages that are sent alone
BULK = "bulk"  #: pages of batches and of documents

_WEIGHTS = {SINGLE: 4, BULK: 1}
_OTHERS = 4  #: weight of the queue's own list, and of a lane that this version does not know
_STRIDE = 1000  #: of weight 1


def stride(lane: str) -> int:
    """How much the pass of a lane grows with each message that it gives. `lane`: its name, "" for the queue itself."""
    return _STRIDE // _WEIGHTS.get(lane, _OTHERS)
