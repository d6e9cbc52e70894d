"""Media: what each kind is made of, what it refuses, and its W&B JSON."""

import gc
import io
import json
import os
import pickle
import sys
import wave
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from casstore import media
from casstore.errors import FileMissing, Invalid, Unsupported
from casstore.media.content import LocalFile, made_file

RED = np.zeros((3, 4, 3), dtype="uint8")
RED[..., 0] = 255


class Folder:
    """A sink and a source in memory."""

    def __init__(self):
        self.files = {}

    def put(self, path, content):
        self.files[path] = content

    def path_of(self, _content):
        return None

    def add(self, thing, name):
        path = f"{name}.{thing.log_type}.json"
        self.files[path] = made_file(json.dumps(thing.encode(self)).encode(), ".json")
        return path

    def content(self, path, _sha256=None):
        return self.files[path]

    def get(self, path):
        plain = json.loads(self.files[path].read())
        return media.MEDIA_KINDS[plain["_type"]].decode(plain, self)

    def again(self, thing):
        """Return a medium after writing and reading its JSON."""
        return self.get(self.add(thing, "x"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give an empty one, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return Folder()


def test_a_picture_of_an_array_is_a_png_named_by_its_digest(folder):
    """Its JSON is W&B's: type, path, digest, format, width and height."""
    image = media.Image(RED, caption="red")
    plain = image.encode(folder)
    name = f"media/images/{plain['sha256'][:20]}.png"
    assert plain == {
        "_type": "image-file",
        "path": name,
        "sha256": plain["sha256"],
        "size": len(image.read()),
        "caption": "red",
        "format": "png",
        "width": 4,
        "height": 3,
    }
    assert np.array_equal(np.asarray(folder.again(image).image), RED)
    assert folder.again(image) == image == media.Image(RED, caption="red")


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        (np.zeros((2, 3)), "L"),
        (np.zeros((2, 3, 1), dtype="int64"), "L"),
        (np.zeros((2, 3, 4), dtype="float32"), "RGBA"),
        (np.zeros((2, 3), dtype=bool), "L"),
        (PIL.Image.new("RGB", (3, 2)), "RGB"),
    ],
)
def test_channels_say_what_a_picture_is(data, mode):
    """1, 3 or 4 of them; ``mode`` says otherwise; JPEG has no transparency."""
    assert (media.Image(data).image.mode, media.Image(data).image.size) == (mode, (3, 2))
    assert media.Image(data, mode="L").image.mode == "L"
    assert media.Image(data, file_type="jpg").image.format == "JPEG"


def test_a_tensor_has_its_channels_first():
    """As torch's: detached, brought to the CPU, turned round."""

    class Tensor:
        def detach(self):
            return self

        cpu = detach

        def numpy(self):
            return np.zeros((3, 5, 7))

    assert media.Image(Tensor()).image.size == (7, 5)


def test_a_figure_is_drawn():
    """Whatever has ``savefig``: matplotlib's figures."""

    class Figure:
        def savefig(self, target, format):  # noqa: A002 - matplotlib's
            assert format == "png"
            PIL.Image.new("RGB", (5, 4)).save(target, "PNG")

    assert media.Image(Figure()).image.size == (5, 4)
    assert media.Plotly.make_plot_media(Figure()).width == 5


@pytest.mark.parametrize(
    "data", [np.zeros(3), np.zeros((2, 2, 2)), np.zeros((0, 2)), np.array([["a"]]), 1j]
)
def test_what_is_no_picture_is_refused(data):
    """With what a picture would be."""
    with pytest.raises(Invalid, match="no picture"):
        media.Image(data)
    with pytest.raises(Invalid, match="file_type"):
        media.Image(RED, file_type="tiff")


def test_a_picture_of_a_file_is_kept_as_it_is(folder):
    """Under its own name below its digest (W&B); its copy takes everything but the caption."""
    Path("red.bmp").write_bytes(media.Image(RED, file_type="bmp").read())
    image = media.Image("red.bmp")
    plain = image.encode(folder)
    assert plain["path"] == f"media/images/{plain['sha256'][:20]}/red.bmp"
    assert (plain["format"], plain["width"]) == ("bmp", 4)
    copy = media.Image(image, caption="copy")
    assert (copy.caption, copy.width, copy.read()) == ("copy", 4, image.read())
    assert image.path == "red.bmp"
    for bad, kind in (("gone.png", FileMissing), (".", Invalid), ("s3://b/x.png", Unsupported)):
        with pytest.raises(kind):
            media.Image(bad)
    Path("text.png").write_text("no picture", encoding="utf-8")
    assert media.Image("text.png").width is None


