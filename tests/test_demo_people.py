"""The invented people: plausible, of age, nobody twice, the same tomorrow."""

from __future__ import annotations

import itertools

import pytest

from counter_app.demo_people import AS_OF, MOST_PEOPLE, DemoPerson, people
from counter_app.domain.documents import id_number_holds
from counter_app.domain.masking import split_name

PEOPLE = 20_000


@pytest.fixture(scope="module")
def crowd() -> list[DemoPerson]:
    return list(people(PEOPLE, seed=7))


def test_the_same_seed_gives_the_same_people_whatever_the_count(crowd: list[DemoPerson]) -> None:
    assert list(people(100, seed=7)) == crowd[:100]
    assert list(people(100, seed=8)) != crowd[:100]


def test_the_people_never_change() -> None:
    # Screenshots, walkthroughs and the manual name them.
    assert [(person.name, person.id_number) for person in people(2, seed=1)] == [
        ("于辉斌", "220892200605057391"),
        ("谢晨", "152391199008223616"),
    ]


def test_nobody_twice(crowd: list[DemoPerson]) -> None:
    assert len({person.id_number for person in crowd}) == PEOPLE
    assert len({person.phone for person in crowd}) == PEOPLE


def test_id_numbers_hold_and_say_what_the_person_says(crowd: list[DemoPerson]) -> None:
    for person in crowd:
        assert id_number_holds(person.id_number)
        assert person.id_number[6:14] == f"{person.birth:%Y%m%d}"
        assert (int(person.id_number[16]) % 2 == 1) == (person.sex == "男")


def test_id_numbers_lie_in_county_numbers_that_were_never_given_out(crowd: list[DemoPerson]) -> None:
    assert {person.id_number[4] for person in crowd} == {"9"}


def test_ages(crowd: list[DemoPerson]) -> None:
    ages = {(AS_OF - person.birth).days / 365.2425 for person in crowd}
    assert 17.99 <= min(ages) < 18.5
    assert 79.5 < max(ages) <= 80.01


def test_phones_and_addresses(crowd: list[DemoPerson]) -> None:
    for person in crowd:
        assert len(person.phone) == 11
        assert person.phone.isdigit()
        assert person.phone.startswith("1")
        assert person.address.endswith("室")
    assert len({person.address for person in crowd}) > PEOPLE * 0.9


def test_the_difficult_surnames_are_among_them(crowd: list[DemoPerson]) -> None:
    surnames = {split_name(person.name)[0] for person in crowd}
    assert surnames >= {*"曾单仇解区查朴缪翟盖", "尉迟", "万俟", "欧阳", "单于"}
    difficult = sum(split_name(person.name)[0] in {*"曾单仇解区查朴缪翟盖"} for person in crowd)
    assert 0.01 < difficult / PEOPLE < 0.1


def test_men_and_women_come_in_no_fixed_order(crowd: list[DemoPerson]) -> None:
    changes = sum(one.sex != other.sex for one, other in itertools.pairwise(crowd))
    assert 0.45 < changes / PEOPLE < 0.55
    assert 0.45 < sum(person.sex == "女" for person in crowd) / PEOPLE < 0.55


def test_some_names_hold_a_character_that_receipts_cannot_print(crowd: list[DemoPerson]) -> None:
    rare = [person.name for person in crowd if set(person.name) & set("䶮㛃")]
    assert 1 <= len(rare) < 50
    with pytest.raises(UnicodeEncodeError):
        rare[0].encode("gbk")


def test_more_people_than_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        next(people(MOST_PEOPLE + 1, seed=1))
    assert list(people(0, seed=1)) == []
