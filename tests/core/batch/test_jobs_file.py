"""JOBS.toml: what is read, what is said of jobs that cannot be, and how one is added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sa3d_blender.core.batch.job import BatchJob
from sa3d_blender.core.batch.jobs_file import append_job, read_jobs
from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import MeshSettings, SegmentSettings

CAMERA = Camera(64, 48, 60.0, 60.0, 32.0, 24.0, np.eye(4)).to_json()
WHOLE = '''
[[job]]  # the first
name = "mug"
checkpoint = "scenes/a.th"
cameras = "scenes/cameras.json"
size = "200x100"
frame = 2
settings = { views = 5 }
outputs = ["pictures", "meshes"]
frames = [0, 2]
note = """
[[job]]
"""
objects = [
    { name = "mug", points = [[3, 4.5]] },
    { name = "mug", points = [[1, 2]], labels = [0], frame = 7 },
]
[job.mesh]
max_faces = 900
[job.own_meshes."mug"]
texture = 1024

[[ job ]]
name = "plate"
checkpoint = "/b.th"
cameras = "/cameras"
prompts = "clicks.json"
'''


def write(folder: Path, text: str) -> Path:
    path = folder / "JOBS.toml"
    path.write_text(text, encoding="utf-8")
    return path


def job(name: str = "mug", **more: Any) -> dict[str, Any]:
    """The least that is a job."""
    objects = [{"name": "mug", "points": [[3.0, 4.0]], "labels": [1]}]
    return {"name": name, "checkpoint": "a.th", "cameras": "c.json", "objects": objects} | more


def test_a_whole_file(tmp_path: Path) -> None:
    clicks = {"objects": [{"name": "plate", "box": [0, 0, 9, 9]}]}
    (tmp_path / "clicks.json").write_text(json.dumps(clicks))
    text = WHOLE.replace('note = """\n[[job]]\n"""\n', "")
    (first, second), problems = read_jobs(write(tmp_path, text))
    assert problems == []
    mug, plate = first.job, second.job
    assert mug.checkpoint == tmp_path / "scenes" / "a.th", "paths start from the file's folder"
    assert (mug.size, mug.frame, mug.frames) == ((200, 100), 2, (0, 2))
    assert mug.settings == SegmentSettings(views=5)
    assert mug.mesh == MeshSettings(max_faces=900)
    assert mug.own_meshes == {"mug": MeshSettings(max_faces=900, texture=1024)}
    assert mug.outputs == ("meshes", "pictures")
    assert list(mug.prompts) == [2, 7]
    assert mug.prompts[7][0].refines
    assert (plate.outputs, plate.frames) == (("meshes",), ())
    assert plate.prompts[0][0].box == (0, 0, 9, 9)


def test_a_line_in_a_text_is_no_job(tmp_path: Path) -> None:
    found, problems = read_jobs(write(tmp_path, WHOLE))
    assert found == []
    first, second = problems
    assert first.startswith("JOBS.toml, line 2, job \"mug\": There is no 'note' in a job")
    assert second.startswith('JOBS.toml, line 23, job "plate": There is no prompt file at')


def test_what_is_read_is_written_and_read_again(tmp_path: Path) -> None:
    table = job(
        camera=CAMERA,
        size="64x48",
        options={"scene": "bounded"},
        settings={"views": 3, "weights": "w.pth"},
        more_views=[{"camera": CAMERA, "objects": [{"name": "mug", "points": [[1.0, 1.0]]}]}],
        outputs=["masks"],
        frames="all",
    )
    told = BatchJob.from_json(table, tmp_path).to_json()
    assert told["settings"]["weights"] == str(tmp_path / "w.pth")
    assert BatchJob.from_json(told, Path("/elsewhere")).to_json() == told
    append_job(tmp_path / "again" / "JOBS.toml", told)
    ((entry), *rest), problems = read_jobs(tmp_path / "again" / "JOBS.toml")
    assert (rest, problems) == ([], [])
    assert entry.job.to_json() == told


def test_each_problem_is_said_with_its_line_and_job(tmp_path: Path) -> None:
    objects = 'objects = [{ name = "a", points = [[1, 1]] }]'
    start = 'checkpoint = "a.th"\ncameras = "c.json"'
    jobs = [
        f'name = "a"\n{start}\n{objects}',
        f'name = "b"\n{start}\n{objects}\nsettings = {{ views = 0 }}',
        f'name = "A"\n{start}\n{objects}',
        f'name = "c/d"\n{start}\n{objects}',
        f"{start}\n{objects}",
        f'name = "e"\ncameras = "c.json"\n{objects}',
        f'name = "f"\ncheckpoint = "a.th"\n{objects}',
        f'name = "g"\n{start}\n{objects}\nprompts = "p.json"',
        f'name = "h"\n{start}\n{objects}\noutputs = ["films"]',
        f'name = "i"\n{start}\n{objects}\nsettings = {{ veiws = 3 }}',
        f'name = "j"\n{start}\n{objects}\nown_meshes = {{ b = {{ texture = 0 }} }}',
        f'name = "k"\n{start}\n{objects}\nsize = "large"',
        f'name = "l"\n{start}\n{objects}\nframes = ["x"]',
        f'name = "m"\n{start}\n{objects}\nframe = 1979-05-27',
        f'name = "n"\n{start}\nobjects = []',
    ]
    path = write(tmp_path, "".join(f"[[job]]\n{text}\n" for text in jobs))
    found, problems = read_jobs(path)
    assert [entry.job.name for entry in found] == ["a"]
    text = path.read_text().splitlines()
    lines = [number for number, line in enumerate(text, start=1) if line == "[[job]]"]
    expected = [
        *('"b": ', "It would write to the folder of the job at line 1", '"c/d": '),
        *("job 5: ", "names no checkpoint", "names no cameras", "once: prompts ="),
        *("'outputs' is not written as expected", "veiws", "'b'", "800x600", "'frames'"),
        *("'frame' is not written as expected", 'list "objects"'),
    ]
    for problem, line, part in zip(problems, lines[1:], expected, strict=True):
        assert problem.startswith(f"JOBS.toml, line {line}, job ")
        assert part in problem
        assert "\n" not in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[job]\n", "is not TOML: .*line 1"),
        ("", "has no job; add a table"),
        ("job = 3", "has no job"),
        ("[every]\nviews = 3", "has 'every'"),
        ("\0", "is not TOML"),
    ],
)
def test_a_file_that_is_none(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        read_jobs(write(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no jobs file"):
        read_jobs(tmp_path / "JOBS.toml")
    (tmp_path / "JOBS.toml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="cannot be read as text"):
        read_jobs(tmp_path / "JOBS.toml")


def test_a_job_is_added_and_what_was_there_stays(tmp_path: Path) -> None:
    path = write(tmp_path, '# by hand\n[[job]]\nname = "Mug"\ncheckpoint = "a.th"')
    before = path.read_text()
    told = job(checkpoint=str(tmp_path / "scenes" / "a.th"), cameras="/elsewhere/c.json")
    assert append_job(path, told) == "mug (2)", "no two jobs with one folder"
    assert append_job(path, told) == "mug (3)"
    text = path.read_text()
    assert text.startswith(before)
    assert 'checkpoint = "scenes/a.th"' in text, "it can be moved with its scenes"
    assert 'cameras = "/elsewhere/c.json"' in text
    found, problems = read_jobs(path)
    assert [entry.job.name for entry in found] == ["mug (2)", "mug (3)"]
    assert len(problems) == 1, "the one by hand has no prompts"


def test_what_is_no_job_is_not_added(tmp_path: Path) -> None:
    path = tmp_path / "JOBS.toml"
    with pytest.raises(UserError, match="number of views"):
        append_job(path, job(settings={"views": 0}))
    assert not path.exists()
    write(tmp_path, "not TOML")
    with pytest.raises(UserError, match="is not TOML"):
        append_job(path, job())
    assert path.read_text() == "not TOML"
