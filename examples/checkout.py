"""The checkout service: takes an order and asks payments to charge it."""

from __future__ import annotations

import os
import urllib.request

from examples.services import Answer, format_traceparent, make_logger, parse_arguments, serve


def main() -> None:
    options = parse_arguments("The checkout example service.", "--payments")
    logger = make_logger("checkout", options.incident_center, os.environ["INCIDENT_CENTER_KEY"])

    def check_out(path: str) -> Answer:
        order = path.rsplit("/", 1)[-1]
        request = urllib.request.Request(
            f"{options.payments}/charge/{order}", b"{}", {"traceparent": format_traceparent()}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=2):
                pass
        except OSError:
            logger.exception("payment failed for order %s", order, extra={"order": order})
            return 502, {"order": order, "error": "payments does not answer"}
        logger.info("order %s placed", order, extra={"order": order})
        return 200, {"order": order}

    serve(options.port, check_out)


if __name__ == "__main__":
    main()
