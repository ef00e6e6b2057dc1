"""Settings on the command line: an option for each that a user can change."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from ...core.setting import Setting, described
from ...core.settings import S


def add_settings(command: argparse.ArgumentParser, kind: type, *names: str) -> None:
    """Add what `chosen_settings` reads.

    Args:
        kind: the settings' dataclass.
        names: some of its settings; all where none is given.
    """
    for name, setting in described(kind).items():
        if not names or name in names:
            flag = f"--{name.replace('_', '-')}"
            command.add_argument(flag, help=_help(setting, getattr(kind, name)), **_form(setting))


def chosen_settings(arguments: argparse.Namespace, usual: S) -> S:
    """What was said; as in ``usual`` where nothing was.

    Raises:
        UserError: a number is out of range.
    """
    said = {name: getattr(arguments, name, None) for name in described(type(usual))}
    return replace(usual, **{name: value for name, value in said.items() if value is not None})


def _form(setting: Setting) -> dict[str, Any]:
    """How argparse reads it; None where nothing is said."""
    if setting.kind is bool:
        return {"action": "store_true", "default": None}
    if setting.kind is str and setting.choices():
        return {"choices": [str(choice.value) for choice in setting.choices()]}
    words = {"pixels": "PIXELS", "file": "FILE", "": "N" if setting.kind is int else "NUMBER"}
    return {"type": setting.kind, "metavar": words[setting.unit]}


def _help(setting: Setting, default: Any) -> str:
    """A setting's tooltip, range and default."""
    ends = [f"{end:.12g}" for end in (setting.least, setting.most) if end is not None]
    facts = [" to ".join(ends)] if ends else []
    facts += [] if default is None or setting.kind is bool else [f"default {default}"]
    return f"{setting.help} ({', '.join(facts)})" if facts else setting.help
