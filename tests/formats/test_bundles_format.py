"""The format of bundles and inventories is frozen: bytes and constants that no release may move."""

import ast
import re
import sys
import zlib
from pathlib import Path

import casstore.bundles
from casstore.bundles import Inventory, about, container, inventory, write_inventory, writing
from casstore.bundles.container import Directory, Member
from casstore.digest import digest_of

FOLDER = Path(casstore.bundles.__file__).parent
FORMAT = (FOLDER / "FORMAT.md").read_text()
STORE_ID = bytes(range(16)).hex()
EVENT = "000102030405060708090a0b0c0d0e0f-000000000007-bb2b2d87a1155fee"
FRAMES = [digest_of(b"hello, pack\n"), digest_of(bytes(256))]


def worked_example(number):
    block = FORMAT.split("## Worked example")[1].split("```")[2 * number + 1]
    lines = block.removeprefix("text\n").splitlines()
    return bytes.fromhex("".join(line.partition("  ")[0] for line in lines))


def test_the_worked_zip_is_what_the_code_writes_and_reads():
    """The page shows real bytes, and no release writes others."""
    data = b"hello\n"
    member = Member("FORMAT", zlib.crc32(data), len(data), 0)
    row = container.central_row(member)
    directory = Directory(1, member.end, len(row))
    example = worked_example(0)
    head = container.local_header(member.name, member.crc, member.size_bytes)
    assert head + data + row + container.end_records(directory) == example
    assert container.parse_end(example[-container.END_BYTES :], len(example)) == directory
    rows = example[directory.offset : directory.offset + directory.size_bytes]
    assert container.parse_directory(rows, directory) == [member]


def test_the_worked_inventory_is_what_the_code_writes_and_reads(tmp_path):
    """Frames and events of the other pages' examples."""
    write_inventory(tmp_path / "inventory", STORE_ID, FRAMES, [EVENT])
    assert (tmp_path / "inventory").read_bytes() == worked_example(1)
    with Inventory(tmp_path / "inventory") as listed:
        assert listed.counts == (2, 1)
        assert all(map(listed.has_frame, FRAMES))
        assert listed.has_event(EVENT)


def stated(label):
    found = re.search(rf"^\| {re.escape(label)} \| ([0-9,]+) \|$", FORMAT, re.MULTILINE)
    assert found, label
    return int(found[1].replace(",", ""))


def test_the_page_states_the_constants_of_the_code():
    """Sizes and limits are the same in both."""
    assert stated("format version") == about.FORMAT_VERSION == inventory.FORMAT_VERSION
    assert stated("members of a part, at most") == container.MAX_MEMBERS
    assert stated("member, at most, bytes") == container.MAX_MEMBER_BYTES
    assert stated("name of a member, at most, characters") == container.MAX_NAME_CHARS
    assert stated("parts, at most") == about.MAX_PARTS
    assert stated("versions of a bundle, at most") == writing.MAX_VERSIONS
    assert stated("local header, bytes") == container.LOCAL_BYTES
    assert stated("end, bytes") == container.END_BYTES
    assert stated("inventory header, bytes") == inventory.HEADER.size
    assert stated("frame key, bytes") == inventory.FRAME_KEY_BYTES
    assert stated("event key, bytes") == inventory.EVENT_KEY_BYTES


def test_the_script_is_short_and_needs_python_alone():
    """Under 150 lines, only the standard library, and an older Python reads it."""
    text = (FOLDER / about.SCRIPT_NAME).read_text()
    assert len(text.splitlines()) < 150
    tree = ast.parse(text, feature_version=(3, 9))
    imported = {
        alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert not any(name.startswith("casstore") for name in imported)
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
