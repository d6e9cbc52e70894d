"""Every step that power loss or a crash can cut in two.

Knows: create, write, sync, rename, link, lock, and which file systems keep their promises.
Never: formats, digests, what a file is for.  The only place of ``os.fsync``, ``os.rename``,
``os.link`` and of platform modules.  ``observe`` shows each step to a test, which replays any
prefix of them as a crash.
"""

from casstore.durable.filesystems import (
    boot_id,
    filesystem_type,
    is_local_filesystem,
    keeps_ctime,
    keeps_inodes,
    process_space,
)
from casstore.durable.inside import Inside
from casstore.durable.locks import FileLock, is_open_for_writing, provide_zeros
from casstore.durable.naming import (
    create_exclusive,
    install,
    install_new,
    is_gone,
    link,
    look_anew,
    make_directory,
    names_in,
    publish_exclusive,
    rename,
    replace_file,
    sync_directory,
    unlink,
)
from casstore.durable.reading import (
    LIMIT_HINT,
    damage_told,
    is_no_file,
    is_out_of_means,
    open_file,
    read_at,
    read_file,
    read_into,
    read_into_at,
)
from casstore.durable.steps import Step, observe
from casstore.durable.writing import (
    DIRECT_BUFFER_BYTES,
    FileWriter,
    create,
    is_out_of_space,
    map_memory,
    new_background,
    write_new,
    write_synced,
)

__all__ = [
    "DIRECT_BUFFER_BYTES",
    "LIMIT_HINT",
    "FileLock",
    "FileWriter",
    "Inside",
    "Step",
    "boot_id",
    "create",
    "create_exclusive",
    "damage_told",
    "filesystem_type",
    "install",
    "install_new",
    "is_gone",
    "is_local_filesystem",
    "is_no_file",
    "is_open_for_writing",
    "is_out_of_means",
    "is_out_of_space",
    "keeps_ctime",
    "keeps_inodes",
    "link",
    "look_anew",
    "make_directory",
    "map_memory",
    "names_in",
    "new_background",
    "observe",
    "open_file",
    "process_space",
    "provide_zeros",
    "publish_exclusive",
    "read_at",
    "read_file",
    "read_into",
    "read_into_at",
    "rename",
    "replace_file",
    "sync_directory",
    "unlink",
    "write_new",
    "write_synced",
]
