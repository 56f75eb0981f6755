"""Finds where pickling fails: the pickler written in Python, which remembers what it is inside of."""

import copyreg
import pickle
from collections import ChainMap
from typing import Any, List, cast

from forkwatch.spawncheck.probe import REDUCERS, Rules, Spawning


class _Nowhere:
    @staticmethod
    def write(data: Any) -> int:
        return len(data)


class _Tracer(cast(Any, pickle)._Pickler):  # type: ignore[misc]
    """`save` calls itself for everything inside an object, so the objects that it is inside of are the path."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(_Nowhere())
        self.dispatch_table = ChainMap(REDUCERS, cast(Any, copyreg.dispatch_table))
        self.chain: List[Any] = []
        self._rules = rules

    def reducer_override(self, instance: Any) -> Any:
        return self._rules.reduce(instance)

    def save(self, instance: Any, *arguments: Any, **options: Any) -> None:
        self.chain.append(instance)
        super().save(instance, *arguments, **options)
        # Not in a `finally`: after a failure the chain is the answer.
        self.chain.pop()


def chain_to_failure(process: Any, rules: Rules) -> List[Any]:
    """The objects from the process to the one that does not pickle, in pickling order; empty if there is none."""
    tracer = _Tracer(rules)
    try:
        with Spawning():
            tracer.dump(process)
    except RecursionError:
        return []
    except Exception:
        return list(tracer.chain)
    return []
