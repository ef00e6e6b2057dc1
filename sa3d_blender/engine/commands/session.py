"""What command line and server have in common: jobs on a checkpoint, with everything kept warm."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.cameras import Camera
from ...core.field_kinds import FIELD_KINDS
from ...core.files import check_writable
from ...core.mesh import MeshData
from ...core.prompted_view import PromptedView
from ...core.prompts import Prompt
from ...core.scene_name import scene_name
from ...core.segmenters import resolve_segmenter
from ...core.settings import (
    FieldOptions,
    MeshSettings,
    OwnMeshes,
    SegmentSettings,
)
from ..mask_grids.field_facts import field_facts
from ..mask_grids.result import SegmentedObject, SegmentResult
from ..meshing.mesh_jobs import chosen_objects, make_meshes, with_earlier, write_objects
from ..meshing.rest_of_scene import extract_rest
from ..rendering.render import Picture, render_picture
from ..run import Run
from ..segmentation.artist_view import artist_camera, predict_in_picture
from ..segmentation.empty_space import check_on_something
from ..segmentation.pipeline import least_kept_weight, segment
from ..segmentation.report import seconds_since_start, settings_of_run, write_report
from ..segmenters.protocol import MaskPrediction
from ..view_path.picture_cache import PictureCache
from ..view_path.prepared_views import LEAST_KEPT_WEIGHT, prepare_view, size_of
from ..view_path.view_memory import ViewMemory
from .doubtful_views import tell_what_is_doubtful
from .loaded import Loaded
from .splat_results import save_splat, write_objects_splats, write_rest_splat


@dataclass
class Session(Loaded):
    """Jobs; what they load and look at is kept, but each names its checkpoint."""

    _pictures: PictureCache = field(default_factory=PictureCache)
    _views: ViewMemory = field(default_factory=ViewMemory)

    def unload(self) -> None:
        """Forget the field, the segmenter and all pictures, and give their memory back."""
        self._pictures, self._views = PictureCache(), ViewMemory()
        super().unload()

    def info(
        self, checkpoint: Path, options: FieldOptions, run: Run | None = None
    ) -> dict[str, Any]:
        """Facts about a checkpoint, for ``sa3d info`` and the add-on."""
        loaded = self.field(checkpoint, options, run)
        named = {"name": scene_name(Path(checkpoint)), "title": FIELD_KINDS[loaded.family].title}
        return named | loaded.info()

    def picture(
        self, checkpoint: Path, options: FieldOptions, camera: Camera, run: Run | None = None
    ) -> Picture:
        """A checkpoint's picture, depth and opacity from a camera, of any size."""
        loaded = self.field(checkpoint, options, run)
        return render_picture(loaded, camera, run=run or Run(), stage="render")

    def predict(
        self,
        checkpoint: Path,
        options: FieldOptions,
        camera: Camera,
        objects: Sequence[Prompt],
        segmenter: tuple[str, str | None],
        *,
        downloaded: Mapping[str, str] | None = None,
        view_size: int | None = None,
        found: Mapping[str, SegmentedObject] | None = None,
        run: Run | None = None,
    ) -> list[MaskPrediction]:
        """The segmenter's candidates for each object in the camera's picture.

        Args:
            objects: none of them merely makes the picture ready.
            found: what a run made of objects, by their names. Their prompts correct how that looks
                from here; of those without one, how it looks comes after the answers.
            segmenter: name and weights as the user chose them.
            downloaded: see `resolve_segmenter`.
            view_size: cut the picture as `segment` with this setting does; at its own size else.

        Raises:
            UserError: a prompt lies outside the picture, or on empty background, which is told
                before the picture is rendered.
        """
        segmenter = resolve_segmenter(*segmenter, downloaded or {}, self.device.type)
        loaded = self.field(checkpoint, options, run)
        PromptedView(camera, tuple(objects)).check()
        check_on_something(loaded, camera, objects)
        model = self.segmenter(*segmenter, run)
        cut, seen = camera, None
        if view_size is not None:
            same = self._views.is_for((self.field_key, segmenter, False))
            memory = self._views if same else ViewMemory()
            cut = artist_camera(camera, view_size, memory)
            seen = memory.known(cut)
        least = LEAST_KEPT_WEIGHT if found or view_size is not None else math.inf
        picture = self._pictures.get(
            (self.field_key, segmenter, least),
            json.dumps(cut.to_json()),
            lambda: seen or prepare_view(loaded, model, cut, run or Run(), least),
        )
        known = {name: entry.mask(picture.view) for name, entry in (found or {}).items()}
        answers = predict_in_picture(model, picture.embedding, cut, camera, objects, known)
        asked = [prompt.name for prompt in objects]
        nothing = np.zeros((1, 1, 1), np.float32)
        seen_so = [
            MaskPrediction(mask[None], np.ones(1), nothing)
            for name, mask in known.items()
            if name not in asked
        ]
        return answers + seen_so

    def segment(
        self,
        checkpoint: Path,
        options: FieldOptions,
        camera: Camera,
        objects: Sequence[Prompt],
        settings: SegmentSettings,
        mesh: MeshSettings,
        out: Path,
        *,
        own_meshes: OwnMeshes | None = None,
        more: Sequence[PromptedView] = (),
        given: Sequence[Camera] = (),
        keep: Sequence[str] = (),
        downloaded: Mapping[str, str] | None = None,
        run: Run | None = None,
        whole_process: bool = False,
    ) -> dict[str, Any]:
        """Cut objects out; write ``result.npz``, ``report.json``, ``NAME.glb``, ``NAME_mesh.npz``.

        Where the field is a splat, ``NAME_splat.ply`` too.

        Args:
            own_meshes: see `make_meshes`.
            more: prompts in pictures of other cameras; see `pipeline.segment`.
            keep: objects of an earlier result in ``out`` that stay in ``result.npz``.
            downloaded: see `resolve_segmenter`.
            whole_process: the report's total counts from the start of the process, not of the job.

        Returns:
            ``{result, report, segmenter, objects: [{name, mesh, glb, vertices, faces, confidence,
            note, disagree}]}`` with paths; see `tell_what_is_doubtful`. Of a splat also ``splat``.

        Raises:
            UserError: bad input, or ``out`` cannot be written; told at once.
        """
        run = run or Run()
        begin = time.perf_counter() - (seconds_since_start() if whole_process else 0)
        chosen = settings.segmenter, settings.weights
        name, weights = resolve_segmenter(*chosen, downloaded or {}, self.device.type)
        settings = replace(settings, segmenter=name, weights=weights)
        check_writable(out)
        run.progress("load", 0, 1, "Loading")
        loaded = self.field(checkpoint, options, run)
        segmenter = self.segmenter(name, weights, run)
        self._views.begin((self.field_key, (name, weights), settings.reference))
        least = least_kept_weight(settings)
        for ready in self._pictures.all_of((self.field_key, (name, weights), least)):
            self._views.keep(ready.view.camera, ready, size_of(ready))
        found, views = segment(
            loaded,
            segmenter,
            camera,
            objects,
            settings,
            more=more,
            given=given,
            run=run,
            memory=self._views,
        )
        where, made_in = os.path.abspath(checkpoint), field_facts(loaded)
        result = SegmentResult(where, options, tuple(found), made_in)
        meshes = make_meshes(loaded, found, mesh, run, own_meshes)
        with run.timed("write"):
            with_earlier(result, out / "result.npz", keep).save(out / "result.npz")
            written = write_objects(meshes, out, beside=keep)
            write_objects_splats(loaded, found, written)
            tell_what_is_doubtful(written, views, self._views.notes, out, found)
        run.seconds["total"] = time.perf_counter() - begin
        report = {
            "seconds": {k: round(v, 3) for k, v in run.seconds.items()},
            "views": views,
            "reused_views": self._views.reused,
            "objects": written,
            "segmenter": segmenter.name,
            "device": str(self.device),
            "field": loaded.info(),
            **settings_of_run(settings, mesh, own_meshes),
        }
        write_report(out / "report.json", report)
        return {
            "result": str(out / "result.npz"),
            "report": str(out / "report.json"),
            "objects": written,
            "segmenter": segmenter.name,
        }

    def mesh(
        self,
        result_path: Path,
        settings: MeshSettings,
        run: Run | None = None,
        *,
        own_meshes: OwnMeshes | None = None,
        only: Sequence[str] | None = None,
        single: bool = False,
        checkpoint: Path | None = None,
    ) -> dict[str, MeshData]:
        """The meshes of a saved result's objects by name, made anew.

        Args:
            own_meshes: see `make_meshes`.
            only: the names of some of them.
            single: refuse a result of several objects when ``only`` names none.
            checkpoint: see `SegmentResult.checkpoint_now`.
        """
        run = run or Run()
        result = SegmentResult.load(result_path, device=self.device)
        objects = chosen_objects(result, only, single=single)
        loaded = self.field_of(result, run, checkpoint)
        return make_meshes(loaded, objects, settings, run, own_meshes)

    def rest(
        self,
        result_path: Path,
        settings: MeshSettings,
        run: Run | None = None,
        *,
        checkpoint: Path | None = None,
    ) -> MeshData:
        """The mesh of everything but a saved result's objects; ``checkpoint`` as in `mesh`."""
        run = run or Run()
        result = SegmentResult.load(result_path, device=self.device)
        return extract_rest(self.field_of(result, run, checkpoint), result.objects, settings, run)

    def splat(
        self,
        result_path: Path,
        out: Path,
        run: Run | None = None,
        *,
        only: Sequence[str] | None = None,
        rest: bool = False,
        checkpoint: Path | None = None,
    ) -> int:
        """Save the Gaussians of a saved result's objects, or with ``rest`` all others.

        See `save_splat`; ``only`` and ``checkpoint`` are those of `mesh`.
        """
        result = SegmentResult.load(result_path, device=self.device)
        loaded = self.field_of(result, run or Run(), checkpoint)
        return save_splat(loaded, chosen_objects(result, only), out, rest=rest)

    def write_rest_splat(
        self, result_path: Path, files: dict[str, Any], checkpoint: Path | None = None
    ) -> None:
        """Add the rest of the scene as a splat to its mesh's ``files``; see `write_rest_splat`."""
        result = SegmentResult.load(result_path, device=self.device)
        write_rest_splat(self.field_of(result, Run(), checkpoint), result.objects, files)
