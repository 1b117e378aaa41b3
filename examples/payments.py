"""The payments service: charges cards, and logs each charge."""

from __future__ import annotations

import os
import random

from examples.services import Answer, make_logger, parse_arguments, serve


def main() -> None:
    options = parse_arguments("The payments example service.")
    logger = make_logger("payments", options.incident_center, os.environ["INCIDENT_CENTER_KEY"])

    def charge(path: str) -> Answer:
        order, cents = path.rsplit("/", 1)[-1], random.randint(500, 20_000)
        logger.info("charged %d.%02d EUR for order %s", cents // 100, cents % 100, order, extra={"order": order})
        return 200, {"order": order, "charged": cents}

    serve(options.port, charge)


if __name__ == "__main__":
    main()
