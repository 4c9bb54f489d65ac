"""The device's vault: sealed, erasable, tamper-evident, and whole after every power cut."""

from types import SimpleNamespace

import pytest
from daric import flash as layout
from daric.board.flashfile import FlashFile, Partition
from daric.flash import open_vault
from daric.floor import Floor
from daric.keysectors import KeySectors
from daric_protocol import atrest, platform
from daric_protocol.errors import DaricError

from tests.power.power_flash import BLOCKS, LittleFiles, draws, memory_chip, start

SECRET_TEXT = b"the secret share of party one!!!"


@pytest.fixture
def chip():
    return memory_chip()


def key_sectors(chip):
    """The raw bytes of device secret and both key areas: what one reads from a desoldered chip."""
    return chip.dump()[: layout.FILES_BLOCK * chip.block_size]


def with_key_sectors(old_dump, new_dump):
    """A chip with all files of the old dump, leftovers of littlefs included, and the key sectors of the new one."""
    cut = layout.FILES_BLOCK * 4096
    return memory_chip(new_dump[:cut] + old_dump[cut:])


def _table(chip):
    """Open the key table of a dump with the device secret that is in it."""
    secret = layout.SecretSector(Partition(chip, layout.SECRET_BLOCK, 1)).load()
    floor = Floor(Partition(chip, layout.FLOOR_BLOCK, 2), platform.hkdf_sha256(secret, b"", b"daric/floor", 32))
    key = layout.table_key(chip, draws()).open_without_pin()
    return KeySectors(Partition(chip, layout.KEYS_BLOCK, layout.KEYS_BLOCKS), key, draws(), floor).load()


def test_values_survive_a_restart(chip):
    start(chip).write("group/a", SECRET_TEXT)
    assert start(chip).read("group/a") == SECRET_TEXT


def test_no_value_lies_in_clear_on_the_flash(chip):
    start(chip).write("identity", SECRET_TEXT)
    assert SECRET_TEXT not in chip.dump()


def test_a_chip_in_a_file_works_as_one_in_ram(tmp_path):
    path = str(tmp_path / "flash.bin")
    start(FlashFile(path, BLOCKS)).write("name", b"value")
    assert start(FlashFile(path, BLOCKS)).read("name") == b"value"


def test_an_erased_entry_opens_from_no_dump(chip):
    vault = start(chip)
    vault.write("shard/a/1", SECRET_TEXT)
    before = chip.dump()
    vault.erase("shard/a/1")
    ghost = start(with_key_sectors(before, chip.dump()))
    assert ghost.read("shard/a/1") is None
    # And by hand: no row of the table that is left opens any file of the old dump.
    table = _table(memory_chip(chip.dump()))
    files = LittleFiles(Partition(memory_chip(before), layout.FILES_BLOCK, BLOCKS - layout.FILES_BLOCK), False)
    assert files.names(), "the old ciphertext is still there to be tried"
    assert len(table) == 32, "no row is left"
    for name in files.names():
        for version in range(16):
            with pytest.raises(DaricError):
                atrest.open_entry(table + bytes(16), b"daric/vault", "shard/a/1", version, files.read(name))


def test_the_key_of_an_erased_entry_is_nowhere_in_the_key_sectors(chip):
    vault = start(chip)
    vault.write("pair/a/1/2", SECRET_TEXT)
    row_key = vault._table[-16:]
    assert row_key in _table(memory_chip(chip.dump()))
    vault.erase("pair/a/1/2")
    table = _table(memory_chip(chip.dump()))
    assert row_key not in table
    inactive = vault.keys._active ^ 1
    area = layout.KEYS_BLOCKS // 2 * 4096
    first = layout.KEYS_BLOCK * 4096 + inactive * area
    assert chip.dump()[first : first + area] == b"\xff" * area


def test_a_replaced_value_opens_from_no_dump(chip):
    vault = start(chip)
    vault.write("pair/a/1/2", SECRET_TEXT)
    before = chip.dump()
    vault.write("pair/a/1/2", b"new")
    with pytest.raises(DaricError, match="pair/a/1/2"):
        start(with_key_sectors(before, chip.dump())).read("pair/a/1/2")


@pytest.mark.parametrize("attack", ["roll back", "remove", "flip", "swap", "cut short"])
def test_a_changed_file_is_named_and_takes_nothing_along(chip, attack):
    vault = start(chip)
    vault.write("journal/sessions", b"first")
    old = {name: vault._files.read(name) for name in vault._files.names()}
    vault.write("journal/sessions", b"second")
    vault.write("other", b"fine")
    target = f"{vault._find('journal/sessions')[2]:08x}"
    sealed = vault._files.read(target)
    if attack == "roll back":
        vault._files.write(target, [next(iter(old.values()))])
    elif attack == "remove":
        vault._files.remove(target)
    elif attack == "flip":
        vault._files.write(target, [sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]])
    elif attack == "swap":
        vault._files.write(target, [vault._files.read(f"{vault._find('other')[2]:08x}")])
    else:
        vault._files.write(target, [sealed[:15]])
    again = start(chip)
    with pytest.raises(DaricError, match="journal/sessions") as caught:
        again.read("journal/sessions")
    assert caught.value.name == "storage"
    assert again.damaged() == ["journal/sessions"]
    assert again.read("other") == b"fine"
    again.write("journal/sessions", b"third")
    assert start(chip).read("journal/sessions") == b"third"


