"""python -m service stylize|upscale: files and folders, without HTTP."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import anyio
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from service.__main__ import main
from tests.support.application import Connect
from tests.support.checkout import ROOT
from tests.support.pictures import decoded, encoded, file_of

Pixels = NDArray[np.uint8]
MANY = 24


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "service", *map(str, arguments)]


class Result(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Service = Callable[..., Result]


@pytest.fixture
def service(capsys: pytest.CaptureFixture[str], model_store: Path) -> Service:
    """What ``python -m service`` does with these arguments, without the seconds of starting it."""

    def run(*arguments: object) -> Result:
        store = () if "--model-store" in arguments else ("--model-store", model_store)
        try:
            returncode = main([*map(str, (*arguments, *store))])
        except SystemExit as stopped:
            returncode = int(stopped.code or 0)
        return Result(returncode, *capsys.readouterr())

    return run


def files(folder: Path) -> set[str]:
    """Of all depths, hidden ones too."""
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def pictures(folder: Path) -> dict[str, int]:
    """When each was written."""
    return {name: (folder / name).stat().st_mtime_ns for name in files(folder) if name[0] != "."}


def refusal(result: Result) -> str:
    """The one line that says what is wrong."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("service: ")
    return line


@pytest.fixture
def album(tmp_path: Path, photograph: Pixels) -> Path:
    """Two photographs, one of them in a folder."""
    folder = tmp_path / "album"
    (folder / "trip").mkdir(parents=True)
    (folder / "face.png").write_bytes(encoded(photograph))
    (folder / "trip" / "half.png").write_bytes(encoded(photograph[:64]))
    return folder


@pytest.fixture(scope="module")
def attic(tmp_path_factory: pytest.TempPathFactory, astronaut: Pixels) -> Path:
    """A folder as people have them, with the folder that pictures were made into inside it."""
    face = np.ascontiguousarray(astronaut[40:160, 150:294])
    folder = tmp_path_factory.mktemp("attic")
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    alpha = np.full(face.shape[:2], 128, np.uint8)
    contents = {
        "turned.JPG": encoded(face, "jpeg", exif=turned),
        "no suffix": encoded(face, "jpeg"),
        "2009/cut out.png": encoded(np.dstack([face, alpha])),
        "2009/june/scan.tif": encoded(face, "tiff"),
        "2009/june/wrong name.jpg": encoded(face, "png"),
        "2009/sky.gif": file_of(Image.fromarray(face).quantize(64), "gif"),
        "2009/torn.jpg": encoded(face, "jpeg")[:1000],
        "2009/empty.webp": b"",
        "2009/letter.txt": b"Dear all",
        ".trash/old.png": encoded(face),
        "2009/._turned.JPG": encoded(face, "jpeg"),
    }
    for name, body in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


@pytest.fixture(scope="module")
def painted(attic: Path) -> subprocess.CompletedProcess[str]:
    """The real command, with the attic as its argument."""
    asked = command("stylize", attic, "--style", "wave", "--out", attic / "painted")
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.usefixtures("painted")
def test_folders_keep_their_structure_and_files_the_suffix_of_their_format(attic: Path) -> None:
    assert files(attic / "painted") == {
        ".perceptual.jsonl",
        "turned.JPG",
        "no suffix.jpg",
        "2009/cut out.png",
        "2009/june/scan.png",
        "2009/june/wrong name.png",
        "2009/sky.png",
    }


def test_unreadable_files_are_reported_at_the_end_a_line_each(
    attic: Path, painted: subprocess.CompletedProcess[str]
) -> None:
    *_, first, second = painted.stderr.splitlines()
    assert first.startswith(f"service: {attic / '2009' / 'empty.webp'}: not a JPEG, PNG")
    assert second.startswith(f"service: {attic / '2009' / 'torn.jpg'}: The JPEG image is damaged")
    assert painted.returncode == 1
    assert painted.stdout == f"{attic / 'painted'}: 6 made, 2 failed, 1 other files left alone\n"


