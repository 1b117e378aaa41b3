"""``script/bench [NAME [SIZE]]``: runs one benchmark, at another size where it takes one, or all of them."""

from __future__ import annotations

import sys
from importlib import import_module
from inspect import signature

NAMES = ("alerts", "analytics", "audit", "fairness", "ingest", "livetail", "patterns", "reports", "response", "search")


def main(arguments: list[str]) -> int:
    """Exit status: 0, or 2 for a benchmark that there is not."""
    if len(arguments) == 2 and arguments[0] in NAMES and arguments[1].isdigit():
        benchmark = import_module(f"benchmarks.{arguments[0]}").main
        if not signature(benchmark).parameters:
            print(f"The benchmark {arguments[0]} has one size only; leave {arguments[1]} out.", file=sys.stderr)
            return 2
        benchmark(int(arguments[1]))
        return 0
    unknown = [name for name in arguments if name not in NAMES]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    for name in arguments or NAMES:
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
