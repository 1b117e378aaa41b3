"""One organization floods; what another one's single logs wait for, before and meanwhile.

The flood has many connections and large batches, below every rate limit. The neighbour sends one log at a time. Turns
at the commit and at the threads keep the flood's queue out of the neighbour's way; what remains is the machine's
processors, which the flood, its client and the database keep busy.
"""

from __future__ import annotations

import threading

from benchmarks.harness import Measurement, start_installation, write_results
from benchmarks.ingest import bodies, logs
from benchmarks.web import database_process, start_web

FLOOD_CONNECTIONS = 64
FLOOD_BATCH = 1_000
FLOOD_LOGS = 400_000
NEIGHBOUR_REQUESTS = 400


def main() -> None:
    postgres = start_installation("benchmarks.settings")
    from tests.factories import make_world

    flooding, neighbour = make_world("Flood", roles=()), make_world("Neighbour", roles=())
    flood_key, key = (world.key(world.service("checkout")).key for world in (flooding, neighbour))
    web = start_web(database_process(postgres))

    def flood(count: int) -> Measurement:
        requests = [web.request("/v1/ingest", body, flood_key) for body in bodies(logs(count), FLOOD_BATCH)]
        return web.measure("the flood", requests, batch=FLOOD_BATCH, connections=FLOOD_CONNECTIONS)

    def one_by_one(what: str) -> Measurement:
        requests = [web.request("/v1/ingest", body, key) for body in bodies(logs(NEIGHBOUR_REQUESTS), 1)]
        return web.measure(what, requests, batch=1, connections=1)

    flood(20_000)
    one_by_one("warm-up")
    results = [one_by_one("neighbour, alone")]
    flooded: list[Measurement] = []
    thread = threading.Thread(target=lambda: flooded.append(flood(FLOOD_LOGS)))
    thread.start()
    results.append(one_by_one("neighbour, flooded"))
    thread.join()
    results += flooded
    for one in results:
        print(
            f"{one.what:20}{one.logs_per_second:>10,.0f} logs/s   p50 {one.p50_ms:8.2f} ms   p99 {one.p99_ms:8.2f} ms"
        )
    alone, meanwhile, storm = results
    waits = {
        "flood_p50_ms": storm.p50_ms,
        "neighbour_p50_ms": meanwhile.p50_ms,
        "neighbour_alone_p50_ms": alone.p50_ms,
        "flood_waits_times_as_long": storm.p50_ms / meanwhile.p50_ms,
    }
    print(f"  → the flood waits {waits['flood_waits_times_as_long']:.0f} × as long as the neighbour beside it")
    print(f"\nwritten to {write_results('fairness', results, [waits])}")


if __name__ == "__main__":
    main()
