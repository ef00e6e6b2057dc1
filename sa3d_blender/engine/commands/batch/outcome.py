"""How a job went."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

DONE = "done"
BEFORE = "done before"
"""An earlier run of the same command made it."""
FAILED = "failed"
STOPPED = "not run"
"""Or begun and given up: the command was stopped."""
UNFIT = "unfit"
"""The worker can run no job of this batch; another may."""
UNSEEN = "unseen"
"""The worker cannot run this job; another may."""


@dataclass
class Outcome:
    """What became of a job."""

    result: str
    """One of this module's words."""
    error: str = ""
    """One sentence, where it was not made."""
    seconds: dict[str, float] = field(default_factory=dict)
    """By stage; ``total`` counts all of them."""
    worker: str = ""
    """Its computer and its port; empty where no worker had it."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict of the fields."""
        return asdict(self)

    @staticmethod
    def from_json(data: Any) -> Outcome:
        """What `to_json` gave, perhaps in another version of this package."""
        if not isinstance(data, dict) or not isinstance(data.get("result"), str):
            return Outcome(UNFIT, "It answers in another way; install the same version of sa3d.")
        return Outcome(
            data["result"],
            str(data.get("error", "")),
            dict(data.get("seconds") or {}),
            str(data.get("worker", "")),
        )
