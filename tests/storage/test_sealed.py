"""Sealed fields open only in their own place and with their own key; blind indexes only say "equal"."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter_app.domain.errors import StorageTrouble
from counter_app.storage.keys import derive
from counter_app.storage.sealed import blind_index, seal, unseal

KEYS = derive(b"k" * 32)
PLACE = ("holder", "phone", "H0001")


@given(st.text(max_size=60), st.text(max_size=20))
def test_there_and_back(plain: str, row_id: str) -> None:
    sealed = seal(KEYS, "holder", "phone", row_id, plain)
    assert unseal(KEYS, "holder", "phone", row_id, sealed) == plain
    assert len(sealed) == len(plain.encode()) + 29


def test_equal_values_look_different() -> None:
    assert seal(KEYS, *PLACE, "13812345678") != seal(KEYS, *PLACE, "13812345678")


def test_the_plain_text_is_not_in_it() -> None:
    assert b"13812345678" not in seal(KEYS, *PLACE, "13812345678")


@pytest.mark.parametrize(
    "place",
    [
        ("holder", "phone", "H0002"),
        ("holder", "document", "H0001"),
        ("staff", "phone", "H0001"),
        ("holder", "phone", ""),
    ],
)
def test_a_value_moved_to_another_place_does_not_open(place: tuple[str, str, str]) -> None:
    with pytest.raises(StorageTrouble) as refused:
        unseal(KEYS, *place, seal(KEYS, *PLACE, "13812345678"))
    assert "管理员" in refused.value.sentence()
    assert "13812345678" not in refused.value.cause


@given(st.data())
def test_any_flipped_bit_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(seal(KEYS, *PLACE, "152301199001010418"))
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StorageTrouble):
        unseal(KEYS, *PLACE, bytes(sealed))


@given(st.data())
def test_any_cut_is_noticed(data: st.DataObject) -> None:
    sealed = seal(KEYS, *PLACE, "13812345678")
    with pytest.raises(StorageTrouble):
        unseal(KEYS, *PLACE, sealed[: data.draw(st.integers(0, len(sealed) - 1))])


def test_other_keys_and_other_versions_do_not_open() -> None:
    sealed = seal(KEYS, *PLACE, "13812345678")
    with pytest.raises(StorageTrouble):
        unseal(derive(b"j" * 32), *PLACE, sealed)
    with pytest.raises(StorageTrouble, match="key version 01, keys at hand are 2"):
        unseal(derive(b"k" * 32, 2), *PLACE, sealed)
    # The version is bound too: the same key under another number is another place.
    with pytest.raises(StorageTrouble):
        unseal(replace(KEYS, key_version=2), *PLACE, b"\x02" + sealed[1:])


def test_blind_index_is_equal_only_for_equal_kind_value_and_key() -> None:
    index = blind_index(KEYS, "phone", "13812345678")
    assert len(index) == 16
    assert index == blind_index(derive(b"k" * 32), "phone", "13812345678")
    others = {
        blind_index(KEYS, "phone", "13812345679"),
        blind_index(KEYS, "document", "13812345678"),
        blind_index(KEYS, "phone1", "3812345678"),
        blind_index(derive(b"j" * 32), "phone", "13812345678"),
    }
    assert len(others) == 4
    assert index not in others
