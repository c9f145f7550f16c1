# SPDX-License-Identifier: MIT
"""objects.py PERCENT: dicts, lists, strings and JSON, built, changed and dropped; prints digests.  To be run with PYTHONMALLOC=malloc."""

import hashlib
import json
import random
import sys


def digest(text):
    """A line of its own, so that the first that differs says where."""
    print(hashlib.sha256(text.encode()).hexdigest()[:32])


def people(rng, count):
    """Records as a service holds them."""
    return [{"id": n, "name": f"name-{rng.randrange(10 ** 9):x}", "tags": [f"t{rng.randrange(300)}" for _ in range(rng.randrange(6))],
             "place": {"x": rng.random(), "y": rng.random()}} for n in range(count)]


def round_trip(records):
    """Written as JSON and read again."""
    text = json.dumps(records, sort_keys=True)
    digest(text)
    return json.loads(text)


def index(records):
    """From tags to the names that have them."""
    names = {}
    for record in records:
        for tag in record["tags"]:
            names.setdefault(tag, set()).add(record["name"])
    digest("".join(tag + ",".join(sorted(names[tag])) for tag in sorted(names)))


def churn(rng, steps):
    """A dict of strings whose entries come and go."""
    live = {}
    for step in range(steps):
        key = rng.randrange(20000)
        if key in live and step % 3 == 0:
            del live[key]
        else:
            live[key] = live.get(key, "")[-200:] + str(step) * (1 + key % 7)
    digest("".join(live[key] for key in sorted(live)))


def words(rng, count):
    """Strings joined, split, counted and sorted."""
    text = " ".join(f"{rng.randrange(5000):x}{'-' * rng.randrange(12)}" for _ in range(count))
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    digest(repr(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))


def main():
    """All of it, from one seed."""
    rng = random.Random(7)
    percent = int(sys.argv[1])
    records = people(rng, 600 * percent)
    for _ in range(2):
        records = round_trip(records)
    index(records)
    churn(rng, 4000 * percent)
    words(rng, 2500 * percent)


main()