def test_a_file_that_changed_after_it_was_named_has_the_digest_of_its_bytes():
    """The path inside the artifact never lies."""
    page = made_file(b"<p>one</p>", ".html")
    first = LocalFile(page.local())
    before = first.sha256
    page.local().write_bytes(b"<p>two, longer</p>")
    assert first.sha256 != before


def test_boxes_masks_and_classes_come_back(folder):
    """Layers by name, class names from their labels."""
    labels = {0: "cat", 1: "dog"}
    box = {"position": {"middle": [0.5, 0.5], "width": 1, "height": 1}, "class_id": 1}
    image = media.Image(
        RED,
        boxes={"found": {"box_data": [box], "class_labels": labels}},
        masks={"seen": {"mask_data": np.eye(3, 4, dtype=int), "class_labels": labels}},
        classes=[{"id": 2, "name": "bird"}],
    )
    again = folder.again(image)
    assert again.boxes["found"].box_data == [box]
    assert again.masks["seen"] == image.masks["seen"]
    assert [each["name"] for each in again.classes.class_set] == ["cat", "dog", "bird"]
    unnamed = media.BoundingBoxes2D({"box_data": [box]}, "k")
    assert unnamed.class_labels == {1: "class_1"}


@pytest.mark.parametrize(
    ("keywords", "kind"),
    [
        ({"boxes": []}, Invalid),
        ({"boxes": {"a": {"box_data": [{"class_id": 1}]}}}, TypeError),
        ({"boxes": {"a": {"box_data": [], "class_labels": {"x": "y"}}}}, TypeError),
        ({"masks": {"a": {"mask_data": np.zeros(3)}}}, TypeError),
        ({"masks": {"a": {}}}, TypeError),
        ({"classes": [{"id": 1}]}, Invalid),
    ],
)
def test_layers_that_are_none_are_refused(keywords, kind):
    """As W&B refuses them."""
    with pytest.raises(kind):
        media.Image(RED, **keywords)


def test_an_image_with_boxes_needs_classes(folder):
    """A layer without any label cannot be added (W&B)."""
    image = media.Image(RED, boxes={"a": {"box_data": []}})
    with pytest.raises(Invalid, match="needs classes"):
        image.encode(folder)


def test_samples_are_16_bit_wav(folder):
    """Floats of -1 to 1 or integers; one or more channels; the caption is always in the JSON."""
    sound = media.Audio(np.array([[0, 1.0], [-1.0, 2.0]]), sample_rate=8000)
    with wave.open(io.BytesIO(sound.read())) as read:
        assert read.getparams()[:4] == (2, 2, 8000, 2)
        assert np.frombuffer(read.readframes(2), "<i2").tolist() == [0, 32767, -32767, 32767]
    plain = sound.encode(folder)
    assert (plain["caption"], plain["duration"]) == (None, 2 / 8000)
    assert folder.again(sound).sample_rate == 8000
    assert media.Audio([0, 5], sample_rate=1).read()[-4:] == b"\0\0\5\0"
    for bad, rate in (([0.5], None), ([], 1), (np.zeros((1, 1, 1)), 1), ([70000], 1)):
        with pytest.raises(Invalid):
            media.Audio(bad, sample_rate=rate)


def test_videos_are_files_or_gifs(folder):
    """Frames become a GIF; other formats are given as files or streams."""
    video = media.Video(np.zeros((3, 3, 4, 6), dtype="uint8"), format="gif", caption="v")
    assert (video.width, video.height, video.read()[:3]) == (6, 4, b"GIF")
    again = folder.again(video)
    assert (again.width, again.format, again.caption) == (6, "gif", "v")
    Path("film.MP4").write_bytes(b"film")
    assert media.Video("film.MP4").format == "mp4"
    assert media.Video(io.BytesIO(b"film"), format="webm").read() == b"film"
    with pytest.raises(Unsupported, match="mp4"):
        media.Video(np.zeros((3, 3, 4, 6)), format="mp4")
    for bad, kind in ((np.zeros((3, 4)), "gif"), (np.zeros((3, 3, 4, 6)), None), ("x.txt", None)):
        with pytest.raises(Invalid):
            media.Video(bad, format=kind)


