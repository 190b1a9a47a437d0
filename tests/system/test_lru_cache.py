"""The cache that all visitors share: its bound holds, what was used last stays, and threads do not corrupt_images one another."""

import random
import threading
from collections import OrderedDict

import pytest

from vpc2.system.lru_cache import LruCache


def test_what_was_unused_for_longest_makes_room_and_to_ask_is_to_use():
    cache = LruCache(3)
    for key in "abc":
        cache.put(key, key.upper())
    assert cache.get("a") == "A" and cache.get("x") is None
    cache.put("d", "D")
    assert sorted(cache) == ["a", "c", "d"] and cache.size == cache.limit == 3
    cache.put("c", "C2")  # to replace is to use as well
    cache.put("e", "E")
    assert sorted(cache) == ["c", "d", "e"] and cache.get("c") == "C2"
    cache.clear()
    assert list(cache) == [] and cache.size == 0 and cache.get("c") is None


@pytest.mark.parametrize("seed", range(5))
def test_it_keeps_what_a_list_in_order_of_use_keeps(seed):
    """Against the plainest way to do it, over a thousand random requests with sizes."""
    draw, cache, plain = random.Random(seed), LruCache(100, len), OrderedDict()
    for number in range(1000):
        key, how = draw.randrange(30), draw.choice(("get", "put", "setdefault"))
        value = f"{number}".ljust(draw.choice((1, 10, 40, 100, 101)), ".")
        if how == "get":
            assert cache.get(key) == plain.get(key)
        elif how == "setdefault":
            assert cache.setdefault(key, value) == plain.get(key, value)
        if how == "put":
            plain.pop(key, None)
            cache.put(key, value)
        if key in plain:
            plain.move_to_end(key)
        elif how != "get" and len(value) <= 100:
            plain[key] = value
            while sum(map(len, plain.values())) > 100:
                plain.popitem(last=False)
        assert sorted(cache) == sorted(plain) and cache.size == sum(map(len, plain.values()))
    assert {key: cache.get(key) for key in plain} == plain


def test_what_is_larger_than_the_cache_is_not_kept_and_drives_nothing_out_but_its_own_older_value():
    cache = LruCache(10, len)
    cache.put("a", "12345")
    cache.put("b", "x" * 11)
    assert cache.setdefault("c", "x" * 11) == "x" * 11 and list(cache) == ["a"]
    cache.put("a", "x" * 11)
    assert list(cache) == [] and cache.size == 0


def test_the_first_of_two_that_are_made_at_once_is_the_one_that_all_get():
    cache, found, start = LruCache(3), [], threading.Barrier(8)

    def work():
        mine = object()
        start.wait()
        found.append(cache.setdefault("key", mine))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_threads_leave_the_bound_and_the_sum_of_sizes_as_they_are(tiny_turns):
    cache, wrong = LruCache(1000, len), []

    def work(seed):
        draw = random.Random(seed)
        try:
            for _ in range(3000):
                key = draw.randrange(40)
                if (kept := cache.get(key)) is not None and kept[0] != key:
                    wrong.append((key, kept[0]))
                cache.put(key, [key] * draw.randrange(1, 200))
                if cache.size > 1000:
                    wrong.append(cache.size)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the finding)
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and cache.size == sum(len(cache.get(key)) for key in cache) <= 1000


@pytest.fixture
def tiny_turns():
    """Threads change places as often as they can."""
    import sys

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)