def test_files_of_another_device_do_not_open(chip):
    start(chip).write("identity", SECRET_TEXT)
    stranger = memory_chip()
    open_vault(stranger, draws(99), LittleFiles).write("identity", b"other")
    cut = layout.FILES_BLOCK * 4096
    mixed = memory_chip(stranger.dump()[:cut] + chip.dump()[cut:])
    with pytest.raises(DaricError):
        start(mixed).read("identity")


def test_a_vault_in_use_is_never_formatted(chip):
    start(chip).write("identity", SECRET_TEXT)
    for block in range(layout.KEYS_BLOCK, layout.KEYS_BLOCK + layout.KEYS_BLOCKS):
        chip.erase(block)
    before = chip.dump()
    with pytest.raises(DaricError) as caught:
        start(chip)
    assert caught.value.name == "storage"
    assert chip.dump() == before


def test_a_damaged_device_secret_is_refused_once_the_vault_is_in_use(chip):
    start(chip).write("identity", SECRET_TEXT)
    chip.program(3, b"\x00")
    with pytest.raises(DaricError) as caught:
        start(chip)
    assert caught.value.name == "storage"


def test_a_file_system_that_does_not_mount_is_refused_not_formatted(chip):
    start(chip).write("identity", SECRET_TEXT)
    for block in (0, 1):
        chip.erase(layout.FILES_BLOCK + block)
    with pytest.raises(DaricError) as caught:
        start(chip)
    assert caught.value.name == "storage"


def test_a_full_file_system_is_a_clear_error_and_changes_nothing(chip):
    vault = start(chip)
    vault.write("small", b"stays")
    with pytest.raises(DaricError) as caught:
        for number in range(100):
            vault.write(f"big/{number}", bytes(30000))
    assert caught.value.name == "storage"
    assert vault.read("small") == b"stays"
    vault.erase("big/0")
    vault.write("small", b"changes")
    assert start(chip).read("small") == b"changes"


def test_full_key_sectors_are_a_clear_error_and_change_nothing(chip):
    vault = start(chip)
    stored = 0
    with pytest.raises(DaricError, match="full") as caught:
        for number in range(500):
            vault.write(f"{number:0100d}", b"x")
            stored += 1
    assert caught.value.name == "storage"
    assert len(start(chip).names()) == stored > 50
    vault.write(f"{0:0100d}", b"replacing still works")


def test_the_vault_holds_a_device_in_eight_groups_of_three(chip):
    vault = start(chip)
    for group in range(8):
        gid = bytes([group] * 16).hex()
        for name in (f"group/{gid}", f"shard/{gid}/1", f"spent/{gid}"):
            vault.write(name, bytes(600))
        for peer in (1, 2):
            vault.write(f"pair/{gid}/1/{peer}", bytes(100))
    assert len(start(chip).names()) == 40


def test_a_failing_flash_is_a_clear_error_and_the_vault_stays_shut(chip, monkeypatch):
    vault = start(chip)
    vault.write("name", b"old")

    def broken(area, image):
        raise OSError(5)

    monkeypatch.setattr(vault.keys, "_program", broken)
    with pytest.raises(DaricError) as caught:
        vault.write("name", b"new")
    assert caught.value.name == "storage"
    with pytest.raises(DaricError, match="restart"):
        vault.read("name")
    assert start(chip).read("name") == b"old"


@pytest.mark.parametrize("name", ["", "x" * 121])
def test_names_have_a_length(chip, name):
    with pytest.raises(DaricError):
        start(chip).write(name, b"")


def test_a_value_beyond_the_cipher_is_refused(chip):
    with pytest.raises(DaricError) as caught:
        start(chip).write("big", bytes(65536))
    assert caught.value.name == "too_large"


def test_the_first_start_survives_a_cut_at_every_operation(chip):
    trial = memory_chip()
    start(trial)
    for after in range(1, trial.operations + 1):
        for torn in (False, True):
            broken = memory_chip()
            broken.cut_power(after, torn)
            with pytest.raises(DaricError):
                start(broken, draws(after))
            broken.restore_power()
            vault = start(broken, draws(1000 + after))
            vault.write("a", b"1")
            assert start(broken).read("a") == b"1"


