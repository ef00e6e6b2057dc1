"""YAML files that ask for Python objects, read as plain containers: nothing is ever made or run.

Nerfstudio's ``config.yml`` is a dump of Python objects; its tags name classes and calls. Here every
tag is only a note beside plain data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ....core.errors import UserError
from ....core.git_lfs import refuse_lfs_pointer

MAX_BYTES = 1_000_000
TAG = "__tag__"
"""Key under which a tagged mapping keeps its tag, less the part all Python tags share."""
PYTHON_PREFIX = "tag:yaml.org,2002:python/"


class _InertLoader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Knows no object but dictionaries, lists, strings, numbers, dates, and None."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave merge keys alone: nested ones can grow without bound."""


def _inert(loader: _InertLoader, tag: str, node: yaml.Node) -> Any:
    """What a tagged node holds, whatever the tag demands."""
    if isinstance(node, yaml.MappingNode):
        name = tag.removeprefix(PYTHON_PREFIX)
        return {**loader.construct_mapping(node, deep=True), TAG: name}
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value or tag.removeprefix(PYTHON_PREFIX)


_InertLoader.add_multi_constructor("", _inert)


def read_inert_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Tagged mappings get the tag as ``__tag__``, tagged lists are lists, tagged scalars strings.

    Raises:
        UserError: code ``not_a_checkpoint``; not such a file, too large, or damaged.
    """
    wrong = UserError(
        f"{path} is not a nerfstudio config.yml; choose the file that the training wrote.",
        code="not_a_checkpoint",
    )
    refuse_lfs_pointer(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise wrong
        # _InertLoader is a SafeLoader: no tag makes or runs anything.
        data = yaml.load(content.decode("utf-8"), Loader=_InertLoader)
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise wrong from error
    if not isinstance(data, dict):
        raise wrong
    return data
