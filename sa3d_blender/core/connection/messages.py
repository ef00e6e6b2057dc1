"""The wire between Blender and the engine: newline-delimited JSON-RPC 2.0, UTF-8, over pipes.

One request runs at a time in the engine; ``cancel`` is read while it runs. Every request names the
checkpoint it is about, so the engine holds no state that a restart would lose; what it has
loaded it merely keeps. Arrays travel as ``.npy`` or ``.npz`` files without pickles in the folder
``out`` that the request names.

Methods (params -> result):

``hello``    {} -> {version, protocol, python, torch, device, segmenters: [name],
             memory: {process, device?, device_total?} in bytes}
``unload``   {} -> {}: forgets the NeRF, the segmenter and all pictures, and frees their memory
``info``     {checkpoint, options} -> the field's facts: {family, scene, box: [[3], [3]],
             notes: [str], background: [3], grid_size: [3], name}
``render``   {checkpoint, options, camera, out} -> {image: path of .npy float32 [h w 3] in [0, 1],
             sRGB, top row first, seconds}
``predict``  {checkpoint, options, camera, objects, segmenter, weights, out, view_size?,
             downloaded?} -> {objects: [{name, masks: path of .npy bool [k h w], scores: [k]}]}:
             the 2D cut in that one view, best first, at its own size or at that at which
             ``segment`` with this ``view_size`` cuts it. The picture is kept: a further click
             costs the decoder only. Without objects it is merely made ready.
``segment``  {checkpoint, options, camera, objects, settings, mesh, out, own_meshes?, more_views?,
             cameras?, training_cameras?, keep?: [name], previews?, downloaded?} -> {result: path of
             result.npz, report: path of report.json, segmenter: name of the one that was used,
             objects: [{name, mesh: path of NAME_mesh.npz, glb: path, vertices, faces, confidence,
             note, disagree: [{view, camera, agreement, reason, picture, mask}]}]}; ``confidence``
             is the share of the views that agreed, from 0 to 1, and ``note`` a sentence for the
             artist where it is low, else ""; ``disagree`` names the views whose masks disagree most
             with the others, the worst first, at most five: number in the report, camera in the
             field frame, IoU with what the others know, why in words, and paths of two PNGs of the
             camera's size, the picture and the mask (0 or 255)
``view``     {report: path of report.json, object: name, view: one of its ``disagree``, out} ->
             {camera, image: path of .npy float32 [h w 3] in [0, 1], mask: path of .npy bool [h w]}:
             what the run saw and cut there, to be corrected. A click there comes back in
             ``more_views`` with this camera, and the next ``segment`` asks only what it contradicts
``mesh``     {result: path, mesh, out, own_meshes?, objects?: [name], checkpoint?} -> {objects: as
             ``segment``, their first five}; ``checkpoint`` says where that is now, if it was moved
``rest``     {result: path, mesh, out, checkpoint?} -> {objects: as ``segment``}: one mesh of
             everything else
``points``   {checkpoint, options, out, count, seconds, training_cameras?} -> {points: path of
             `PointCloud`, count}: at most so many coloured points on the field's surfaces, as many
             as about so many seconds give
``training_cameras`` {checkpoint, options, file} -> {cameras: [{name} and `Camera.to_json`], notes:
             [str], ndc_focal, ndc_aspect, box}; the last three only of forward-facing fields
``shutdown`` {} -> {}

A param that is missing or of the wrong kind is answered with `INVALID_PARAMS`, what the artist can
put right with `USER_ERROR`.

``options``, ``settings`` and ``mesh`` are the dataclasses of `core.settings`, ``camera`` is
`Camera.to_json`, ``objects`` a list of `Prompt.to_json`, ``more_views`` a list of
`PromptedView.to_json`; ``own_meshes`` {name: ``mesh``} goes before ``mesh`` for the objects that
it names; ``keep`` names objects of an earlier result in ``out`` that stay in it;
``training_cameras`` is a camera file's path, whose cameras count as ``cameras`` do;
``downloaded`` {segmenter: path} says which weights are there for `resolve_segmenter`.

Notifications: engine -> Blender ``progress`` {id, stage, n, total, text, picture?, points?,
meshes?}; ``points`` {name: path of `PointCloud`} is what is known of the objects so far, ``meshes``
{name: path of `MeshData`} a first, coarse mesh of them after some views; ``picture`` is a
small PNG of the view just voted on, masks tinted, in the folder ``previews.folder`` that
``segment`` was given with ``previews.colors`` {name: [r g b] in [0, 1]}. Blender -> engine
``cancel`` {id}, also as a request, which is answered at once with {}.
Stages of ``segment``: ``load``, ``view`` (n of at most total), ``refine``, ``surface``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..errors import UserError

PROTOCOL = 1
USER_ERROR = -32000
"""The artist can put it right; the message is for them."""
CANCELLED = -32001
INTERNAL_ERROR = -32603
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
"""What is asked lacks something, or its params are no object."""
INVALID_REQUEST = -32600
"""JSON, but no message."""
PARSE_ERROR = -32700
"""No JSON."""

RequestId = int | str
"""Whoever asks chooses; Blender counts."""


class NotAMessageError(UserError):
    """A line that is no message.

    Args:
        rpc_code: the error that answers it.
        request_id: of what was asked, as far as it could be read.
    """

    def __init__(self, reason: object, rpc_code: int, request_id: RequestId | None = None) -> None:
        super().__init__(f"A line came that is no message ({reason}).")
        self.rpc_code = rpc_code
        self.request_id = request_id


@dataclass(frozen=True)
class Request:
    """Asks for work; answered by a `Response` or a `Failure` with the same id."""

    id: RequestId
    method: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Response:
    """The result of the request with this id."""

    id: RequestId
    result: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """Why the request with this id has no result; ``message`` is one sentence for the artist."""

    id: RequestId | None
    code: int
    message: str
    reason: str = ""
    """`UserError.code`, e.g. ``missing_file``."""


@dataclass(frozen=True)
class Notification:
    """Says something and wants no answer: ``progress`` or ``cancel``."""

    method: str
    params: dict[str, Any]


Message = Request | Response | Failure | Notification


def encode(message: Message) -> bytes:
    """One line, newline included."""
    data: dict[str, Any] = {"jsonrpc": "2.0"}
    if isinstance(message, Request):
        data |= {"id": message.id, "method": message.method, "params": message.params}
    elif isinstance(message, Response):
        data |= {"id": message.id, "result": message.result}
    elif isinstance(message, Failure):
        error = {
            "code": message.code,
            "message": message.message,
            "data": {"reason": message.reason},
        }
        data |= {"id": message.id, "error": error}
    else:
        data |= {"method": message.method, "params": message.params}
    return json.dumps(data, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message on one line. Raises `NotAMessageError` when it is none."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotAMessageError(error, PARSE_ERROR) from error
    try:
        return _message(data)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise NotAMessageError(error, INVALID_REQUEST) from error


def _message(data: Any) -> Message:
    if "error" in data:
        error = data["error"]
        reason = (error.get("data") or {}).get("reason", "")
        number = None if data["id"] is None else _request_id(data["id"])
        return Failure(number, int(error["code"]), str(error["message"]), str(reason))
    if "result" in data:
        return Response(_request_id(data["id"]), dict(data["result"]))
    if "id" not in data:
        return Notification(str(data["method"]), dict(data.get("params") or {}))
    number, method, params = _request_id(data["id"]), str(data["method"]), data.get("params") or {}
    if not isinstance(params, dict):
        raise NotAMessageError("params are no object with names", INVALID_PARAMS, number)
    return Request(number, method, params)


def _request_id(value: Any) -> RequestId:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"an id of {value!r}")
    return value
