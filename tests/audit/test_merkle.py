"""The trees, against RFC 6962's own recursive definition and its published test vectors."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from audit import merkle
from audit.evidence.verify import leaf_hash, root_from_inclusion

# Certificate Transparency's reference inputs and roots (certificate-transparency/merkletree/merkle_tree_test.cc).
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(merkle, "BLOCK", 8)


leaves_of = some.lists(some.binary(max_size=8), min_size=1, max_size=70).map(
    lambda data: [leaf_hash(each) for each in data]
)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def test_published_vectors():
    leaves = [leaf_hash(data) for data in INPUTS]
    assert [merkle.root(leaves[: size + 1]).hex() for size in range(8)] == ROOTS
    assert merkle.root([]) == sha256(b"").digest()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(leaves_of)
def test_both_ways_to_the_root_are_the_definition(leaves):
    frontier = merkle.Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    assert merkle.root(leaves) == frontier.root() == by_definition(leaves)
    assert len(frontier.peaks) == frontier.size.bit_count()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(leaves_of, some.integers(1, 40))
def test_a_tree_taken_in_pieces_is_the_same(leaves, piece):
    tree = merkle.Tree()
    for start in range(0, len(leaves), piece):
        tree.extend(leaves[start : start + piece])
    assert (tree.size, tree.root()) == (len(leaves), merkle.root(leaves))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(leaves_of, some.data())
def test_inclusion_holds_for_this_leaf_at_this_place_only(leaves, data):
    index = data.draw(some.integers(0, len(leaves) - 1))
    paths = merkle.Paths(leaves)
    proof, size, top = paths.of(index), len(leaves), merkle.root(leaves)
    assert paths.root == top
    assert root_from_inclusion(leaves[index], index, size, proof) == top
    other = leaf_hash(b"something that is not in the tree")
    assert root_from_inclusion(other, index, size, proof) != top
    assert root_from_inclusion(leaves[index], index, size, [*proof, other]) != top
    if proof:
        assert root_from_inclusion(leaves[index], index, size, proof[:-1]) != top
        place = data.draw(some.integers(0, len(proof) - 1))
        changed = [*proof[:place], other, *proof[place + 1 :]]
        assert root_from_inclusion(leaves[index], index, size, changed) != top
