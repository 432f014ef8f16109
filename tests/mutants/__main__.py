"""`python -m mutants [TOPIC...]`: break each rule in each way, one at a time; say what nobody notices."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from mutants.rules import Mutant, case_files, groups_of, load_groups, mutants, notices
from rollwatch.bundle.topics import ORDER

_WORKERS = 2


def main(topics: list[str]) -> int:
    """Exit status 0 if at least 95 % are noticed."""
    groups, tests = load_groups(), case_files()
    counts: dict[str, tuple[int, int]] = {}
    for topic in topics or ORDER:
        own = groups_of(topic, groups)
        if not own:
            continue
        if notices(None, [test for test in tests if set(test.groups) & set(own)], groups):
            print(f"{topic}: its tests fail as it is")
            return 2
        found: list[Mutant] = [mutant for name in own for mutant in mutants(groups[name])]
        with ThreadPoolExecutor(_WORKERS) as pool:
            caught = list(pool.map(lambda mutant: notices(mutant, tests, groups), found))
        for mutant, is_caught in zip(found, caught, strict=True):
            if not is_caught:
                print(f"  not noticed: {mutant.name}")
        counts[topic] = (sum(caught), len(found))
        print(f"{topic}: {sum(caught)} of {len(found)} noticed ({sum(caught) / len(found):.1%})", flush=True)
    noticed, total = sum(each for each, _ in counts.values()), sum(each for _, each in counts.values())
    print(f"all: {noticed} of {total} noticed ({noticed / total:.1%})")
    return 0 if noticed >= 0.95 * total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