def test_over_all_cuts_no_key_and_nonce_seal_two_plaintexts(monkeypatch):
    sealed = {}
    original = platform.ccm_seal_parts

    def watch(key, nonce, parts, aad, tag_length=16):
        plaintext = b"".join(parts)
        seen = sealed.setdefault((bytes(key), bytes(nonce)), (plaintext, aad))
        assert seen == (plaintext, aad), "a key and nonce sealed a second plaintext"
        return original(key, nonce, parts, aad, tag_length)

    monkeypatch.setattr(platform, "ccm_seal_parts", watch)
    chip = memory_chip()
    vault = start(chip)
    vault.write("name", b"0")
    before = chip.operations
    vault.write("name", b"00")
    count = chip.operations - before
    for after in range(1, count + 1):
        for torn in (False, True):
            chip.cut_power(after, torn)
            try:
                vault.write("name", b"value %d %d" % (after, torn))
            except DaricError:
                pass
            chip.restore_power()
            vault = start(chip)
            vault.write("name", b"again %d %d" % (after, torn))
            vault.write("other", b"other %d %d" % (after, torn))
    assert len(sealed) > 4 * count


def test_wear_is_spread_over_both_key_areas_and_the_file_system(chip):
    vault = start(chip)
    before = bytes(chip.erases)
    for number in range(200):
        vault.write("journal/counter", number.to_bytes(8, "big"))
    wear = [
        int.from_bytes(chip.erases[4 * b : 4 * b + 4], "little") - int.from_bytes(before[4 * b : 4 * b + 4], "little")
        for b in range(chip.blocks)
    ]
    assert sum(wear[layout.KEYS_BLOCK : layout.LOCK_BLOCK]) == 200
    assert sum(wear[layout.LOCK_BLOCK : layout.FILES_BLOCK]) <= 2
    assert max(wear) <= 101


# Rolled back


def raw(dump, first, blocks):
    return dump[first * 4096 : (first + blocks) * 4096]


def with_raw(dump, first, part):
    return memory_chip(dump[: first * 4096] + part + dump[first * 4096 + len(part) :])


@pytest.mark.parametrize("changes", [1, 2, 7, 300])
def test_an_older_copy_of_the_key_sectors_alone_is_refused(chip, changes):
    vault = start(chip)
    vault.write("journal/sessions", b"old")
    old = raw(chip.dump(), layout.KEYS_BLOCK, layout.KEYS_BLOCKS)
    for number in range(changes):
        vault.write("journal/sessions", b"%d" % number)
    rolled = with_raw(chip.dump(), layout.KEYS_BLOCK, old)
    before = rolled.dump()
    with pytest.raises(DaricError, match="older copy") as caught:
        start(rolled)
    assert caught.value.name == "storage"
    assert rolled.dump() == before


def test_a_floor_that_was_erased_or_forged_opens_nothing(chip):
    start(chip).write("name", b"value")
    blank = with_raw(chip.dump(), layout.FLOOR_BLOCK, b"\xff" * 8192)
    with pytest.raises(DaricError):
        start(blank)
    forged = with_raw(chip.dump(), layout.FLOOR_BLOCK, b"\xff" * 8192)
    forged.program(layout.FLOOR_BLOCK * 4096, (1).to_bytes(4, "big") + bytes(16))
    with pytest.raises(DaricError):
        start(forged)


def test_the_floor_goes_from_block_to_block_and_survives_every_cut(chip):
    """Across the switch between its blocks: cut at each operation, nothing is lost and nothing is refused."""
    cells_of_a_block = 4096 // 32
    vault = start(chip)
    for number in range(cells_of_a_block - 3):
        vault.write("name", b"%d" % number)
    image = chip.dump()
    before = chip.operations
    for _ in range(4):
        vault.write("name", b"new")
    count = chip.operations - before
    for after in range(1, count + 1, 3):
        for torn in (False, True):
            broken = memory_chip(image)
            vault = start(broken)
            broken.cut_power(after, torn)
            with pytest.raises(DaricError):
                for _ in range(4):
                    vault.write("name", b"new")
            broken.restore_power()
            again = start(broken)
            assert again.read("name") in (b"%d" % (cells_of_a_block - 4), b"new")
            again.write("name", b"newer")
            assert start(broken).read("name") == b"newer"


# Wear


def test_wear_is_counted_for_each_raw_area(chip):
    vault = start(chip)
    for number in range(600):
        vault.write("journal/counter", number.to_bytes(8, "big"))
    device = SimpleNamespace(vault=vault, entropy=SimpleNamespace(draw=draws(5)))
    told = dict(layout.wear(device))
    blocks = {"keys": layout.KEYS_BLOCK, "floor": layout.FLOOR_BLOCK, "lock": layout.LOCK_BLOCK}
    for area, first in blocks.items():
        seen = max(int.from_bytes(chip.erases[4 * b : 4 * b + 4], "little") for b in (first, first + 1))
        assert abs(told[area] - seen) <= 1, area
    assert told["keys"] == 300 and told["floor"] == 2


def test_leftover_files_are_removed_at_the_start(chip):
    vault = start(chip)
    vault.write("name", b"value")
    vault._files.write("deadbeef", [b"left by a cut"])
    again = start(chip)
    assert "deadbeef" not in again._files.names()
    assert again.read("name") == b"value"
