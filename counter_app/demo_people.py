"""People who do not exist, for the demo hall, the benchmark and tests: the same ones for the same seed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from counter_app.domain.documents import check_digit


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One invented holder; `sex` is 男 or 女 as on the ID card, `id_number` has a right check digit."""

    name: str
    sex: str
    birth: dt.date
    id_number: str
    phone: str
    address: str


AS_OF = dt.date(2026, 11, 1)
"""The day on which everybody's age is between 18 and 80: fixed, so that the people never change."""

MOST_PEOPLE = 10_000_000
"""Within one seed nobody shares an ID number or a phone number with anybody else."""

_COMMON_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭肖田董袁潘于蒋蔡余杜叶程苏魏吕丁沈姚卢姜崔"
    "谭陆范汪廖石金韦白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵钱严覃武戴莫孔向常温康牛葛洪乔包"
)
_DIFFICULT_SURNAMES: tuple[str, ...] = (
    *"曾单仇解区查朴缪翟盖乐任宁员种谌秘折召隗郇冼车瞿牟",
    *(
        "尉迟",
        "万俟",
        "欧阳",
        "上官",
        "司马",
        "诸葛",
        "令狐",
        "澹台",
        "长孙",
        "单于",
        "皇甫",
        "慕容",
        "呼延",
        "东方",
    ),
)
_DIFFICULT_SHARE = 0.08
_MALE = "伟强磊军洋勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林海建国志文博翔峰晨东亮阳睿轩泽宏庆晟朝"
_FEMALE = "芳娜敏静丽艳娟霞秀英玲桂兰红梅燕萍莉洁婷雪琳慧颖倩佳欣怡梦瑶璐琪悦蕾茜晓雅思雨涵月彤乐凤珍"
_RARE = "䶮㛃"
"""Given-name characters that receipt printers cannot print; one person in two thousand has one."""
_RARE_SHARE = 0.0005

# Places of the real prefectures of the region with county numbers that were never given out, so that an invented
# number is nobody's.
_REGIONS: tuple[tuple[str, str], ...] = (
    ("152391", "东郊区"),
    ("152392", "西城区"),
    ("152393", "南湖区"),
    ("152394", "北关区"),
    ("152395", "新城区"),
    ("150591", "城北县"),
    ("150592", "柳河县"),
    ("220891", "安平县"),
    ("220892", "石桥县"),
    ("230291", "清水县"),
)
_STREETS = (
    "建设路",
    "人民街",
    "和平路",
    "新华街",
    "光明路",
    "解放街",
    "青年路",
    "文化街",
    "铁西路",
    "站前街",
)
_ESTATES = ("阳光花园", "惠民小区", "锦绣家园", "东苑小区", "福安里", "百合苑", "祥和小区", "天泽家园")
_PHONE_PREFIXES = (
    *(
        "134",
        "135",
        "136",
        "137",
        "138",
        "139",
        "150",
        "151",
        "152",
        "157",
        "158",
        "159",
        "182",
        "187",
        "188",
    ),
    *("130", "131", "132", "155", "156", "185", "186", "133", "153", "177", "180", "181", "189", "199"),
)

_YOUNGEST, _OLDEST = 18, 80
_PHONES_PER_PREFIX = 10**8


def people(count: int, seed: int) -> Iterator[DemoPerson]:
    """`count` invented people, one after another; the first n are the same for every count of at least n.

    `ValueError` above `MOST_PEOPLE`.
    """
    if not 0 <= count <= MOST_PEOPLE:
        raise ValueError(f"{count} people asked, at most {MOST_PEOPLE} have numbers of their own")
    chance = random.Random(seed)
    births = _births()
    surnames = _weighted(_COMMON_SURNAMES)
    # An ID number is one of (birth day × region × serial), a phone one of (prefix × eight digits).
    id_range = len(births) * len(_REGIONS) * 1000
    phone_range = len(_PHONE_PREFIXES) * _PHONES_PER_PREFIX
    ids = _each_once(id_range, 28, chance.getrandbits(28))
    phones = _each_once(phone_range, 32, chance.getrandbits(32))
    draw = chance.random
    for _ in range(count):
        id_at, phone_at = next(ids), next(phones)
        rest, serial = divmod(id_at, 1000)
        region, day = divmod(rest, len(births))
        code, district = _REGIONS[region]
        birth, birth_text = births[day]
        first_17 = f"{code}{birth_text}{serial:03d}"
        male = serial % 2 == 1
        prefix, digits = divmod(phone_at, _PHONES_PER_PREFIX)
        place = int(draw() * 4_000_000)
        yield DemoPerson(
            name=_name(draw(), draw(), draw(), surnames, _MALE if male else _FEMALE),
            sex="男" if male else "女",
            birth=birth,
            id_number=first_17 + check_digit(first_17),
            phone=f"{_PHONE_PREFIXES[prefix]}{digits:08d}",
            address=_address(district, place),
        )


def _each_once(below: int, bits: int, start: int) -> Iterator[int]:
    """Numbers below `below` (at most 2**bits), each at most once, in an order without a visible pattern.

    Counts through all numbers of `bits` bits and mixes each by steps that can be undone, so two never meet.
    """
    mask = (1 << bits) - 1
    for number in range(start, start + mask + 1):
        mixed = (number * 0x9E3779B1) & mask
        mixed = ((mixed ^ (mixed >> (bits // 2))) * 0x85EBCA6B) & mask
        mixed ^= mixed >> (bits // 2)
        if mixed < below:
            yield mixed


def _births() -> list[tuple[dt.date, str]]:
    """Every birthday of those who are 18 to 80 on `AS_OF`, with its text in the ID number."""
    first = AS_OF.replace(year=AS_OF.year - _OLDEST)
    last = AS_OF.replace(year=AS_OF.year - _YOUNGEST)
    days = (first + dt.timedelta(days=day) for day in range((last - first).days + 1))
    return [(day, day.strftime("%Y%m%d")) for day in days]


def _weighted(surnames: str) -> Sequence[str]:
    """A thousand places in which the first surnames stand most often, roughly as in a Chinese town."""
    shares = list(accumulate(1 / (rank + 3) for rank in range(len(surnames))))
    places: list[str] = []
    for surname, share in zip(surnames, shares, strict=True):
        places += [surname] * (round(1000 * share / shares[-1]) - len(places))
    return places


def _name(first: float, second: float, third: float, surnames: Sequence[str], given: str) -> str:
    """A name from three numbers in [0, 1)."""
    if first < _DIFFICULT_SHARE:
        surname = _DIFFICULT_SURNAMES[int(first / _DIFFICULT_SHARE * len(_DIFFICULT_SURNAMES))]
    else:
        surname = surnames[int((first - _DIFFICULT_SHARE) / (1 - _DIFFICULT_SHARE) * len(surnames))]
    if second < _RARE_SHARE:
        return surname + _RARE[int(second / _RARE_SHARE * len(_RARE))]
    one = given[int(second * len(given))]
    # One name in five has a given name of one character.
    return surname + one if third < 0.2 else surname + one + given[int((third - 0.2) / 0.8 * len(given))]


def _address(district: str, place: int) -> str:
    """An address from a number below 4,000,000."""
    place, street = divmod(place, len(_STREETS))
    place, estate = divmod(place, len(_ESTATES))
    place, house = divmod(place, 40)
    unit, room = divmod(place, 250)
    floor, door = divmod(room, 10)
    return f"{district}{_STREETS[street]}{_ESTATES[estate]}{house + 1}号楼{unit + 1}单元{floor + 1}{door // 5 + 1:02d}室"
