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


def _split(size: int) -> int:
    """The largest power of two below ``size``, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


# ---- Inclusion: this leaf is in that tree ----------------------------------------------------------------------------


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes beside the path from a leaf to the root, from the leaf up (RFC 6962, section 2.1.1).

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]
