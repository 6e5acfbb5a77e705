"""The master key: every place it may live, every way it may be missing, damaged or exposed, and back from paper."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend

from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.storage import keys
from counter_app.storage.keys import InFile, InKeyring, PassphraseCost, UnderPassphrase

CHEAP = PassphraseCost(passes=1, memory_kib=8, lanes=1)
masters = st.binary(min_size=32, max_size=32)


class TestDerive:
    def test_every_use_has_its_own_key_and_the_same_master_gives_the_same_keys(self) -> None:
        hall = keys.derive(bytes(range(32)))
        parts = [hall.database_key, hall.field_key, hall.index_key, hall.audit_key]
        assert {len(part) for part in parts} == {32}
        assert len(set(parts)) == 4
        assert hall == keys.derive(bytes(range(32)))

    def test_keys_never_change_between_program_versions(self) -> None:
        # A changed label would lock every hall out of its own database.
        hall = keys.derive(bytes(range(32)))
        assert hall.key_id == "f3764f1fe8e8bc71"
        assert hall.database_key.hex() == "4ab6d63b35429b9ef9cd432b1966713d083ed5f541e093a050a552c2a5c01a10"

    def test_another_version_shares_no_key(self) -> None:
        first, second = keys.derive(b"m" * 32, 1), keys.derive(b"m" * 32, 2)
        assert first.field_key != second.field_key
        assert first.key_id != second.key_id
        assert second.key_version == 2

    def test_no_key_is_shown(self) -> None:
        shown = repr(keys.derive(b"m" * 32))
        assert shown == f"HallKeys(key_version=1, key_id='{keys.derive(b'm' * 32).key_id}')"

    @pytest.mark.parametrize(
        ("master", "version"), [(b"short", 1), (b"m" * 33, 1), (b"m" * 32, 0), (b"m" * 32, 256)]
    )
    def test_misuse_is_a_bug(self, master: bytes, version: int) -> None:
        with pytest.raises(ValueError, match="key"):
            keys.derive(master, version)


class TestFile:
    def test_created_and_loaded_again(self, tmp_path: Path) -> None:
        place = InFile(tmp_path / "new" / "hall.key")
        master = keys.create_master(place)
        assert len(master) == 32
        assert place.path.stat().st_mode & 0o777 == 0o600
        assert keys.load_master(place) == master

    def test_two_halls_never_share_a_master(self, tmp_path: Path) -> None:
        assert keys.create_master(InFile(tmp_path / "a")) != keys.create_master(InFile(tmp_path / "b"))

    def test_an_existing_key_is_never_overwritten(self, tmp_path: Path) -> None:
        place = InFile(tmp_path / "hall.key")
        master = keys.create_master(place)
        with pytest.raises(StorageTrouble, match="exists") as refused:
            keys.create_master(place)
        assert "不会覆盖" in refused.value.sentence()
        assert keys.load_master(place) == master

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
    def test_a_file_that_others_can_reach_is_refused(self, tmp_path: Path, mode: int) -> None:
        place = InFile(tmp_path / "hall.key")
        keys.create_master(place)
        place.path.chmod(mode)
        with pytest.raises(StorageTrouble) as refused:
            keys.load_master(place)
        assert "chmod 600" in refused.value.sentence()

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(StorageTrouble) as refused:
            keys.load_master(InFile(tmp_path / "hall.key"))
        assert "恢复密钥" in refused.value.sentence()

    def test_a_place_that_cannot_be_written_leaves_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("not a directory")
        with pytest.raises(StorageTrouble) as refused:
            keys.create_master(InFile(tmp_path / "file" / "hall.key"))
        assert "不能写入" in refused.value.sentence()

    @pytest.mark.parametrize("damage", ["", "hello", "é", "cut", "changed"])
    def test_damaged(self, tmp_path: Path, damage: str) -> None:
        place = InFile(tmp_path / "hall.key")
        keys.create_master(place)
        whole = place.path.read_text()
        changed = {"cut": whole[:40], "changed": ("1" if whole[0] != "1" else "2") + whole[1:]}
        place.path.write_text(changed.get(damage, damage), encoding="utf-8")
        with pytest.raises(Refused) as refused:
            keys.load_master(place)
        assert refused.value.reason is Reason.KEY_WRONG

    def test_a_recovered_master_can_be_put_into_a_new_place(self, tmp_path: Path) -> None:
        master = keys.create_master(InFile(tmp_path / "lost.key"))
        paper = keys.recovery_text(master)
        keys.store_master(InFile(tmp_path / "new.key"), keys.master_from_recovery(paper))
        assert keys.load_master(InFile(tmp_path / "new.key")) == master


class TestPassphrase:
    def test_opens_with_the_passphrase_only(self, tmp_path: Path) -> None:
        place = UnderPassphrase(tmp_path / "hall.json")
        master = keys.create_master(place, passphrase="东郊的第一把钥匙", cost=CHEAP)
        assert keys.load_master(place, passphrase="东郊的第一把钥匙") == master
        with pytest.raises(Refused) as refused:
            keys.load_master(place, passphrase="东郊的第二把钥匙")
        assert refused.value.reason is Reason.KEY_WRONG

    def test_the_sidecar_does_not_hold_the_master(self, tmp_path: Path) -> None:
        place = UnderPassphrase(tmp_path / "hall.json")
        master = keys.create_master(place, passphrase="long enough", cost=CHEAP)
        stored = place.sidecar.read_bytes()
        assert master not in stored
        assert master.hex().encode() not in stored
        assert keys.recovery_text(master).encode() not in stored
        assert place.sidecar.stat().st_mode & 0o777 == 0o600

    def test_full_width_typing_is_the_same_passphrase(self, tmp_path: Path) -> None:
        place = UnderPassphrase(tmp_path / "hall.json")
        master = keys.create_master(place, passphrase="Door 4711 key", cost=CHEAP)
        assert keys.load_master(place, passphrase="Ｄｏｏｒ　４７１１　ｋｅｙ") == master

    def test_a_short_passphrase_is_refused_and_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(Refused) as refused:
            keys.create_master(UnderPassphrase(tmp_path / "hall.json"), passphrase="1234567", cost=CHEAP)
        assert refused.value.reason is Reason.PASSWORD_TOO_WEAK
        assert not (tmp_path / "hall.json").exists()

    @pytest.mark.parametrize(
        "change",
        [
            {"wrapped": "AAAA"},
            {"wrapped": "not base64"},
            {"salt": "00"},
            {"passes": 10**9},
            {"memory_kib": 2**31},
            {"memory_kib": "much"},
            {"lanes": None},
        ],
    )
    def test_a_damaged_or_forged_sidecar_is_refused_at_once(
        self, tmp_path: Path, change: dict[str, object]
    ) -> None:
        place = UnderPassphrase(tmp_path / "hall.json")
        keys.create_master(place, passphrase="long enough", cost=CHEAP)
        place.sidecar.write_text(json.dumps(json.loads(place.sidecar.read_text()) | change))
        with pytest.raises(Refused) as refused:
            keys.load_master(place, passphrase="long enough")
        assert refused.value.reason is Reason.KEY_WRONG

    def test_no_json(self, tmp_path: Path) -> None:
        place = UnderPassphrase(tmp_path / "hall.json")
        place.sidecar.touch(0o600)
        place.sidecar.write_text("{")
        with pytest.raises(Refused):
            keys.load_master(place, passphrase="long enough")

    def test_the_real_cost_works(self, tmp_path: Path) -> None:
        place = UnderPassphrase(tmp_path / "hall.json")
        master = keys.create_master(place, passphrase="long enough")
        assert json.loads(place.sidecar.read_text())["memory_kib"] == 65536
        assert keys.load_master(place, passphrase="long enough") == master


class DrawerKeyring(KeyringBackend):
    """A complete keyring backend that keeps its entries in this process."""

    priority = 0.1
    entries: dict[tuple[str, str], str]

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


class TestKeyring:
    @pytest.fixture
    def drawer(self) -> Iterator[InKeyring]:
        module = types.ModuleType("drawer_keyring")
        DrawerKeyring.entries = {}
        module.Keyring = DrawerKeyring  # type: ignore[attr-defined]
        sys.modules["drawer_keyring"] = module
        yield InKeyring("drawer_keyring.Keyring", user="东郊营业厅")
        del sys.modules["drawer_keyring"]

    def test_created_and_loaded_through_the_named_backend(self, drawer: InKeyring) -> None:
        master = keys.create_master(drawer)
        assert keys.load_master(drawer) == master
        assert list(DrawerKeyring.entries) == [("city-card-counter", "东郊营业厅")]

    def test_an_existing_entry_is_never_overwritten(self, drawer: InKeyring) -> None:
        master = keys.create_master(drawer)
        with pytest.raises(StorageTrouble) as refused:
            keys.create_master(drawer)
        assert "不会覆盖" in refused.value.sentence()
        assert keys.load_master(drawer) == master

    def test_missing_entry(self, drawer: InKeyring) -> None:
        with pytest.raises(StorageTrouble) as refused:
            keys.load_master(drawer)
        assert "没有“东郊营业厅”的密钥" in refused.value.sentence()

    def test_damaged_entry(self, drawer: InKeyring) -> None:
        DrawerKeyring.entries["city-card-counter", "东郊营业厅"] = "something else"
        with pytest.raises(Refused) as refused:
            keys.load_master(drawer)
        assert refused.value.reason is Reason.KEY_WRONG

    @pytest.mark.parametrize(
        "backend",
        [
            "keyring.backends.fail.Keyring",
            "keyring.backends.nowhere.Keyring",
            "keyring.backends.fail.Nothing",
            "pathlib.Path",
            "Keyring",
            "",
        ],
    )
    def test_a_backend_that_cannot_work_says_what_to_do(self, backend: str) -> None:
        with pytest.raises(StorageTrouble) as refused:
            keys.create_master(InKeyring(backend, user="hall"))
        assert "密钥环不能使用" in refused.value.sentence()

    def test_a_backend_that_forgets_is_found_out_at_the_first_run(self) -> None:
        # The null backend swallows what it is given; the hall would lose its data at the next start.
        with pytest.raises(StorageTrouble):
            keys.create_master(InKeyring("keyring.backends.null.Keyring", user="hall"))

    def test_no_desktop_session(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path / 'no-bus'}")
        with pytest.raises(StorageTrouble) as refused:
            keys.load_master(InKeyring("keyring.backends.SecretService.Keyring", user="hall"))
        assert "密钥环不能使用" in refused.value.sentence()


class TestRecovery:
    @given(masters)
    def test_there_and_back(self, master: bytes) -> None:
        text = keys.recovery_text(master)
        assert [len(group) for group in text.split("-")] == [5] * 14
        assert not set(text) & set("ILOU")
        assert keys.master_from_recovery(text) == master

    @given(masters, st.data())
    def test_one_wrong_character_is_found_and_its_group_named(
        self, master: bytes, data: st.DataObject
    ) -> None:
        text = keys.recovery_text(master).replace("-", "")
        at = data.draw(st.integers(0, len(text) - 1))
        wrong = data.draw(
            st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ").filter(lambda char: char != text[at])
        )
        with pytest.raises(Refused) as refused:
            keys.master_from_recovery(text[:at] + wrong + text[at + 1 :])
        assert f"第 {at // 5 + 1} 组" in refused.value.sentence()

    @given(masters, st.integers(0, 13), st.integers(0, 13))
    def test_exchanged_groups_are_found(self, master: bytes, one: int, other: int) -> None:
        groups = keys.recovery_text(master).split("-")
        if one != other:
            groups[one], groups[other] = groups[other], groups[one]
            with pytest.raises(Refused):
                keys.master_from_recovery("-".join(groups))

    @given(masters, st.integers(0, 13), st.integers(0, 3))
    def test_neighbours_in_the_wrong_order_are_found(self, master: bytes, group: int, at: int) -> None:
        groups = keys.recovery_text(master).split("-")
        chars = list(groups[group])
        chars[at], chars[at + 1] = chars[at + 1], chars[at]
        if "".join(chars) != groups[group]:
            groups[group] = "".join(chars)
            with pytest.raises(Refused):
                keys.master_from_recovery("-".join(groups))

    def test_typed_carelessly(self) -> None:
        master = bytes(range(32))
        text = keys.recovery_text(master)
        careless = text.lower().replace("-", " ").replace("0", "o").replace("1", "l")
        assert keys.master_from_recovery(careless) == master
        wide = "".join(chr(ord(char) + 0xFEE0) for char in text)
        assert keys.master_from_recovery("\n".join((wide[:42], wide[42:]))) == master

    @pytest.mark.parametrize("typed", ["", "-", "钥匙", "U" * 70])
    def test_nonsense(self, typed: str) -> None:
        with pytest.raises(Refused) as refused:
            keys.master_from_recovery(typed)
        assert "第 1 组" in refused.value.sentence()

    def test_too_long_and_too_short(self) -> None:
        text = keys.recovery_text(bytes(32))
        with pytest.raises(Refused, match="VALUE_NOT_ALLOWED"):
            keys.master_from_recovery(text + "-00000")
        with pytest.raises(Refused) as refused:
            keys.master_from_recovery(text[:-3])
        assert "第 14 组" in refused.value.sentence()

    def test_another_hall_s_last_group_does_not_fit(self) -> None:
        one, other = keys.recovery_text(b"1" * 32), keys.recovery_text(b"2" * 32)
        with pytest.raises(Refused) as refused:
            keys.master_from_recovery(one[:-5] + other[-5:])
        assert "逐组核对" in refused.value.sentence()

    def test_a_master_has_one_form_only(self) -> None:
        # The last data group has four spare bits; another value in them must not open, whatever its check says.
        groups = keys.recovery_text(bytes(range(32))).split("-")
        right = groups[12]
        for last in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            for check in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
                groups[12] = right[:3] + last + check
                if groups[12] != right:
                    with pytest.raises(Refused):
                        keys.master_from_recovery("-".join(groups))

    def test_the_form_on_paper_never_changes(self) -> None:
        assert (
            keys.recovery_text(bytes(range(32)))
            == "000GC-40R4Y-0M301-E209M-185G2-R38EE-1W810-24GKG-2GAH0-C5RR1-34D1A-P70XT-3RFGY-Z9553"
        )
