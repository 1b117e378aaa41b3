"""On-call schedules: who is responsible when.

``wall_clock``, ``windows``, ``rotation``, ``restrictions`` and ``shifts`` are pure mathematics; ``selectors`` reads the
schedules of the open organization and asks the mathematics.
"""
