"""Shapley values (Shapley 1953) of any game whose worth of a set of players can be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial

import numpy as np

_MOST_PLAYERS = 12


def shapley_values(
    players: Sequence[str], worth: Callable[[frozenset[str]], np.ndarray]
) -> dict[str, np.ndarray]:
    """Exact Shapley values, one array a player, of a game whose ``worth`` of a set is an array (a number each row).

    Every subset is asked for once; the values add up to ``worth(all) - worth(none)``.

    Raises:
        ValueError: two players of one name, or more than 12: they have too many subsets.
    """
    if len(set(players)) != len(players) or len(players) > _MOST_PLAYERS:
        raise ValueError(f"need at most {_MOST_PLAYERS} players of different names, got {list(players)}")
    n = len(players)
    worths = {
        frozenset(some): np.asarray(worth(frozenset(some)), np.float64)
        for size in range(n + 1)
        for some in combinations(players, size)
    }
    values = {}
    for player in players:
        value = np.zeros_like(worths[frozenset()])
        for without in (one for one in worths if player not in one):
            share = factorial(len(without)) * factorial(n - len(without) - 1) / factorial(n)
            value = value + share * (worths[without | {player}] - worths[without])
        values[player] = value
    return values


def sampled_shapley(
    count: int,
    worths: Callable[[Sequence[frozenset[int]]], np.ndarray],
    *,
    orders: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """Shapley values ``(count, outputs)`` of many players. Exact where there are so few that all their sets are no
    more to ask for than the estimate; otherwise estimated in strata: what each adds to nothing and to all the others
    is asked for exactly, what it adds in between over random ``orders`` in which they join (Castro et
    al. 2009), every second the reverse of the one before.

    ``worths`` takes sets of players and gives ``(sets, outputs)``; it is called once, with no set twice. What the
    estimate misses of the sum is shared equally, so that the values add up to the worth of all minus that of none.
    """
    if count <= _MOST_PLAYERS and 2**count <= (orders + 2) * count + 2:
        return _exact(count, worths)
    everyone, nobody = frozenset(range(count)), frozenset[int]()
    joined = _orders(count, orders, seed)
    chains = [[frozenset(order[:size]) for size in range(count + 1)] for order in joined]
    ends = [(frozenset({player}), everyone - {player}) for player in range(count)]
    sets = list(dict.fromkeys(one for some in (*chains, *ends) for one in some))
    found = dict(zip(sets, np.asarray(worths(sets), np.float64), strict=True))
    outer = np.stack([found[alone] - found[nobody] + found[everyone] - found[rest] for alone, rest in ends])
    between, seen = np.zeros_like(outer), np.zeros((count, 1))
    for order, chain in zip(joined, chains, strict=True):
        for size in range(1, count - 1):
            between[order[size]] += found[chain[size + 1]] - found[chain[size]]
            seen[order[size]] += 1
    # Who came first or last in every order is taken to add in between what it adds to all others.
    last = np.stack([found[everyone] - found[rest] for _, rest in ends])
    inner = np.where(seen > 0, between / np.maximum(seen, 1), last)
    values = (outer + (count - 2) * inner) / count
    missed = found[everyone] - found[nobody] - values.sum(axis=0)
    return values + missed / count


def _exact(count: int, worths: Callable[[Sequence[frozenset[int]]], np.ndarray]) -> np.ndarray:
    players = range(count)
    sets = [frozenset(some) for size in range(count + 1) for some in combinations(players, size)]
    found = dict(zip(sets, np.asarray(worths(sets), np.float64), strict=True))
    named = {frozenset(map(str, some)): worth for some, worth in found.items()}
    values = shapley_values([str(player) for player in players], named.__getitem__)
    return (
        np.stack([values[str(player)] for player in players])
        if count
        else np.zeros((0, found[sets[0]].shape[-1]))
    )


def _orders(count: int, orders: int, seed: int) -> list[list[int]]:
    # An order and its reverse together cancel what depends on who of two came first.
    draws = np.random.default_rng(seed)
    joined: list[list[int]] = []
    for number in range(orders):
        joined.append(joined[-1][::-1] if number % 2 else draws.permutation(count).tolist())
    return joined