def test_progress_is_shown_with_the_time_that_is_left(
    painted: subprocess.CompletedProcess[str],
) -> None:
    assert "0/7 [00:00<" in painted.stderr
    assert "7/7 [" in painted.stderr


@pytest.mark.usefixtures("painted")
def test_orientation_and_transparency_are_those_of_the_file(attic: Path) -> None:
    with Image.open(attic / "painted" / "turned.JPG") as turned:
        assert turned.size == (120, 144)
        assert ExifTags.Base.Orientation not in turned.getexif()
    with Image.open(attic / "painted" / "2009" / "cut out.png") as cut_out:
        assert cut_out.getchannel("A").getextrema() == (128, 128)


@pytest.mark.anyio
async def test_pictures_are_those_that_http_answers(
    tmp_path: Path, model_store: Path, attic: Path, connect: Connect
) -> None:
    shutil.copytree(model_store / "wave", tmp_path / "wave")  # loads quicker than all models
    options = ("--strength", 0.7, "--preserve-color", "--max-side", 100, "--format", "png")
    image, out = attic / "2009" / "june" / "scan.tif", tmp_path / "out"
    asked = command("stylize", image, "--style", "wave", *options, "--out", out)
    await anyio.run_process(asked, cwd=ROOT)

    query = {"strength": 0.7, "preserve_color": True, "max_side": 100}
    async with connect(model_store=tmp_path) as client:
        upload = {"image": image.read_bytes()}
        answer = await client.post("/stylize/wave", params=query, files=upload)
    made = np.asarray(Image.open(out / "scan.png"))
    assert np.array_equal(made, decoded(answer))


def test_images_are_enlarged(
    service: Service, tmp_path: Path, album: Path, upscaler_store: Path
) -> None:
    store = ("--model-store", upscaler_store)
    image, out = album / "trip" / "half.png", tmp_path / "out"
    result = service("upscale", image, "--format", "webp", "--out", out, *store)
    assert result.returncode == 0, result.stderr
    with Image.open(out / "half.webp") as enlarged:
        assert (enlarged.format, enlarged.size) == ("WEBP", (576, 256))


def test_what_is_there_already_is_not_made_again(
    service: Service, tmp_path: Path, album: Path
) -> None:
    asked = ("stylize", album, "--style", "wave", "--out", tmp_path / "out")
    assert service(*asked).returncode == 0
    before = pictures(tmp_path / "out")

    result = service(*asked)
    assert result.stdout == f"{tmp_path / 'out'}: 0 made, 2 there already\n"
    assert pictures(tmp_path / "out") == before


def test_what_was_made_of_another_file_or_in_another_way_is_made_again(
    service: Service, tmp_path: Path, album: Path, photograph: Pixels
) -> None:
    asked = ("stylize", album, "--style", "wave", "--out", tmp_path / "out")
    assert service(*asked).returncode == 0
    (album / "face.png").write_bytes(encoded(photograph[::-1]))
    assert service(*asked).stdout.endswith(": 1 made, 1 there already\n")
    assert service(*asked, "--strength", 0.5).stdout.endswith(": 2 made\n")


def test_a_picture_that_was_changed_by_hand_is_kept_until_overwriting_is_asked_for(
    service: Service, tmp_path: Path, album: Path, photograph: Pixels
) -> None:
    asked = ("stylize", album, "--style", "wave", "--out", tmp_path / "out")
    assert service(*asked).returncode == 0
    retouched = encoded(photograph[:50])
    (tmp_path / "out" / "face.png").write_bytes(retouched)

    result = service(*asked)
    assert result.returncode == 1
    assert "face.png was changed since; --overwrite replaces it" in result.stderr
    assert (tmp_path / "out" / "face.png").read_bytes() == retouched

    assert service(*asked, "--overwrite").stdout.endswith(": 2 made\n")
    assert (tmp_path / "out" / "face.png").read_bytes() != retouched


