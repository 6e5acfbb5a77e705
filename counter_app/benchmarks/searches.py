"""Finding people among a million: through the desk, and on the screen, while somebody books and a terminal waits."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from counter_app import bootstrap, demo_hall, demo_people
from counter_app import settings as settings_file
from counter_app.benchmarks import halls, load
from counter_app.benchmarks.figures import FOLDER, ROOT, Figure, Tell, percentile
from counter_app.services import founding
from counter_app.services.customer_desk import CustomerDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.initials import initials

PEOPLE, PEOPLE_QUICK = 1_000_000, 50_000
KINDS = ("card", "phone", "last_four", "name_prefix", "initials")
_MOST_MS, _MOST_ON_SCREEN_MS = 10.0, 50.0
_PEOPLE_ASKED_FOR = 400
_TIMEOUT_S = 300.0


def measure(tell: Tell, *, quick: bool) -> Iterator[Figure]:
    """p99 of each way to find somebody, then the time from a key to the rows."""
    people = PEOPLE_QUICK if quick else PEOPLE
    kept = halls.of_many(people, tell)
    asked = queries(people, _PEOPLE_ASKED_FOR // 4 if quick else _PEOPLE_ASKED_FOR)
    with _working_copy(kept) as settings_path:
        yield from _through_the_desk(settings_path, people, asked)
        tell("typing into the entry box")
        yield _on_screen(settings_path, people, asked)


def queries(people: int, count: int) -> dict[str, list[str]]:
    """What a clerk types to find `count` people of the hall, by kind; spread over the whole hall."""
    chance = random.Random(halls.SEED)
    wanted = sorted(chance.sample(range(people), count))
    typed: dict[str, list[str]] = {kind: [] for kind in KINDS}
    everybody = enumerate(demo_people.people(people, halls.SEED))
    numbers = founding.card_no_run(f"{halls.PREFIX}2611", 1, people)
    chosen = set(wanted)
    for (place, person), card_no in zip(everybody, numbers, strict=False):
        if place not in chosen:
            continue
        typed["card"].append(card_no)
        typed["phone"].append(person.phone)
        typed["last_four"].append(person.phone[-4:])
        typed["name_prefix"].append(person.name[:2])
        typed["initials"].append(initials(person.name)[0][:2])
    for texts in typed.values():
        chance.shuffle(texts)
    return typed


@contextlib.contextmanager
def _working_copy(kept: Path) -> Iterator[Path]:
    """A settings file over a copy of the hall, so that the kept one never changes."""
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="searched-") as name:
        folder = Path(name)
        for file in kept.parent.iterdir():
            shutil.copy2(file, folder / file.name)
            # Otherwise the first commits wait for the whole copy to reach the disk, and nobody books meanwhile.
            with (folder / file.name).open("rb") as copied:
                os.fsync(copied.fileno())
        settings = settings_file.load(kept)
        moved = settings_file.Settings(
            counter_no=settings.counter_no,
            database=settings_file.DatabaseAt("sqlite", path=str(folder / halls.DATABASE_NAME)),
            key=settings_file.KeyAt("file", path=str(folder / halls.KEY_NAME)),
            hall_name=settings.hall_name,
        )
        settings_file.save(folder / halls.SETTINGS_NAME, moved)
        yield folder / halls.SETTINGS_NAME


def _through_the_desk(settings_path: Path, people: int, asked: dict[str, list[str]]) -> Iterator[Figure]:
    database = bootstrap.open_database(settings_file.load(settings_path))
    try:
        desk = CustomerDesk(HallAtCounter(database, halls.COUNTER_NO))
        for texts in asked.values():
            desk.find(texts[0])
        with load.beside(database) as booked:
            for kind, texts in asked.items():
                took_ms: list[float] = []
                booked_before = booked()
                for text in texts:
                    started_s = time.perf_counter()
                    desk.find(text)
                    took_ms.append((time.perf_counter() - started_s) * 1000)
                yield Figure(
                    f"find.{kind}",
                    percentile(took_ms, 0.99),
                    "ms",
                    _MOST_MS,
                    f"p99 of {len(texts)} among {people:,}, p50 {percentile(took_ms, 0.5):.2f} ms;"
                    f" {booked() - booked_before} top-ups meanwhile",
                )
    finally:
        database.close()


def _on_screen(settings_path: Path, people: int, asked: dict[str, list[str]]) -> Figure:
    person = next(row for row in demo_hall.demo_data()["staff"] if row["staff_no"] == halls.CLERK)
    each = 8 if people == PEOPLE_QUICK else 30
    texts: Sequence[str] = [
        text for row in itertools.zip_longest(*(found[:each] for found in asked.values())) for text in row
    ]
    said = subprocess.run(
        [
            sys.executable,
            "-m",
            "counter_app.benchmarks.watched",
            "rows",
            str(settings_path),
            halls.CLERK,
            person["password"],
        ],
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env={"QT_QPA_PLATFORM": "offscreen", **os.environ},
        timeout=_TIMEOUT_S,
    ).stdout
    took_ms = [float(line.split()[1]) * 1000 for line in said.splitlines() if line.startswith("rows ")]
    if len(took_ms) != len(texts):
        raise RuntimeError(f"rows came for {len(took_ms)} of {len(texts)} searches")
    return Figure(
        "find.first_rows",
        percentile(took_ms, 0.99),
        "ms",
        _MOST_ON_SCREEN_MS,
        f"p99 of {len(took_ms)} from the last key to the painted list, p50 {percentile(took_ms, 0.5):.1f} ms",
    )