def test_pages_are_text_files_or_streams(folder):
    """They are kept as they are: no style sheet of anybody's server."""
    Path("page.html").write_text("<p>file</p>", encoding="utf-8")
    assert media.Html("page.html").html == "<p>file</p>"
    assert media.Html("page.html", data_is_not_path=True).html == "page.html"
    assert media.Html(io.StringIO("<p>stream</p>")).html == "<p>stream</p>"
    assert folder.again(media.Html("<p>h\u00e9</p>")).html == "<p>h\u00e9</p>"
    with pytest.raises(Invalid):
        media.Html(5)


def test_shapes_are_files_points_or_scenes(folder):
    """Points of three, four or six numbers; scenes of one type."""
    points = media.Object3D(np.ones((2, 3)))
    assert json.loads(folder.again(points).read()) == [[1, 1, 1], [1, 1, 1]]
    assert points.encode(folder)["path"].endswith(".pts.json")
    scene = media.Object3D.from_point_cloud([[1, 2, 3]], [{"corners": np.zeros(3)}])
    assert json.loads(scene.read())["boxes"] == [{"corners": [0, 0, 0]}]
    assert media.Object3D.from_numpy([[1, 2, 3, 4]]).read() == b"[[1, 2, 3, 4]]"
    assert media.Object3D.from_file(io.StringIO("v 1"), "obj").path.endswith(".obj")
    for bad in (np.ones(3), np.ones((2, 5)), {"type": "x"}, 5, "x.txt"):
        with pytest.raises(Invalid):
            media.Object3D(bad)
    with pytest.raises(Invalid, match="file_type"):
        media.Object3D(io.StringIO("v 1"))


def test_molecules_are_files(folder):
    """RDKit's objects are written to one first; the message says how."""
    Path("a.pdb").write_text("ATOM\n", encoding="utf-8")
    assert folder.again(media.Molecule("a.pdb", caption="m")).caption == "m"
    assert media.Molecule(io.StringIO("x"), file_type="sdf").path.endswith(".sdf")
    for call in (media.Molecule.from_smiles, media.Molecule.from_rdkit):
        with pytest.raises(Unsupported, match="MolToPDBBlock"):
            call("CC") if call is media.Molecule.from_smiles else call(object())
    for bad in (5, "a.xyz"):
        with pytest.raises(Invalid):
            media.Molecule(bad)


def test_charts_and_histograms(folder):
    """A plotly figure is its JSON; a histogram its counts and edges."""

    class Figure:
        def to_plotly_json(self):
            return {"data": [{"y": np.array([1, 2])}], "layout": {}}

    chart = media.Plotly(Figure())
    assert json.loads(folder.again(chart).read())["data"] == [{"y": [1, 2]}]
    with pytest.raises(Invalid, match="no plotly figure"):
        media.Plotly(5)
    counts = media.Histogram([1, 1, 2], num_bins=2)
    assert (counts.histogram, counts.bins) == ([2, 1], [1.0, 1.5, 2.0])
    assert folder.again(counts) == counts
    for bad in (([1], [1]), ([1], [1, 2], [3]), ([0] * 513, list(range(514)))):
        with pytest.raises(Invalid):
            media.Histogram(np_histogram=bad)


@pytest.mark.parametrize(
    ("module", "make"),
    [
        ("PIL.Image", lambda: media.Image(RED)),
        ("numpy", lambda: media.Histogram([1])),
        ("numpy", lambda: media.Audio([0.5], sample_rate=1)),
    ],
)
def test_what_is_not_installed_is_named(folder, monkeypatch, module, make):
    """One line; a picture that is a file can be kept without Pillow, its size unknown."""
    Path("red.png").write_bytes(media.Image(RED).read())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unsupported, match="pip install"):
        make()
    if module == "PIL.Image":
        assert media.Image("red.png").width is None


def test_files_that_were_made_go_with_their_objects(tmp_path, monkeypatch):
    """Nothing is left in the temporary folder; a pickled object brings its bytes."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    page = media.Html("<p>x</p>")
    assert len(os.listdir(tmp_path)) == 1
    sent = pickle.dumps(page)
    del page
    gc.collect()
    assert os.listdir(tmp_path) == []
    assert pickle.loads(sent).html == "<p>x</p>"


def test_a_forked_child_does_not_take_the_parents_files():
    """The process that made a file removes it."""
    page = media.Html("<p>x</p>")
    child = os.fork()
    if child == 0:
        page._content = None
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert page.html == "<p>x</p>"
