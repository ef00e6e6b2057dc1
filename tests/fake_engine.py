"""A stand-in for the engine that speaks the real wire with numpy alone, and misbehaves on demand.

The environment variable SA3D_FAKE holds words: ``crash`` (dies in the middle of ``segment``),
``hang`` and ``hang_after=8`` (ignores cancels), ``garbage`` (prints what is no message), ``slow``
(0.05 s a view), ``no_start`` (ends at once), ``view`` (no accepted view: a user error),
``faces=60000``, ``forward`` (training cameras bring a lens and a box), ``pace=150`` (claims that a
view took so many microseconds a pixel, and colours each by its direction), ``doubt`` (two views
disagree), ``no_pictures`` (their pictures are gone).
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.connection.messages import (
    CANCELLED,
    METHOD_NOT_FOUND,
    PROTOCOL,
    USER_ERROR,
    Failure,
    Message,
    Notification,
    Request,
    Response,
    decode,
    encode,
)
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.prompts import prompts_from_json
from sa3d_blender.engine.training_cameras import read_training_cameras
from tests.support.made_up_shapes import ball_of_points, seen_from, sphere, stripes

MODE = os.environ.get("SA3D_FAKE", "").split()
CANCELS: set[int] = set()
UNLOADED: list[bool] = []
FIRST_MESH_AFTER = 9
VIEWS = 20


def say(message: Message) -> None:
    """Write one message to the wire."""
    sys.stdout.buffer.write(encode(message))
    sys.stdout.buffer.flush()


def progress(request: Request, stage: str, n: int, total: int, **more: Any) -> None:
    """Report, wait a little when slow, and honour a cancel."""
    text = f"{stage} {n}"
    params = {"id": request.id, "stage": stage, "n": n, "total": total, "text": text}
    say(Notification("progress", params | more))
    if "slow" in MODE:
        time.sleep(0.05)
    while "hang" in MODE or f"hang_after={n}" in MODE:
        time.sleep(0.1)
    if request.id in CANCELS:
        raise Cancelled("Stopped.")


def info(request: Request) -> dict[str, Any]:
    """Facts of a field whose box is off centre; "forward" has it learned from one side."""
    path = Path(request.params["checkpoint"])
    if not path.is_file():
        raise UserError(f"There is no file at {path}; choose a checkpoint.", code="missing_file")
    return {
        "family": "fake",
        "title": "Fake NeRF",
        "scene": "forward_facing" if "forward" in MODE else "bounded",
        "box": [[-1.0, -1.5, -0.5], [2.0, 1.5, 1.0]],
        "notes": ["A stand-in."],
        "background": [1.0, 1.0, 1.0],
        "grid_size": [32, 32, 32],
        "name": path.stem,
    }


def render(request: Request) -> dict[str, Any]:
    """A picture whose red grows to the right and whose green grows downwards."""
    camera = Camera.from_json(request.params["camera"])
    image = np.full((camera.height, camera.width, 3), 0.25, np.float32)
    image[..., 0] = (np.arange(camera.width) + 0.5) / camera.width
    image[..., 1] = ((np.arange(camera.height) + 0.5) / camera.height)[:, None]
    pace = next((float(w.split("=")[1]) for w in MODE if w.startswith("pace=")), 0.0)
    if pace:
        image[..., 0] = 0.5 + (np.arange(camera.width) + 0.5 - camera.cx) / camera.fl_x / 4
        rows = 0.5 + (np.arange(camera.height) + 0.5 - camera.cy) / camera.fl_y / 4
        image[..., 1] = rows[:, None]
    path = Path(request.params["out"]) / "render.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    progress(request, "view", 1, 1)
    np.save(path, image)
    return {"image": str(path), "seconds": pace * 1e-6 * camera.width * camera.height}


def points(request: Request) -> dict[str, Any]:
    """Points on a sphere; "slow" takes a second over them and can be cancelled."""
    path = Path(request.params["out"]) / "points.npz"
    for step in range(20 if "slow" in MODE else 1):
        progress(request, "points", step + 1, 20)
    if "no_points" in MODE:
        raise UserError("The NeRF is all fog.", code="fog")
    ball_of_points(request.params["count"]).save(path)
    return {"points": str(path), "count": request.params["count"]}


def training_cameras(request: Request) -> dict[str, Any]:
    """The cameras of a file as they are; "forward" claims to have learned a lens and a box."""
    read = read_training_cameras(Path(request.params["file"]))
    progress(request, "load", 1, 1)
    cameras = [
        {"name": name, **camera.to_json()}
        for name, camera in zip(read.names, read.cameras, strict=True)
    ]
    found = {"cameras": cameras, "notes": list(read.notes)}
    if "forward" in MODE:
        box = [[-2.0, -2.0, -6.0], [2.0, 2.0, -2.0]]
        return {**found, "ndc_focal": 1.25, "ndc_aspect": 1.5, "box": box}
    return {**found, "ndc_focal": None, "ndc_aspect": None, "box": None}


def predict(request: Request) -> dict[str, Any]:
    """Discs around the first point or in the box, each candidate larger; the top row is empty."""
    camera = Camera.from_json(request.params["camera"])
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    path = Path(request.params["out"]) / "masks.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    objects = prompts_from_json(request.params) if request.params["objects"] else []
    progress(request, "encode", 1, 1)
    found = []
    for entry in objects:
        box = entry.box or (*entry.points[0], *entry.points[0])
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        if y < 5:
            raise UserError(
                f"A point of {entry.name!r} lies on empty background.", code="empty_background"
            )
        away = np.hypot(columns - x, rows - y)
        np.save(path, np.stack([away < radius for radius in (10, 20, 30)]))
        found.append({"name": entry.name, "masks": str(path), "scores": [0.9, 0.8, 0.7]})
    for name in set(request.params.get("found", {})) - {entry["name"] for entry in found}:
        np.save(path, (columns < camera.width / 2)[None])  # what a run made is seen on the left
        found.append({"name": name, "masks": str(path), "scores": [1.0]})
    return {"objects": found}


def segment(request: Request) -> dict[str, Any]:
    """One sphere for every object."""
    views = [request.params, *request.params.get("more_views", [])]
    named = {entry.name: entry for view in views for entry in prompts_from_json(view)}
    objects = list(named.values())
    if "view" in MODE:
        raise UserError("No view was accepted; click elsewhere on the object.", code="no_view")
    for view in range(VIEWS):
        more = {}
        if "previews" in request.params and view in (1, 2, 4, 8):
            folder = Path(request.params["previews"]["folder"])
            ball_of_points(100 * view).save(folder / f"object_0_{view}.npz")
            more = {"points": {objects[0].name: str(folder / f"object_0_{view}.npz")}}
        if "previews" in request.params and view == FIRST_MESH_AFTER:
            sphere(80).save(folder / "first_mesh_0.npz")
            more = {"meshes": {objects[0].name: str(folder / "first_mesh_0.npz")}}
        progress(request, "view", view + 1, VIEWS, **more)
        if "crash" in MODE and view == VIEWS // 2:
            os._exit(3)
    out = Path(request.params["out"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.npz").write_bytes(b"")
    (out / "request.json").write_text(json.dumps(request.params), encoding="utf-8")
    results = []
    camera = seen_from(request.params.get("settings", {}).get("view_size", 64)).to_json()
    sure = {"confidence": 0.6, "note": "Only 12 of 20 views agree."}
    sure["disagree"] = [
        {"view": view, "camera": camera, "agreement": 0.1 * view, "reason": "the mask contradicts"}
        for view in ((2, 4) if "doubt" in MODE else ())
    ]
    faces = next((int(w.split("=")[1]) for w in MODE if w.startswith("faces=")), 500)
    for number, entry in enumerate(objects):
        mesh = sphere(faces)
        path = out / f"{entry.name}_mesh.npz"
        MeshData(mesh.vertices * 0.3 + number, mesh.faces, mesh.colors).save(path)
        counts = {"vertices": len(mesh.vertices), "faces": len(mesh.faces)}
        results.append({"name": entry.name, "mesh": str(path), **counts, **sure})
    (out / "places.json").write_text(json.dumps([entry.name for entry in objects]), "utf-8")
    report = str(out / "report.json")
    Path(report).write_text(json.dumps({"objects": results}), encoding="utf-8")
    used = request.params.get("settings", {}).get("segmenter", "bundled")
    used = "bundled" if used == "automatic" else used
    said = {"result": str(out / "result.npz"), "report": report, "segmenter": used}
    return said | {"objects": results}


def view(request: Request) -> dict[str, Any]:
    """What was seen there: grey, and a mask of its left half."""
    told = json.loads(Path(request.params["report"]).read_text(encoding="utf-8"))
    lines = {entry["name"]: entry["disagree"] for entry in told["objects"]}
    found = [
        line
        for line in lines.get(request.params["object"], ())
        if line["view"] == request.params["view"]
    ]
    if not found or "no_pictures" in MODE:
        raise UserError("The report names no such view.", code="view_gone")
    camera = Camera.from_json(found[0]["camera"])
    out = Path(request.params["out"])
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "view.npy", np.full((camera.height, camera.width, 3), 0.5, np.float32))
    mask = np.zeros((camera.height, camera.width), bool)
    mask[:, : camera.width // 2] = True
    np.save(out / "view_mask.npy", mask)
    progress(request, "view", 1, 1)
    return {
        "camera": camera.to_json(),
        "image": str(out / "view.npy"),
        "mask": str(out / "view_mask.npy"),
    }


def remeshed(request: Request, names: list[str]) -> dict[str, Any]:
    """A sphere of the size that was asked for under each name, striped where it has a texture.

    It lies where the last run put it.
    """
    out = Path(request.params["out"])
    places = out / "places.json"
    found = json.loads(places.read_text(encoding="utf-8")) if places.is_file() else []
    (out / "mesh_request.json").write_text(json.dumps(request.params), encoding="utf-8")
    results = []
    for number, name in enumerate(names):
        progress(request, "surface", number + 1, len(names))
        wanted = request.params.get("own_meshes", {}).get(name, request.params["mesh"])
        mesh = sphere(wanted["max_faces"])
        texture = stripes(len(mesh.faces)) if wanted["texture"] else None
        path = out / f"{name}_mesh.npz"
        place = found.index(name) if name in found else 0
        MeshData(mesh.vertices * 0.3 + place, mesh.faces, mesh.colors, texture).save(path)
        results.append({"name": name, "mesh": str(path), "faces": len(mesh.faces)})
    return {"objects": results}


def mesh(request: Request) -> dict[str, Any]:
    """Spheres for the objects of a result."""
    return remeshed(request, request.params["objects"])


def rest(request: Request) -> dict[str, Any]:
    """A sphere for all but them."""
    return remeshed(request, ["Rest of the Scene"])


def hello(request: Request) -> dict[str, Any]:
    """Versions."""
    facts = {"version": "0.1.0", "protocol": PROTOCOL, "python": sys.version.split()[0]}
    facts |= {"torch": "none", "device": "fake", "segmenters": ["bundled"]}
    return facts | {"memory": {"process": 1_000_000 if UNLOADED else 500_000_000}}


def unload(request: Request) -> dict[str, Any]:
    """From now on it holds little."""
    UNLOADED.append(True)
    return {}


CALLS = (hello, unload, info, render, points, predict, segment, view, mesh, rest)
METHODS = {call.__name__: call for call in (*CALLS, training_cameras)}


def answer(request: Request) -> Message:
    """Carry out one request."""
    if request.method not in METHODS:
        return Failure(request.id, METHOD_NOT_FOUND, f"There is no method {request.method}.")
    try:
        return Response(request.id, METHODS[request.method](request))
    except UserError as error:
        return Failure(request.id, USER_ERROR, str(error), error.code)
    except Cancelled:
        return Failure(request.id, CANCELLED, "Stopped.", "cancelled")


def read(requests: queue.SimpleQueue[Request]) -> None:
    """Read the wire until it ends, then end."""
    for line in sys.stdin.buffer:
        message = decode(line)
        if isinstance(message, Request):
            requests.put(message)
        elif isinstance(message, Notification):
            CANCELS.add(message.params["id"])
    os._exit(0)


def main() -> None:
    """Serve."""
    if "no_start" in MODE:
        raise SystemExit("ModuleNotFoundError: No module named 'torch'")
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=read, args=(requests,), daemon=True).start()
    sys.stderr.write("fake engine ready\n")
    sys.stderr.flush()
    while True:
        request = requests.get()
        if "garbage" in MODE:
            sys.stdout.buffer.write(b"Loading weights... 100%\n{broken\n")
        say(answer(request))


if __name__ == "__main__":
    main()
