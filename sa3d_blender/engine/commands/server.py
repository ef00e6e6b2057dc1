"""``sa3d serve``: the add-on's engine. Reads requests on stdin, answers on what was fd 1.

A reader thread takes lines off stdin, so that ``cancel`` arrives while a job runs and the process
ends when Blender does (end of file), even after a crash.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from ...core.array_file import save_array
from ...core.cameras import Camera
from ...core.connection.messages import (
    CANCELLED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    PROTOCOL,
    USER_ERROR,
    Failure,
    Message,
    NotAMessageError,
    Notification,
    Request,
    RequestId,
    Response,
    decode,
    encode,
)
from ...core.errors import Cancelled, UserError, is_out_of_memory
from ...core.prompted_view import PromptedView
from ...core.prompts import prompts_from_json
from ...core.segmenters import AUTOMATIC, segmenter_choices
from ...core.settings import MeshSettings, SegmentSettings, own_meshes_from_json, settings_from_json
from ..mask_grids.result import SegmentResult
from ..memory_use import memory_use
from ..meshing.mesh_jobs import REST, write_objects
from ..rendering.point_cloud import sample_surface
from ..run import Run
from ..segmentation.report import versions
from ..view_path.training_views import known_cameras, placed_cameras, read_cameras
from .camera_files import describe_training_cameras
from .devices import choose_device
from .doubtful_views import read_doubtful
from .request_params import NamedParams, ParamError, Params, checkpoint_of
from .session import Session
from .watched_run import show_previews

log = logging.getLogger(__name__)
POINTS = (1, 10_000_000)
"""Least and most that may be asked for."""


class Server:
    """Answers one request at a time."""

    def __init__(self, wire: BinaryIO, *, device: str = "auto") -> None:
        self._wire = wire
        self._write_lock = threading.Lock()
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._cancelled: set[RequestId] = set()
        self._session = Session(choose_device(device))
        self._methods: dict[str, Callable[[NamedParams, Run], Params]] = {
            "hello": self._hello,
            "unload": self._unload,
            "info": self._info,
            "render": self._render,
            "predict": self._predict,
            "training_cameras": self._training_cameras,
            "segment": self._segment,
            "view": self._view,
            "points": self._points,
            "mesh": self._mesh,
            "rest": self._rest,
        }

    def serve(self, source: BinaryIO) -> None:
        """Work until the source ends or ``shutdown`` is asked."""
        threading.Thread(target=self._read, args=(source,), daemon=True).start()
        while (request := self._requests.get()) is not None:
            if request.method == "shutdown":
                self._send(Response(request.id, {}))
                return
            self._send(self._answer(request))

    def _read(self, source: BinaryIO) -> None:
        for line in iter(source.readline, b""):
            try:
                self._take(decode(line))
            except NotAMessageError as error:  # the reader must outlive any line
                self._send(Failure(error.request_id, error.rpc_code, str(error), error.code))
        # Blender is gone, perhaps by a crash: stop even in the middle of a job.
        os._exit(0)

    def _take(self, message: Message) -> None:
        if isinstance(message, Response | Failure):
            return
        asked = message.id if isinstance(message, Request) else None
        if message.method == "cancel":
            number = message.params.get("id")
            if not isinstance(number, int | str):
                raise NotAMessageError(f"a cancel of {number!r}", INVALID_PARAMS, asked)
            self._cancelled.add(number)
            if asked is not None:  # a client that wants every message answered
                self._send(Response(asked, {}))
        elif isinstance(message, Request):
            self._requests.put(message)

    def _answer(self, request: Request) -> Message:
        method = self._methods.get(request.method)
        if method is None:
            return Failure(request.id, METHOD_NOT_FOUND, f"No method {request.method!r}.")
        try:
            run = self._run(request.id)
            run.check()
            result = method(NamedParams(request.params), run)
            return Response(request.id, result)
        except ParamError as error:
            return Failure(request.id, INVALID_PARAMS, str(error), error.code)
        except UserError as error:
            return Failure(request.id, USER_ERROR, str(error), error.code)
        except Cancelled:
            return Failure(request.id, CANCELLED, "Cancelled.", "cancelled")
        except Exception as error:
            if is_out_of_memory(error):
                text = "There is not enough memory; choose a smaller view size and run again."
                return Failure(request.id, USER_ERROR, text, "out_of_memory")
            log.exception("request %s failed", request.method)
            text = f"The engine failed ({type(error).__name__}: {error}); see its log."
            return Failure(request.id, INTERNAL_ERROR, text, "internal")
        finally:
            self._cancelled.discard(request.id)

    def _run(self, request_id: RequestId) -> Run:
        def report(stage: str, n: int, total: int, text: str, **more: Any) -> None:
            params = {"id": request_id, "stage": stage, "n": n, "total": total, "text": text}
            self._send(Notification("progress", params | more))

        return Run(on_progress=report, is_cancelled=lambda: request_id in self._cancelled)

    def _send(self, message: Message) -> None:
        try:
            line = encode(message)
        except ValueError as error:  # a number that is none, a path that is no Unicode
            number = getattr(message, "id", None)
            text = f"The engine's answer cannot be sent ({type(error).__name__}); see its log."
            log.warning("cannot send %r", message)
            line = encode(Failure(number, INTERNAL_ERROR, text, "internal"))
        with self._write_lock:
            self._wire.write(line)
            self._wire.flush()

    def _hello(self, params: NamedParams, run: Run) -> Params:
        found = versions()
        return {
            "version": found["sa3d_blender"],
            "protocol": PROTOCOL,
            "python": found["python"],
            "torch": found["torch"],
            "device": str(self._session.device),
            "segmenters": list(segmenter_choices()),
            "memory": memory_use(self._session.device),
        }

    def _unload(self, params: NamedParams, run: Run) -> Params:
        self._session.unload()
        return {}

    def _info(self, params: NamedParams, run: Run) -> Params:
        return self._session.info(*checkpoint_of(params), run)

    def _render(self, params: NamedParams, run: Run) -> Params:
        begin = time.perf_counter()
        camera = Camera.from_json(params["camera"])
        path = params.path("out") / "view.npy"
        picture = self._session.picture(*checkpoint_of(params), camera, run)
        save_array(path, picture.image.cpu().numpy())
        seconds = time.perf_counter() - begin - run.seconds["load"]  # how long the next one takes
        return {"image": str(path), "seconds": seconds}

    def _predict(self, params: NamedParams, run: Run) -> Params:
        objects = prompts_from_json(params) if params.entries("objects") else []
        out, view_size = params.path("out"), params.get("view_size")
        if view_size is not None:
            view_size = settings_from_json(SegmentSettings, {"view_size": view_size}).view_size
        names = params.paths("found")
        known = self._session.found_before(params.path("result"), names) if names else {}
        predictions = self._session.predict(
            *checkpoint_of(params),
            Camera.from_json(params["camera"]),
            objects,
            (params.word("segmenter", AUTOMATIC), params.optional_text("weights")),
            downloaded=params.paths("downloaded"),
            view_size=view_size,
            found=known,
            run=run,
        )
        found = []
        asked = [prompt.name for prompt in objects]
        asked += [name for name in known if name not in asked]
        for i, (name, answer) in enumerate(zip(asked, predictions, strict=True)):
            path = out / f"masks_{i}.npy"
            save_array(path, answer.masks)
            found.append({"name": name, "masks": str(path), "scores": answer.scores.tolist()})
        return {"objects": found}

    def _points(self, params: NamedParams, run: Run) -> Params:
        checkpoint, options = checkpoint_of(params)
        count, seconds = params.whole("count", *POINTS), params.seconds("seconds")
        path = params.path("out") / "points.npz"
        side_file = params.optional_path("training_cameras")
        field = self._session.field(checkpoint, options, run)
        run.check()
        cameras = known_cameras(field, checkpoint, side_file)
        cloud = sample_surface(field, cameras, count=count, seconds=seconds, run=run)
        cloud.save(path)
        return {"points": str(path), "count": len(cloud.points)}

    def _training_cameras(self, params: NamedParams, run: Run) -> Params:
        path = params.path("file")
        return describe_training_cameras(self._session, *checkpoint_of(params), path, run)

    def _segment(self, params: NamedParams, run: Run) -> Params:
        if params.get("previews"):
            wanted = params.params("previews")
            show_previews(wanted.path("folder"), wanted.colors("colors"), run)
        return self._session.segment(
            *checkpoint_of(params),
            Camera.from_json(params["camera"]),
            prompts_from_json({"objects": params["objects"]}),
            settings_from_json(SegmentSettings, params.get("settings")),
            settings_from_json(MeshSettings, params.get("mesh")),
            params.path("out"),
            own_meshes=own_meshes_from_json(params.get("own_meshes")),
            more=[PromptedView.from_json(view) for view in params.optional_entries("more_views")],
            given=self._given_cameras(params, run),
            keep=params.names("keep"),
            downloaded=params.paths("downloaded"),
            run=run,
        )

    def _view(self, params: NamedParams, run: Run) -> Params:
        report, out = params.path("report"), params.path("out")
        return read_doubtful(report, params["object"], params.whole("view", 0, sys.maxsize), out)

    def _given_cameras(self, params: NamedParams, run: Run) -> list[Camera]:
        """The cameras of the request itself, or of a file that it names."""
        given = [Camera.from_json(data) for data in params.optional_entries("cameras")]
        side_file = params.optional_path("training_cameras")
        if side_file is not None:
            read = read_cameras(side_file)
            field = self._session.field(*checkpoint_of(params), run)
            given += placed_cameras(read, field).cameras
        return given

    def _mesh(self, params: NamedParams, run: Run) -> Params:
        settings = settings_from_json(MeshSettings, params.get("mesh"))
        result, out = params.path("result"), params.path("out")
        own = own_meshes_from_json(params.get("own_meshes"))
        only = params.names("objects")
        moved = params.optional_path("checkpoint")
        meshes = self._session.mesh(
            result, settings, run, own_meshes=own, only=only, checkpoint=moved
        )
        all_of_run = SegmentResult.load(result, device=self._session.device).objects
        return {"objects": write_objects(meshes, out, beside=[o.name for o in all_of_run])}

    def _rest(self, params: NamedParams, run: Run) -> Params:
        settings = settings_from_json(MeshSettings, params.get("mesh"))
        result, out = params.path("result"), params.path("out")
        moved = params.optional_path("checkpoint")
        mesh = self._session.rest(result, settings, run, checkpoint=moved)
        (written,) = write_objects({REST: mesh}, out)
        self._session.write_rest_splat(result, written, moved)
        return {"objects": [written]}


def serve(*, device: str = "auto") -> int:
    """Serve on the process's pipes until stdin ends."""
    # Whatever a library prints must not reach the wire: keep fd 1 for us, send prints to stderr.
    wire = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    # Python aborts at its end when a thread still waits for sys.stdin: the reader has its own.
    Server(wire, device=device).serve(os.fdopen(os.dup(0), "rb"))
    return 0
