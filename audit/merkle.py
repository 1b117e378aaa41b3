"""Merkle trees as in Certificate Transparency: RFC 6962, section 2.1 (the same in RFC 9162).

Leaves and inner nodes are hashed with different prefixes, so that neither can pass for the other. A tree of n leaves
splits at the largest power of two below n; no leaf is ever doubled. Functions take the hashes of leaves
(``leaf_hash``), in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from audit.evidence.verify import NODE, node_hash

EMPTY_ROOT = sha256(b"").digest()
#: Complete subtrees of this many leaves are reduced to one hash as a tree grows; a power of two.
BLOCK = 4096


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes. Level by level, an odd last node moving up unchanged, makes the RFC's tree."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        paired = [sha256(NODE + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


class Tree:
    """A tree that takes any number of leaves in the memory of one block and a hash for each block before it."""

    def __init__(self) -> None:
        self.size = 0
        self._blocks: list[bytes] = []
        self._rest: list[bytes] = []

    def extend(self, leaves: Sequence[bytes]) -> None:
        self.size += len(leaves)
        self._rest += leaves
        whole = len(self._rest) - len(self._rest) % BLOCK
        if whole:
            self._blocks += [root(self._rest[start : start + BLOCK]) for start in range(0, whole, BLOCK)]
            del self._rest[:whole]

    def root(self) -> bytes:
        """Blocks are complete subtrees, so that their roots are leaves of the same tree, twelve levels up."""
        return root([*self._blocks, root(self._rest)] if self._rest else self._blocks)


class Frontier:
    """A tree that only grows, kept as the roots of its complete subtrees, largest first: about log2(n) hashes."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        self.size += 1
        node, size = leaf, self.size
        while size % 2 == 0:
            node = node_hash(self.peaks.pop(), node)
            size //= 2
        self.peaks.append(node)

    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


# ---- Inclusion: this leaf is in that tree ----------------------------------------------------------------------------


class Paths:
    """The inclusion proofs of a tree that is held whole: all its levels, the leaves first."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels = [list(leaves)]
        while len(level := self._levels[-1]) > 1:
            above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
            self._levels.append(above + level[-1:] if len(level) % 2 else above)

    @property
    def root(self) -> bytes:
        return self._levels[-1][0] if self._levels[0] else EMPTY_ROOT

    def of(self, index: int) -> list[bytes]:
        """The hashes beside the path from a leaf to the root, from the leaf up (RFC 6962, section 2.1.1).

        Raises:
            IndexError: there is no such leaf.
        """
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(f"leaf {index} of {len(self._levels[0])}")
        beside = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):  # An odd last node has nobody beside it, and moves up.
                beside.append(level[index ^ 1])
            index //= 2
        return beside