def test_files_that_were_not_made_here_are_not_replaced_unasked(
    service: Service, tmp_path: Path, album: Path
) -> None:
    out = Path(shutil.copytree(album, tmp_path / "out"))
    before = pictures(out)
    line = refusal(service("stylize", album, "--style", "wave", "--out", out))
    assert f"{out / 'face.png'} and 1 more would be replaced; --overwrite does so" in line
    assert pictures(out) == before


@pytest.fixture
def many(tmp_path: Path, astronaut: Pixels) -> Path:
    """Seconds of work: photographs, none like another."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MANY):
        square = astronaut[number : number + 256, 2 * number : 2 * number + 256]
        (folder / f"{number}.jpg").write_bytes(encoded(square, "jpeg"))
    return folder


@pytest.mark.parametrize(
    ("stop", "returncode"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_the_same_command_goes_on_after_it_was_stopped(
    tmp_path: Path, many: Path, stop: signal.Signals, returncode: int
) -> None:
    out = tmp_path / "out"
    one_by_one = ("--max-batch-size", 1, "--codec-threads", 1)
    asked = ("stylize", many, "--style", "wave", "--out", out, *one_by_one)
    running = subprocess.Popen(command(*asked), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while running.poll() is None and not (out.is_dir() and pictures(out)):
        time.sleep(0.005)
    running.send_signal(stop)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == returncode, stderr

    before = pictures(out)
    assert 0 < len(before) < MANY
    for name in before:
        with Image.open(out / name) as picture:
            picture.load()  # all of it is there
    if stop is signal.SIGINT:
        assert not [name for name in files(out) if name.endswith(".partial")]
        assert stderr.splitlines()[-1] == "service: interrupted; the same command goes on"

    result = subprocess.run(command(*asked), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.stdout == f"{out}: {MANY - len(before)} made, {len(before)} there already\n"
    assert pictures(out).items() >= before.items()
    assert files(out) == files(many) | {".perceptual.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["album", "--style", "sunflowers"], "no style 'sunflowers'; there are: wave"),
        (["lost", "--style", "wave"], "lost: no such file or folder"),
        (["empty", "--style", "wave"], "no images in "),
        (["album"], "--style"),
        (["album", "--style", "wave", "--strength", "2"], "2 is not between 0 and 1"),
        (["album", "--style", "wave", "--format", "gif"], "--format: invalid choice: 'gif'"),
        (["album", "--style", "wave", "--threads", "no"], "--threads: "),
        (["album", "--style", "wave", "--model-store", "lost"], "lost: no such folder"),
        (["album", "album/trip", "--style", "wave", "--out", "album"], "is a folder of inputs"),
        (["album/face.png", "--style", "wave", "--out", "album"], "would replace an input"),
        (["album", "--style", "wave", "--out", "album/face.png"], "is no folder"),
        (["album", "twins", "--style", "wave"], "twins/face.png would both be written to "),
        (["twins", "--style", "wave", "--format", "webp"], "would both be written to "),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    service: Service,
    tmp_path: Path,
    album: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(album, "twins")
    Path("twins", "face.jpg").write_bytes(file_of(Image.open(album / "face.png"), "jpeg"))
    Path("empty").mkdir()
    before = files(tmp_path)
    out = [] if "--out" in arguments else ["--out", "out"]
    assert said in refusal(service("stylize", *arguments, *out))
    assert files(tmp_path) == before


def test_a_folder_that_cannot_be_written_to_is_named(
    service: Service, tmp_path: Path, album: Path
) -> None:
    (tmp_path / "out" / "trip").mkdir(parents=True)
    (tmp_path / "out" / "trip" / ".half.png.partial").mkdir()
    result = service("stylize", album, "--style", "wave", "--out", tmp_path / "out")
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(f"service: {tmp_path}/out/trip/half.png: ")


@pytest.mark.parametrize("name", ["stylize", "upscale"])
def test_help_lists_the_options(service: Service, name: str) -> None:
    result = service(name, "--help")
    assert result.returncode == 0
    for option in ("--out", "--format", "--quality", "--overwrite", "--model-store"):
        assert option in result.stdout
