"""What is kept of plans and statements has bounds."""

from genji_graphql.plans.cache import Cache


def test_what_was_used_last_is_kept() -> None:
    cache: Cache[str, int] = Cache(entries=2, weight=100)
    cache.put("a", 1, 1)
    cache.put("b", 2, 1)
    cache.get("a")
    cache.put("c", 3, 1)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_heavy_things_make_room_for_themselves() -> None:
    cache: Cache[str, int] = Cache(entries=10, weight=100)
    for name in "abc":
        cache.put(name, 1, 40)
    assert (cache.get("a"), len(cache), cache.weight) == (None, 2, 80)


def test_what_is_heavier_than_all_may_be_is_not_kept_and_drives_nothing_out() -> None:
    cache: Cache[str, int] = Cache(entries=10, weight=100)
    cache.put("a", 1, 40)
    cache.put("b", 2, 101)
    assert (cache.get("a"), cache.get("b"), cache.weight) == (1, None, 40)


def test_what_is_put_again_weighs_once() -> None:
    cache: Cache[str, int] = Cache(entries=10, weight=100)
    cache.put("a", 1, 40)
    cache.put("a", 2, 30)
    assert (cache.get("a"), cache.weight) == (2, 30)
