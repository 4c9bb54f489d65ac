"""As _boot.py, for a development image: files lie in the first blocks of the storage area, and only there.

They hold what a board starts with (boot.py, main.py, loader, codeflash). The vault and the code slots behind them are
never mounted and never formatted here. Frozen as _boot.py.
"""

import rp2
import vfs

FILES_BYTES = 16 * 4096  # daric/board/rp2.py counts the same blocks

_files = rp2.Flash(start=0, len=FILES_BYTES)
try:
    _system = vfs.VfsLfs2(_files, progsize=256)
except OSError:
    vfs.VfsLfs2.mkfs(_files, progsize=256)
    _system = vfs.VfsLfs2(_files, progsize=256)
vfs.mount(_system, "/")
